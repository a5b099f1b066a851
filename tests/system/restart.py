#!/usr/bin/env python3
"""Stops a node in the middle, by SIGTERM and three times by kill -9: nothing is lost or counted twice.

Online Retail where it is present, else the slice in tests/data, is imported in pieces; in the middle
of each but the last one the node is stopped. The state in the end must be byte for byte that of a
node that was never stopped, and every rejected row must be among the dead letters once.
"""

import gzip
import subprocess

import harness
from harness import check, say

STOPS = ("SIGTERM", "kill -9", "kill -9", "kill -9")
PIECES = len(STOPS) + 1
# A stop when this share of a piece was applied.
MIDDLE = 0.3


def pieces(world, source):
    """(file, rows) of consecutive parts of the source, each with its header."""
    header, *rows = gzip.decompress(source.read_bytes()).splitlines(keepends=True)
    size = -(-len(rows) // PIECES)
    for number in range(PIECES):
        part = rows[number * size : (number + 1) * size]
        path = world.directory / f"piece-{number}.csv"
        path.write_bytes(header + b"".join(part))
        yield path, len(part)


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
    sent = 0
    for (piece, size), how in zip(pieces(world, source), (*STOPS, None)):
        feed = world.background(
            world.import_command(piece, "purchases", "--const", f"currency={currency}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if how:
            node.wait_applied(sent + int(size * MIDDLE), 120)
            running = feed.poll() is None
            applied = node.applied()
            node.stop() if how == "SIGTERM" else node.kill()
            say(f"{how} after {applied:,} events{', import running' if running else ''}")
            node.start()
        check(feed.wait(300) == 0, "the import failed")
        sent += size
    check(sent == rows, f"{sent} rows in the pieces")
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
