#!/usr/bin/env python3
"""How long after it was produced an event is visible: in GetProfile, and in the next Recommend.

1,000 trials: one event is handed to a producer that stays open, then the profile is asked for over
a kept connection until it counts the event; the same until the item that was viewed is among the
recommendations. Prints the quantiles; the 99th of 100 must be within 250 ms for both.
"""

import datetime
import json
import subprocess
import time

import harness
from harness import check, say

TRIALS = 1000
LIMIT_MS = 250
TRIAL_LIMIT_S = 10
CUSTOMERS = 100
ITEMS = 200
ASK_AGAIN_S = 0.001


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def view(number, customer, item):
    return json.dumps(
        {
            "event_id": f"e-{number}",
            "user_id": customer,
            "type": "view",
            "event_time": now(),
            "item_id": item,
        }
    )


def wait(visible, start, what):
    """Milliseconds from start until visible() says so."""
    while not visible():
        check(time.monotonic() - start < TRIAL_LIMIT_S, f"not visible: {what}")
        time.sleep(ASK_AGAIN_S)
    return (time.monotonic() - start) * 1000


def report(name, times):
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
    say(
        f"{name}: {len(times):,} trials: p50 {at(0.5):.1f} ms, p90 {at(0.9):.1f} ms, "
        f"p99 {at(0.99):.1f} ms, most {times[-1]:.1f} ms"
    )
    check(at(0.99) <= LIMIT_MS, f"{name}: p99 {at(0.99):.1f} ms is above {LIMIT_MS} ms")


def test(world, options):
    world.create_topic("events", partitions=8)
    node = world.node("node", "events").start().wait_ready()
    producer = world.background(
        [world.bin / "kindred", "produce", "--brokers", world.brokers, "--topic", "events"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def event_count(customer):
        code, body = node.request(f"/v1/profiles/{customer}?fields=event_count")
        return int(json.loads(body)["event_count"]) if code == 200 else 0

    def recommends(customer, item):
        code, body = node.request(f"/v1/recommendations/{customer}?n=100")
        check(code == 200, f"recommend: HTTP {code}: {body!r}")
        return any(one["item_id"] == item for one in json.loads(body)["recommendations"])

    in_profile = []
    in_recommend = []
    for number in range(-20, TRIALS):
        # Every customer sees every item once at most, and each turn another.
        customer = f"c-{number % CUSTOMERS}"
        item = f"item-{(number // CUSTOMERS * 7 + number) % ITEMS}"
        seen = event_count(customer)
        start = time.monotonic()
        producer.stdin.write(view(number, customer, item) + "\n")
        producer.stdin.flush()
        profile_ms = wait(lambda: event_count(customer) > seen, start, f"{item} of {customer}")
        recommend_ms = wait(
            lambda: recommends(customer, item), start, f"{item} recommended to {customer}"
        )
        # The first ones find connections closed and caches cold.
        if number >= 0:
            in_profile.append(profile_ms)
            in_recommend.append(recommend_ms)
    report("produced to GetProfile", in_profile)
    report("viewed to Recommend", in_recommend)
    producer.stdin.close()
    check(producer.wait(30) == 0, "the producer failed")
    check(int(node.quality()["accepted"]) == TRIALS + 20, f"counts: {node.quality()}")
    node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__)
