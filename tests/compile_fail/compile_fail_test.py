#!/usr/bin/env python3
"""Misuse does not compile, for the reason that it should not.

    compile_fail_test.py CASE.cc COMPILER FLAGS...

A case begins with "// expect: REGEX". It must compile as it is, and with -DMISUSE fail with an
error that matches REGEX: so it cannot pass because of a typing error.
"""

import re
import subprocess
import sys


def compile_case(command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return result.returncode, result.stderr


def main():
    case, *compiler = sys.argv[1:]
    with open(case, encoding="utf-8") as file:
        match = re.fullmatch(r"// expect: (.+)\n", file.readline())
    if not match:
        print(f"{case}: begins with // expect: REGEX")
        return 1
    command = [*compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", case]
    code, errors = compile_case(command)
    if code != 0:
        print(f"{case}: right use does not compile:\n{errors}")
        return 1
    code, errors = compile_case([*command, "-DMISUSE"])
    if code == 0:
        print(f"{case}: misuse compiles")
        return 1
    if not re.search(r"error: .*" + match.group(1), errors):
        print(f"{case}: misuse fails for another reason than {match.group(1)!r}:\n{errors}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
