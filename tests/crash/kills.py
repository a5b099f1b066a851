"""What the tests with kill -9 share: the shop, the rounds of kills, and the rest after them."""

import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import harness  # noqa: E402
from harness import say  # noqa: E402

TOPIC = "shop"
PARTITIONS = 8
# Of the rounds, those in which the node dies before it is ready.
DIES_AT_START = 0.15
SETTINGS = ["store.checkpoint_interval_ms=100", "clean.dedup_window_hours=48"]


def add_arguments(parser, rounds, events_per_round):
    parser.add_argument("--rounds", type=int, default=rounds, help="kills")
    parser.add_argument("--events-per-round", type=int, default=events_per_round)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")


def settle(world, node):
    """Waits until the partitions have nothing left to tell each other."""
    while True:
        records = world.records(TOPIC, PARTITIONS)
        node.wait_applied(records, 600)
        node.wait_stored(600)  # and all that was to be told is in the log
        if world.records(TOPIC, PARTITIONS) == records:
            return records


def kill_rounds(node, options, records, while_dead=lambda number: None):
    """Kills a node that runs, `options.rounds` times; the topic has at least so many records, or will.

    while_dead(number) is called between a kill and the next start. In the end the node runs.
    """
    chance = random.Random(options.seed)
    at_start = 0
    for number in range(1, options.rounds + 1):
        if chance.random() < DIES_AT_START:
            at_start += 1
            moment = time.monotonic() + chance.random()
            harness.wait_until(lambda: time.monotonic() >= moment, "the moment of the kill", 5)
        else:
            more = int(chance.random() * 2 * records / (options.rounds + 1))
            # A node that has only just begun does not say where it stands.
            stands = harness.wait_until(node.applied, "a node that has applied something", 120)
            node.wait_applied(min(records - 1, stands + more), 120)
        node.kill()
        while_dead(number)
        node.start()
        if number % 10 == 0 or number == options.rounds:
            say(f"{number} kills, {at_start} of them at the start")
