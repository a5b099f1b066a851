# Sourced by the scripts of deploy/ and tests/: how they speak, and where they keep what they fetch.

# The scripts' messages are in English, and so is what they parse of other programs' output.
export LC_ALL=C.UTF-8
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
# Outside the source tree: the tests' Python packages, Apache Kafka, grpcurl.
export KINDRED_CACHE="${KINDRED_CACHE:-$HOME/.cache/kindred}"

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' PLAIN=''
fi

# step "what happens now": a headline with the time since the script began.
step() {
  printf '%s== [%3d s] %s%s\n' "$BOLD" "$SECONDS" "$*" "$PLAIN"
}

# say "a detail below the current headline".
say() {
  printf '   %s\n' "$*"
}

# fail "what is wrong" ["what to do about it"...]: ends the script.
fail() {
  printf '%s%s: %s%s\n' "$RED" "$(basename "$0")" "$1" "$PLAIN" >&2
  shift
  local line
  for line in "$@"; do
    printf '   %s\n' "$line" >&2
  done
  exit 1
}

# require_space DIR MEGABYTES "what for": fails when DIR's file system has less room than that.
require_space() {
  local free
  free=$(df -Pm "$1" | awk 'NR == 2 {print $4}')
  [[ "$free" -ge "$2" ]] ||
    fail "the disk is almost full: $3 needs $2 MB below $1, and $free MB are free" \
      "make room and start again; what is done is kept"
}
