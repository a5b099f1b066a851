#!/usr/bin/env python3
"""Ten times more calls than a node can answer: it goes on answering, and refuses the rest quickly.

    tests/system/overload.py [--seconds 6]

First the node's peak is measured; then ten times as many calls are sent at a steady rate. At least 80 %
of the peak must be answered, and the excess must get RESOURCE_EXHAUSTED. Callers that ask again at once
must get answers and refusals soon. Memory must stay within its bound, and after the storm nothing is
refused any more.
"""

import json

import harness
from harness import check, say

TOPIC = "shop"
EVENTS = 60_000
TIMES = 10
CONNECTIONS = 200
LEAST = 0.8
# A batch costs the node far more than its sender, so that one machine can overload it.
BATCH = ("--method", "batch-get-profiles", "--count", "200", "--customers", "5000")
SOON_MS = 1500
RECOVERY_S = 10
MEMORY_MIB = 1024


def add_arguments(parser):
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")


def calls(world, node, *arguments):
    done = world.kindred(
        *("load", "calls", "--server", node.grpc, "--json", "--timeout-ms", "30000", *arguments)
    )
    return json.loads(done.stdout)


def storm(world, node, what, options, *method):
    """(goodput of the peak, its figures, those of callers that do not wait before they ask again)"""
    seconds = ("--seconds", str(options.seconds))
    peak = calls(world, node, *method, *seconds, "--connections", "8")
    check(peak["ok"] == peak["calls"], f"{what}: refused without a storm: {peak}")
    rate = peak["ok"] / options.seconds
    # Without a warm-up: at a rate that cannot be kept, what is due then is sent during the measurement.
    many = ("--connections", str(CONNECTIONS))
    steady = calls(
        world, node, *method, *seconds, *many, "--warmup", "0", "--rate", str(TIMES * rate)
    )
    goodput = steady["ok"] / options.seconds / rate
    refused = steady.get("RESOURCE_EXHAUSTED", 0)
    say(
        f"{what}: peak {rate:,.0f} calls/s; {TIMES}x: {goodput:.0%} of it answered, "
        f"{refused / options.seconds:,.0f} refused a second, {steady['unsent']:,} held back; "
        f"admitted share {node.metric('kindred_rpc_admitted_share'):.2f}"
    )
    hasty = calls(world, node, *method, *seconds, *many, "--warmup", "2")
    say(
        f"{CONNECTIONS} callers without a pause: {hasty['ok'] / options.seconds / rate:.0%} of the "
        f"peak answered, p50 {hasty['p50_ms']:.0f} ms, p99 {hasty['p99_ms']:.0f} ms, refusals among them"
    )
    return goodput, refused, steady, hasty


def test(world, options):
    world.kindred(
        *("load", "events", "--brokers", world.brokers, "--topic", TOPIC, "--create-topic"),
        *("--partitions", "2", "--count", str(EVENTS), "--customers", "5000", "--items", "1000"),
        *("--customer-skew", "0"),
    )
    node = world.node("stormed", TOPIC, memory_mib=MEMORY_MIB).start()
    node.wait_applied(world.records(TOPIC, 2), 60)
    node.wait_stored()
    share, refused, answers, hasty = storm(world, node, "batches of 200", options, *BATCH)
    check(share >= LEAST, f"goodput {share:.0%} of the peak")
    check(refused > answers["ok"], f"{refused} refused of ten times too many")
    check(hasty["p99_ms"] < SOON_MS, f"p99 {hasty['p99_ms']} ms")
    harness.wait_until(
        lambda: node.metric("kindred_rpc_admitted_share") == 1, "all calls admitted", RECOVERY_S
    )
    after = calls(world, node, *BATCH, "--seconds", "2", "--connections", "2")
    check(after["ok"] == after["calls"], f"refused after the storm: {after}")
    held = node.memory_mib()
    check(held <= MEMORY_MIB, f"{held:.0f} MiB")
    say(f"recovered; {held:.0f} of {MEMORY_MIB} MiB at the most")
    node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__, add_arguments)
