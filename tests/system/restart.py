#!/usr/bin/env python3
"""Stops a node in the middle, by SIGTERM and three times by kill -9: nothing is lost or counted twice.

Online Retail where it is present, else the slice in tests/data, is imported while the node runs. The
state in the end must be byte for byte that of a node that was never stopped, and every rejected row
must be among the dead letters once.
"""

import subprocess

import harness
from harness import check, say

# A stop when this share of the rows was applied, and some more than at the stop before.
STOPS = (("SIGTERM", 0.10), ("kill -9", 0.20), ("kill -9", 0.35), ("kill -9", 0.50))
BETWEEN = 0.05


def final_state(world, node, rows):
    node.wait_applied(rows, 300)
    return world.export(node, f"{node.name}.jsonl", "--state"), node.quality()


def test(world, options):
    retail = harness.ONLINE_RETAIL.exists()
    source = harness.ONLINE_RETAIL if retail else harness.SLICE
    currency = "GBP" if retail else "USD"
    rows = 541_909 if retail else 171_646
    say(f"{rows:,} rows of {source.name}")
    settings = [
        f"clean.default_currency={currency}",
        "store.checkpoint_interval_ms=200",
        "serve.worker_threads=1",
    ]
    world.create_topic("purchases", partitions=8)
    node = world.node("stopped", "purchases", settings=settings)
    node.start().wait_ready()
    feed = world.background(
        world.import_command(source, "purchases", "--const", f"currency={currency}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    applied = 0
    for how, share in STOPS:
        node.wait_applied(max(int(rows * share), applied + int(rows * BETWEEN)), 120)
        applied = node.applied()
        node.stop() if how == "SIGTERM" else node.kill()
        say(f"{how} after {applied:,} events{', import running' if feed.poll() is None else ''}")
        check(applied < rows, "too late: nothing was left to do")
        node.start()
    check(feed.wait(300) == 0, "the import failed")
    state, quality = final_state(world, node, rows)
    letters = world.dead_letters(node.dead_letters)
    node.stop()

    steady = world.node("steady", "purchases", settings=settings).start()
    expected, expected_quality = final_state(world, steady, rows)
    harness.same_file(state, expected, "state after the stops, and without")
    for name in ("read", "accepted", "duplicates", "rejected", "accepted_by_type"):
        check(
            quality[name] == expected_quality[name],
            f"{name}: {quality[name]}, without stops {expected_quality[name]}",
        )
    check(int(quality["read"]) == rows, f"read {quality['read']}")
    check(letters == world.dead_letters(steady.dead_letters), f"dead letters: {letters}")
    say(f"the same state as without a stop: {len(state.read_text().splitlines()):,} profiles")
    for line in letters:
        say(line)
    steady.stop()


if __name__ == "__main__":
    harness.main(test, __doc__)
