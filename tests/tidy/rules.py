"""The rules of the house, as data. checks.py applies them; nothing is exempt.

A rule that is in the way is changed here, with the reason, for everybody.
"""

import re

# The library graph: each library and the ones it may include. libs/README.md shows the same table,
# and a check compares the two.
LIBRARIES = {
    "base": set(),
    "telemetry": {"base"},
    "stream": {"base", "telemetry"},
    "event": {"base"},
    "clean": {"base", "event"},
    "learn": {"base"},
    "expression": {"base"},
    "series": {"base", "learn"},
    "profile": {"base", "event", "clean", "learn"},
    "recommend": {"base", "profile", "learn"},
    "store": {"base", "telemetry", "profile", "learn"},
}
# Services stand on libraries, and the command line on the node, which its demonstration runs.
SERVICES = {
    "node": set(LIBRARIES),
    "front": {"base", "telemetry"},
    "cli": set(LIBRARIES) | {"node"},
}

# Libraries that do no I/O, read no clock and draw no unseeded numbers.
PURE = {"event", "clean", "learn", "series", "expression", "profile", "recommend"}

# Third-party headers, and the folders that own them.
SERVICE_FOLDERS = {"node", "front", "cli"}
THIRD_PARTY = [
    (re.compile(r"librdkafka/"), {"stream"}),
    (re.compile(r"rocksdb/"), {"store"}),
    (re.compile(r"(Eigen|unsupported)/"), {"learn"}),
    (re.compile(r"simdjson"), {"event"}),
    (re.compile(r"prometheus/"), {"telemetry"}),
    (re.compile(r"hnswlib/"), {"recommend"}),
    (re.compile(r"xxhash"), {"base"}),
    (re.compile(r"openssl/"), {"store"}),
    (re.compile(r"google/protobuf/|.*\.pb\.h$"), {"event"} | SERVICE_FOLDERS),
    (re.compile(r"google/rpc/|grpc(pp)?/"), SERVICE_FOLDERS),
    (re.compile(r"nlohmann/|yaml-cpp/|CLI/|httplib|zlib|jemalloc/"), SERVICE_FOLDERS),
]

# Headers that a pure library has no use for.
IMPURE_HEADERS = re.compile(
    r"^(random|ctime|fstream|iostream|filesystem|unistd\.h|sys/.*|absl/time/clock\.h"
    r"|base/clock\.h|base/log\.h)$"
)


class Ban:
    """Code that must not appear, and what to write instead.

    `home` is the one folder that implements the replacement; `only` restricts the ban to paths that
    match.
    """

    def __init__(self, pattern, instead, home=None, only=None):
        self.pattern = re.compile(pattern)
        self.instead = instead
        self.home = home
        self.only = re.compile(only) if only else None

    def applies_to(self, path):
        if self.home and path.startswith(self.home):
            return False
        return self.only is None or bool(self.only.search(path))


# Files that the product is built from.
PRODUCTION = r".*(?<!_test)(?<!_bench)(?<!_fuzz)\.(cc|h)$"

# Looked for in C++ with comments and string literals taken out.
BANNED_CODE = [
    # The command line's parser reports by exceptions, its own way out of a callback.
    Ban(r"\bthrow\b", "return absl::Status", only=r"^(libs|services/(node|front))/"),
    Ban(r"\bassert\s*\(", "KINDRED_CHECK: it stays on in release builds"),
    Ban(r"\busing namespace\b(?! \w*literals)", "write the namespace", only=PRODUCTION),
    Ban(r"#\s*pragma once", "an include guard"),
    Ban(r"\b(std::)?(rand|srand)\s*\(", "learn/random.h, with a seed"),
    Ban(r"\brandom_device\b", "a seed that is passed in; services draw it", only=r"^libs/"),
    Ban(r"\bmt19937|\bstd::\w+_distribution\b", "learn/random.h, with a seed", only=PRODUCTION),
    Ban(
        r"\bchrono::system_clock\b|\babsl::Now\s*\(|\bgettimeofday\b"
        r"|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
        "a time that is passed in, or base::Clock",
        only=r"^libs/(?!base/|stream/)" + PRODUCTION,
    ),
    Ban(
        r"\bstd::(cout|cerr|clog)\b|\bprintf\s*\(",
        "base/log.h",
        home="libs/base/",
        only=r"^(libs|services/(node|front))/(?!main\.cc)" + PRODUCTION,
    ),
    Ban(
        r"\bstd::unordered_(map|set|multimap|multiset)\b",
        "absl::flat_hash_map, absl::flat_hash_set",
    ),
    Ban(r"\bstd::(regex|wregex)\b", "plain string functions: std::regex overflows the stack"),
    Ban(
        r"\bstd::sto(i|l|ll|ul|ull|f|d|ld)\b|\b(atoi|atol|atoll|atof|strtod|strtol|strtoul)\s*\(",
        "absl::SimpleAtoi, absl::SimpleAtod: they neither throw nor depend on the locale",
        only=PRODUCTION,
    ),
    Ban(r"\b(sprintf|vsprintf|strcpy|strcat|strtok|gets)\s*\(", "absl::StrCat, absl::StrSplit"),
    Ban(r"\b(std::bind|std::auto_ptr)\b", "a lambda, std::unique_ptr"),
    Ban(r"\bdynamic_cast\b", "a virtual function"),
    Ban(r"\bfriend class \w*Test", "test through the public contract"),
    Ban(r"\bGTEST_SKIP\b|\bDISABLED_", "a test that always runs"),
    Ban(r"EXPECT_TRUE\(true\)|ASSERT_TRUE\(true\)|\bSUCCEED\(\)", "an expectation that can fail"),
]

# Files that people write; golden files and corpora hold what programs print and strangers send.
WRITTEN = r"^(?!.*(golden|corpus)/)(.*\.(h|cc|proto|py|sh|md|txt|supp|yaml|xml)|[^/]*)$"

# Looked for in the whole text of every file.
BANNED_TEXT = [
    Ban(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b", "do it now, or leave it out"),
    Ban(r"\bNO" r"LINT|clang-format off", "code that needs no exemption"),
    Ban(r"(?<![\w.$}/~*-])/(home|root|work|Users)/\w", "a path that every machine has"),
    Ban(r"[ \t]+$", "no space at the end of a line", only=WRITTEN),
    Ban(r"\r", "line ends of one kind (LF)", only=WRITTEN),
]

# A file's name answers "what is in it"; these do not.
BANNED_FILE_NAME = re.compile(r"(^|_)(util|utils|helper|helpers|common|manager|misc|stuff)(_|\.|$)")

# Lines and columns. The columns of C++ are clang-format's matter.
HEADER_LINES_MAX = 200
SOURCE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 110
PROSE_COLUMNS_MAX = 130
# The whole of tests/data, so that a clone stays small.
DATA_BYTES_MAX = 3_000_000
