"""Recommend for the visitors of a real shop: the sessions that next-item recommenders are compared by."""

import gzip
import json

from .processes import Failure, Node, Noop, output_of, say

SPACING_MS = 30_000  # between the views of a session
START_MS = 1_600_000_000_000


def read_sessions(path):
    """Lists of items, a session a line; gzip or not."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if items := line.split():
                yield items


def write_events(path, out):
    """Each session as a customer's views, one session after another; returns (sessions, events)."""
    sessions = events = 0
    time_ms = START_MS
    for items in read_sessions(path):
        for item in items:
            out.write(json.dumps({"event_id": f"e{events}", "user_id": f"session-{sessions}", "type": "view",
                                  "item_id": item, "event_time": time_ms}) + "\n")
            events += 1
            time_ms += SPACING_MS
        sessions += 1
    return sessions, events


def run(bench):
    path = bench.options.sessions
    if path is None:
        raise Failure("sessions: which? --sessions FILE, a session a line, its items in order (.gz too)")
    figures = bench.figures
    lines = bench.directory / "sessions.jsonl"
    with open(lines, "w", encoding="utf-8") as out:
        sessions, events = write_events(path, out)
    say(f"{sessions:,} sessions, {events:,} events")
    output_of([bench.binary("kindred"), "produce", "--brokers", bench.brokers, "--topic", "sessions",
               "--create-topic", "--partitions", bench.options.session_partitions, lines])
    node = Node(bench, "node-sessions", "sessions")
    noop = Noop(bench)
    try:
        node.wait_until_applied(events)
        for repetition in range(bench.options.repetitions):
            say(f"Recommend with sessions, repetition {repetition + 1}")
            real = bench.calls("recommend", node.grpc, node.pid)
            noop.set_bytes(max(0, round(real["answer_bytes"]) - 3))
            floor = bench.calls("no-op", noop.grpc, noop.process.pid)
            figures.add("Recommend with sessions, answer", real["answer_bytes"], "bytes")
            for name, report in (("Recommend with sessions", real), ("no-op as long as these", floor)):
                figures.add(name, report["calls_per_second"], "calls/s")
                figures.add(f"{name}, server CPU", report["server_cpu_us"], "µs a call")
                figures.add(f"{name}, p99", report["p99_ms"], "ms")
        figures.ratio("Recommend with sessions / no-op", "Recommend with sessions", "no-op as long as these")
    finally:
        node.stop()
        noop.stop()
