#!/usr/bin/env bash
# The driver finds the canary's fault, saves the input, fails on it again, and finds the same one
# from the same seed; other seeds make other inputs.
#
#   driver_test.sh CANARY CORPUS
set -euo pipefail
canary="$(realpath "$1")" corpus="$(realpath "$2")"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
ulimit -c 0
cd "$place"

expect_finding() {
  if "$@" >"$place/log" 2>&1; then
    cat "$place/log"
    echo "no finding, though there is one: $*"
    exit 1
  fi
}

"$canary" "$corpus"
for folder in a b; do
  expect_finding "$canary" --runs=1000000 --seed=7 --artifacts="$place/$folder" "$corpus"
  grep -q 'run it again' "$place/log"
done
cmp "$place/a/canary_fuzz-seed7.finding" "$place/b/canary_fuzz-seed7.finding"
expect_finding "$canary" "$place/a/canary_fuzz-seed7.finding"
expect_finding "$canary" --runs=1000000 --seed=8 --artifacts="$place/c" "$corpus"
if cmp "$place/a/canary_fuzz-seed7.finding" "$place/c/canary_fuzz-seed8.finding"; then
  echo "two seeds made the same input"
  exit 1
fi
[[ "$("$canary" --runs=ten 2>&1)" == "bad option --runs=ten" ]]
