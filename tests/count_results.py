"""Counts a ctest JUnit file: prints "passed failed", and names what failed on standard error.

A test that was skipped, disabled or not run did not pass: it counts as failed.
"""

import sys
import xml.etree.ElementTree as ElementTree


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: count_results.py RESULT.xml", file=sys.stderr)
        return 2
    passed = failed = 0
    for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        if case.get("status") == "run":
            passed += 1
        else:
            failed += 1
            reason = next(
                (child.get("message") for child in case if child.get("message")),
                case.get("status"),
            )
            print(f"   FAILED {case.get('name')}: {reason}", file=sys.stderr)
    print(passed, failed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
