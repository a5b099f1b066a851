#!/usr/bin/env python3
"""The tree follows the rules of the house; and every check finds what it is there for.

    tests/tidy/tidy_test.py [ROOT]

Prints every violation as path:line: what is wrong.
"""

import pathlib
import sys

import checks

# A tree that is wrong in one way, for each check: one that finds nothing there has gone blind.
WRONG = [
    ("check_graph", {"libs/learn/a.h": '#include "event/b.h"\n'}),
    ("check_graph", {"libs/learn/CMakeLists.txt": "kindred_library(learn SRCS a.cc DEPS event)"}),
    ("check_graph", {"libs/other/a.h": "\n"}),
    ("check_graph_table", {"libs/README.md": "| `learn` | numbers | base, event | Eigen |\n"}),
    ("check_third_party", {"libs/clean/a.cc": "#include <rocksdb/db.h>\n"}),
    ("check_third_party", {"libs/clean/a.cc": "#include <fstream>\n"}),
    ("check_bans", {"libs/clean/a.cc": "int x = std::stoi(text);\n"}),
    ("check_bans", {"libs/clean/b.cc": "  auto t = absl::Now();\n"}),
    ("check_bans", {"libs/clean/a.cc": "// TO" "DO: later\n"}),
    ("check_bans", {"README.md": "see /ho" "me/me/notes\n"}),
    ("check_lengths", {"libs/clean/a.h": "int a;\n" * 201}),
    ("check_lengths", {"libs/clean/a.cc": "void F(int a) {\n" + "  a++;\n" * 69 + "}\n"}),
    ("check_lengths", {"a.py": f"# {'a' * 109}\n"}),
    ("check_built", {"libs/clean/a.cc": "", "libs/clean/CMakeLists.txt": "b.cc"}),
    ("check_built", {"libs/clean/a_test.cc": "", "libs/clean/CMakeLists.txt": "f(SRCS a_test.cc)"}),
    ("check_file_names", {"libs/clean/string_utils.h": ""}),
    ("check_guards", {"libs/clean/a.h": "#ifndef A_H\n#define A_H\n#endif\n"}),
    ("check_readmes", {"libs/clean/a.cc": ""}),
    ("check_readmes", {"README.md": "look into `libs/gone/a.h`\n"}),
    ("check_protos", {"proto/a.proto": "// A.\nmessage A {\n  string name = 1;\n}\n"}),
    ("check_scripts", {"a.sh": "if true; then\n"}),
    ("check_scripts", {"a.py": "def f(:\n"}),
    ("check_sizes", {"libs/clean/a.cc": "int a;"}),
]
# And one of each kind that is right, where a careless check would find something.
RIGHT = [
    ("check_bans", {"libs/clean/a.cc": '// it may throw\nauto s = "std::stoi(x)";\n'}),
    ("check_bans", {"libs/base/clock.cc": "absl::Now();\n"}),
    ("check_lengths", {"libs/clean/a.cc": "class A {\n" + "  int f(int x) {}\n" * 100 + "};\n"}),
    ("check_lengths", {"libs/clean/a.cc": "const T k[] = {\n" + "  {1},\n" * 100 + "};\n"}),
    ("check_protos", {"proto/a.proto": "message A {\n  // Its name.\n  string name = 1;\n}\n"}),
]


def main():
    by_name = {check.__name__: check for check in checks.CHECKS}
    wrong = []
    for name, files in WRONG:
        if not list(by_name[name](checks.Tree(files))):
            wrong.append(f"tests/tidy/checks.py:1: {name} does not see what is wrong in {files}")
    for name, files in RIGHT:
        for found in by_name[name](checks.Tree(files)):
            wrong.append(f"tests/tidy/checks.py:1: {name} finds what is right: {found}")

    here = pathlib.Path(__file__).resolve()
    tree = checks.Tree.of_repository(sys.argv[1] if len(sys.argv) > 1 else here.parents[2])
    if len(tree.files) < 50:
        wrong.append(f"{tree.root}: only {len(tree.files)} files: is this the repository?")
    for check in checks.CHECKS:
        wrong.extend(check(tree))
    print("\n".join(wrong))
    print(f"{len(checks.CHECKS)} checks of {len(tree.files)} files: {len(wrong)} violations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
