"""Freshness, bytes of state, restart after a kill, and reads of what is not in memory."""

import http.client
import json
import re
import subprocess
import time

from .processes import Failure, Node, end, resident_mib, say
from .serve import SETTLES_S, half_of_ingest

# A session has some eight, and most customers get one.
EVENTS_A_CUSTOMER = 8
# Who asks without a pause takes half of a core from what is measured.
PROBES_EVERY_S = 0.1
ASKS_EVERY_S = 0.002
HISTOGRAM = "kindred_event_visible_latency_seconds_bucket"


def buckets(node):
    """Cumulative counts by upper bound in seconds."""
    text = node.get("/metrics").decode()
    return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in
            re.findall(rf'^{HISTOGRAM}{{[^}}]*le="([^"]+)"[^}}]*}} ([\d.e+]+)$', text, re.M)}


def quantile(before, after, share):
    """Upper bound of the bucket in which the quantile falls, milliseconds."""
    total = after[float("inf")] - before.get(float("inf"), 0)
    for bound in sorted(after):
        if after[bound] - before.get(bound, 0) >= share * total:
            return 1000 * bound
    return float("inf")


def freshness(bench):
    """Produced to visible at half load: the node's histogram, and somebody who asks from outside."""
    topic = bench.main_topic()
    node = Node(bench, "node-fresh", topic)
    feed = None
    try:
        # Other parts may have added to the topic.
        node.wait_until_applied(bench.records(topic))
        rate = half_of_ingest(bench)
        say(f"freshness while {rate:,.0f} events a second come")
        seconds = max(30, bench.options.seconds)
        feed = bench.feed(topic, rate, seconds + SETTLES_S + 10, seed=3)
        time.sleep(SETTLES_S)
        before = buckets(node)
        times = probe(bench, node, topic, seconds)
        after = buckets(node)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
            bench.figures.add(f"produced to visible, outside, {name}",
                              times[min(len(times) - 1, int(len(times) * share))], "ms")
            bench.figures.add(f"produced to visible, histogram, {name} at most",
                              quantile(before, after, share), "ms")
    finally:
        if feed:
            end(feed)
        node.stop()


def probe(bench, node, topic, seconds):
    """One event of a customer of its own after the other; milliseconds until its profile is there."""
    producer = subprocess.Popen(
        [bench.binary("kindred"), "produce", "--brokers", bench.brokers, "--topic", topic],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    connection = http.client.HTTPConnection(*node.http.split(":"), timeout=10)
    times = []
    deadline = time.monotonic() + seconds
    try:
        number = 0
        while time.monotonic() < deadline or len(times) < 20:
            number += 1
            customer = f"probe-{time.time_ns()}"
            event = json.dumps({"event_id": customer, "user_id": customer, "type": "page",
                                "event_time": time.time_ns() // 1_000_000})
            start = time.monotonic()
            producer.stdin.write(event + "\n")
            producer.stdin.flush()
            while True:
                connection.request("GET", f"/v1/profiles/{customer}?fields=name")
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                if time.monotonic() - start > 30:
                    raise Failure("an event did not become visible within 30 s")
                time.sleep(ASKS_EVERY_S)
            times.append(1000 * (time.monotonic() - start))
            time.sleep(PROBES_EVERY_S)
    finally:
        producer.stdin.close()
        producer.wait()
        connection.close()
    return sorted(times)


def sample(node, ids):
    text = node.get("/v1/profiles:batchGet?fields=event_count,purchases,customer_id&ids=" + ",".join(ids))
    return sorted((profile["customerId"] if "customerId" in profile else profile["customer_id"],
                   json.dumps(profile, sort_keys=True)) for profile in json.loads(text)["profiles"])


def restart(bench):
    """kill -9 with many customers: seconds until it serves again, the same as before."""
    customers = bench.options.restart_customers
    events = EVENTS_A_CUSTOMER * customers
    topic = "restart"
    # Uniform, so that there are nearly as many customers as may be.
    bench.load(topic, events, customers=customers, items=bench.options.items, customer_skew=0)
    node = Node(bench, "node-restart", topic)
    try:
        node.wait_until_applied(events)
        time.sleep(3)  # the last checkpoint
        ids = [f"u-{number:07d}" for number in range(0, customers, max(1, customers // 100))][:100]
        before = sample(node, ids)
        bench.figures.add("restart, customers", customers_of(node), "customers")
        bench.figures.add("state in memory, process", resident_mib(node.pid, most=False), "MiB")
        bench.figures.add("state on disk", node.disk_bytes() / 2**20, "MiB")
        bench.figures.add("state on disk for each customer",
                          node.disk_bytes() / max(1, customers_of(node)), "bytes")
        for _ in range(bench.options.repetitions):
            node.kill()
            node = Node(bench, "node-restart", topic, keep=node)
            while not node.ready():
                if node.process.poll() is not None or time.monotonic() - node.begin > 300:
                    raise Failure(f"no restart; see {node.log.name}")
                time.sleep(0.02)
            bench.figures.add("restart after kill -9 until ready", time.monotonic() - node.begin, "s")
            for was, now in zip(before, sample(node, ids), strict=True):
                if was != now:
                    raise Failure(f"a profile differs after the restart: {was} before, {now} after")
    finally:
        node.stop()


def customers_of(node):
    status = node.status() or {}
    return int(status.get("customerCount", status.get("customer_count", 0)))


def cold(bench):
    """Reads when a quarter of the profiles fit in memory."""
    customers = bench.options.cold_customers
    events = EVENTS_A_CUSTOMER * customers
    topic = "cold"
    bench.load(topic, events, customers=customers, items=bench.options.items, customer_skew=0)
    node = Node(bench, "node-warm", topic)
    try:
        _, cpu = node.wait_until_applied(events)
        warm = events / cpu
        everything = resident_mib(node.pid, most=False)
        bench.figures.add("cold, customers", customers_of(node), "customers")
        bench.figures.add("all in memory", everything, "MiB")
        bench.figures.add("all in memory, on disk for each customer",
                          node.disk_bytes() / max(1, customers_of(node)), "bytes")
        bench.figures.add("all in memory, ingest, CPU", warm, "events/CPU-s")
    finally:
        node.stop()
    limit = max(128, int(everything / 4))
    node = Node(bench, "node-cold", topic, f"store.memory_limit_mib={limit}")
    try:
        _, cpu = node.wait_until_applied(events)
        bench.figures.add("memory limit a quarter, ingest, CPU", events / cpu, "events/CPU-s")
        bench.figures.ratio("ingest with a quarter of the memory / all in memory, CPU",
                            "memory limit a quarter, ingest, CPU", "all in memory, ingest, CPU")
        report = bench.calls("get-profile", node.grpc, node.pid)
        bench.figures.add("cold GetProfile", report["calls_per_second"], "calls/s")
        bench.figures.add("cold GetProfile, p99", report["p99_ms"], "ms")
        # While events came and while calls did: the most that the process ever held.
        bench.figures.add("memory at most / limit", resident_mib(node.pid) / limit, "ratio")
    finally:
        node.stop()
