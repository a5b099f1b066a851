#!/usr/bin/env python3
"""Kills Kafka again and again while events flow, and keeps it away beyond the session timeout.

    tests/system/broker_faults.py [--rounds 10] [--seed N]

A producer goes on all the time and repeats what was not acknowledged. In every third round the broker
stays away longer than the session timeout, so the group forgets the node. Reads must be answered all
the time and say how old they are; in the end the state, the counts and the dead letters must be those
of a node that reads the same topic undisturbed. Then a node is stopped while the broker does not
answer: it ends within its bound, and a second signal ends it at once.
"""

import random
import signal
import subprocess
import time

import harness
from harness import check, say

TOPIC = "shop"
PARTITIONS = 4
RATE = 4000
SESSION_S = 3
LONG_OUTAGE_S = 2 * SESSION_S
SETTINGS = [
    f"kafka.session_timeout_ms={SESSION_S * 1000}",
    "store.checkpoint_interval_ms=200",
    "clean.dedup_window_hours=48",
]
# More than any number of rounds needs; the producer is ended with the rounds.
EVENTS = 100_000_000
STOP_BOUND_S = 25
FORCED_BOUND_S = 3


def add_arguments(parser):
    parser.add_argument("--rounds", type=int, default=10, help="kills of the broker")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")


def customers_of(node):
    """Some whose profiles are there."""
    node.wait_applied(RATE, 60)
    names = [f"u-{number:07d}" for number in range(100)]
    known = [name for name in names if node.profile(name)]
    check(len(known) >= 20, f"{len(known)} profiles of 100 after {RATE} events")
    return known


def outage(world, seconds, way):
    world.kafka("kill" if way == "kill -9" else "pause")
    end = time.monotonic() + seconds
    harness.wait_until(lambda: time.monotonic() >= end, "the end of the outage", seconds + 5)
    world.kafka("start" if way == "kill -9" else "continue")


def broker_away(world, node, options):
    chance = random.Random(options.seed)
    for number in range(1, options.rounds + 1):
        goal = node.applied() + int(chance.random() * RATE)
        node.wait_applied(goal, 90)
        seconds = LONG_OUTAGE_S if number % 3 == 2 else chance.random()
        outage(world, seconds, "kill -9")
        before = node.applied()
        node.wait_applied(before + 1, 90)
        say(f"round {number}: broker away for {seconds:.1f} s and its start, {before:,} applied")


def applied_to_the_end(world, node):
    """How many records the topic has for good, once the node has applied them; None: it still grew."""
    records = world.records(TOPIC, PARTITIONS)
    node.wait_applied(records, 120)
    return records if world.records(TOPIC, PARTITIONS) == records else None


def stop_without_broker(world, node):
    world.kafka("pause")
    begin = time.monotonic()
    node.stop(STOP_BOUND_S)
    say(f"SIGTERM while the broker does not answer: ended after {time.monotonic() - begin:.1f} s")
    world.kafka("continue")
    # A node that ended before the second signal came is started anew.
    for _ in range(5):
        node.start().wait_ready()
        world.kafka("pause")
        node.process.send_signal(signal.SIGTERM)
        node.wait_logged("stopping")
        begin = time.monotonic()
        node.process.send_signal(signal.SIGTERM)
        code = node.wait_end(FORCED_BOUND_S)
        took = time.monotonic() - begin
        second = node.logged("second signal")
        world.kafka("continue")
        if second or code != 0:
            break
    check(code == 1 and second, f"exit code {code}\n{node.log_tail()}")
    say(f"second SIGTERM: ended after {took:.1f} s")


def test(world, options):
    say(f"seed {options.seed}: {options.rounds} kills of the broker, {RATE:,} events a second")
    world.create_topic(TOPIC, PARTITIONS)
    node = world.node("tried", TOPIC, settings=SETTINGS).start().wait_ready()
    feed = world.background(
        [
            *(world.bin / "kindred", "load", "events", "--brokers", world.brokers),
            *("--topic", TOPIC, "--rate", str(RATE), "--count", str(EVENTS)),
            *("--seed", str(options.seed), "--customers", "2000", "--items", "500", "--bad", "0.02"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    reader = harness.Reader(node, customers_of(node))
    broker_away(world, node, options)
    check(feed.poll() is None, "the producer gave up")
    feed.terminate()
    feed.wait(30)
    records = harness.wait_until(lambda: applied_to_the_end(world, node), "the end of the topic", 120)
    reader.stop()
    say(
        f"{reader.answers:,} reads, all answered, the slowest in {reader.longest_s * 1000:.0f} ms; "
        f"the oldest answer said {reader.oldest_s:.1f} s"
    )
    check(
        options.rounds < 2 or reader.oldest_s >= LONG_OUTAGE_S / 2,
        "answers did not tell how stale they were",
    )
    state, quality = world.export(node, "tried.jsonl", "--state"), node.quality()
    letters = world.dead_letters(node.dead_letters)
    stop_without_broker(world, node)

    steady = world.node("steady", TOPIC, settings=SETTINGS).start()
    steady.wait_applied(records, 300)
    harness.same_file(state, world.export(steady, "steady.jsonl", "--state"), "state")
    harness.same_counts(("with outages", quality), ("without", steady.quality()))
    check(letters == world.dead_letters(steady.dead_letters), f"dead letters: {letters}")
    rejected = sum(int(count) for count in quality["rejected"].values())
    check(int(letters[0].split()[0]) == rejected, f"{letters[0]}, but rejected {rejected}")
    say(f"{records:,} records: the same state as without an outage; {letters[0]}")
    steady.stop()


if __name__ == "__main__":
    harness.main(test, __doc__, add_arguments)
