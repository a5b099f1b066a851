#!/usr/bin/env python3
"""A whole file through Kafka: every profile against an independent computation.

    online_retail.py --source slice            tests/data, which is always there
    online_retail.py --source online_retail    the UCI file, where it is present

Imports the file into a topic of eight partitions, lets a node read it to the end and checks
  - every value of every customer, and that the counts add up (online_retail_check.py);
  - that importing the same file again accepts nothing and leaves every profile byte for byte;
  - that the learned segments are as tight as scikit-learn's (segment_inertia_check.py).
"""

import json
import sys
import time

import harness
from harness import check, run, say

SYSTEM = harness.ROOT / "tests" / "system"
SEGMENTS_LIMIT_S = 90
ONLINE_RETAIL_ROWS = 541_909
ONLINE_RETAIL_CUSTOMERS = 4_372


def check_profiles(world, node, source):
    profiles = world.export(node, "profiles.jsonl")
    status = world.directory / "status.json"
    status.write_text(json.dumps(node.status()))
    result = run(
        [sys.executable, SYSTEM / "online_retail_check.py", source, profiles, "--status", status],
        120,
        expect=None,
    )
    print(result.stdout, end="", flush=True)
    check(result.returncode == 0, f"profiles differ\n{result.stderr}")
    return result.stdout


def check_segments(world, node):
    """The learner goes on as long as it gets better: the check is made until it holds."""
    deadline = time.monotonic() + SEGMENTS_LIMIT_S
    segments = world.directory / "segments.json"
    while True:
        answer = world.kindred("segments", "--server", node.grpc, "--json")
        segments.write_text(answer.stdout)
        profiles = world.export(node, "for_segments.jsonl", "--fields", "customer_id,features,segment")
        again = world.kindred("segments", "--server", node.grpc, "--json")
        version = json.loads(answer.stdout)["model_version"]
        if json.loads(again.stdout)["model_version"] == version:
            result = run(
                [
                    harness.PYTHON_WITH_SKLEARN,
                    SYSTEM / "segment_inertia_check.py",
                    profiles,
                    segments,
                ],
                120,
                expect=None,
            )
            if result.returncode == 0 or time.monotonic() > deadline:
                print(result.stdout, end="", flush=True)
                check(result.returncode == 0, f"segments\n{result.stderr}")
                return
        check(time.monotonic() < deadline, "the segments never stood still")


def test(world, options):
    retail = options.source == "online_retail"
    source = harness.ONLINE_RETAIL if retail else harness.SLICE
    if not source.exists():
        say(f"{source} is not there: nothing was checked; the slice gets the same check")
        return
    currency = "GBP" if retail else "USD"
    node = world.node("node", "purchases", settings=[f"clean.default_currency={currency}"])
    command = world.import_command(source, "purchases", "--const", f"currency={currency}")
    start = time.monotonic()
    say(run(command, 300).stdout.strip())
    node.start().wait_ready()
    status = node.status()
    rows = sum(int(part["end_offset"]) for part in status["partitions"])
    node.wait_applied(rows, 300)
    say(f"{rows:,} events imported and applied in {time.monotonic() - start:.1f} s")
    report = check_profiles(world, node, source)
    if retail:
        check(rows == ONLINE_RETAIL_ROWS, f"{rows:,} rows")
        wanted = f"all {ONLINE_RETAIL_CUSTOMERS:,} customers agree"
        check(wanted in report, f"expected: {wanted}")
    first = node.quality()
    before = world.export(node, "before.jsonl", "--state")

    say(run(command, 300).stdout.strip())
    node.wait_applied(2 * rows, 300)
    second = node.quality()
    check(second["accepted"] == first["accepted"], f"accepted again: {second}")
    repeated = int(second["duplicates"]) - int(first.get("duplicates", 0))
    check(repeated == rows, f"duplicates: {repeated:,} of {rows:,}: {second}")
    check(second["rejected"] == first["rejected"], f"rejected again: {second}")
    check(int(second["read"]) == 2 * rows, f"read: {second}")
    harness.same_file(before, world.export(node, "after.jsonl", "--state"), "imported twice")
    say(
        f"imported again: 0 accepted, {repeated:,} duplicates, 0 rejected; "
        "every profile byte for byte as before"
    )
    check_segments(world, node)
    say(f"memory of the node at its highest: {node.memory_mib():.0f} MiB")
    node.stop()


if __name__ == "__main__":
    harness.main(
        test,
        __doc__,
        lambda parser: parser.add_argument(
            "--source", choices=("slice", "online_retail"), default="slice"
        ),
    )
