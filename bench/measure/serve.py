"""Calls per second: the node against a call that does nothing, and Redis; alone and while events come."""

import shutil
import time

from . import peers
from .processes import Node, Noop, end, say

# The broker's virtual machine compiles what producing needs for some ten seconds, on the same cores.
SETTLES_S = 12
METHODS = (("get-profile", "GetProfile"), ("recommend", "Recommend top 20"))
QUANTILES = (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"))


def run(bench):
    topic = bench.main_topic()
    node = Node(bench, "node-serve", topic)
    try:
        node.wait_until_applied(bench.records(topic))  # other parts may have added to them
        against_limit(bench, node)
        if not bench.options.no_peers:
            against_redis(bench)
        while_events_come(bench, node)
    finally:
        node.stop()


def against_limit(bench, node):
    figures = bench.figures
    noop = Noop(bench)
    try:
        for method, title in METHODS:
            for repetition in range(bench.options.repetitions):
                say(f"{title}, repetition {repetition + 1}")
                real = bench.calls(method, node.grpc, node.pid)
                noop.set_bytes(max(0, round(real["answer_bytes"]) - 3))  # 3: the field's tag and length
                floor = bench.calls("no-op", noop.grpc, noop.process.pid)
                figures.add(f"{title}, answer", real["answer_bytes"], "bytes")
                for name, report in ((title, real), (f"no-op as long as {title}", floor)):
                    figures.add(name, report["calls_per_second"], "calls/s")
                    figures.add(f"{name}, server CPU", report["server_cpu_us"], "µs a call")
                    figures.add(f"{name}, p99", report["p99_ms"], "ms")
            figures.ratio(f"{title} / no-op", title, f"no-op as long as {title}")
            say(f"{title} at half of that rate")
            steady = bench.calls(method, node.grpc, node.pid, figures.median(title) / 2)
            for name, key in QUANTILES:
                figures.add(f"{title} at half rate, {name}", steady[key], "ms")
            figures.add(f"{title} at half rate, not sent in time", steady["unsent"], "calls")
            floor = bench.calls("no-op", noop.grpc, noop.process.pid, figures.median(title) / 2)
            for name, key in QUANTILES:
                figures.add(f"no-op at half of the rate of {title}, {name}", floor[key], "ms")
    finally:
        noop.stop()


def against_redis(bench):
    if not shutil.which("redis-server"):
        say("no redis-server: left out")
        return
    redis = peers.Redis(bench)
    try:
        for method, title in METHODS:
            size = round(bench.figures.median(f"{title}, answer"))
            for _ in range(bench.options.repetitions):
                rate, cpu = redis.run(bench, size, bench.options.connections, 200_000)
                bench.figures.add(f"Redis GET as long as {title}", rate, "calls/s")
                bench.figures.add(f"Redis GET as long as {title}, server CPU", cpu, "µs a call")
            bench.figures.ratio(f"{title} / Redis GET", title, f"Redis GET as long as {title}")
        against_feast(bench, redis)
    finally:
        redis.stop()


def against_feast(bench, redis):
    size = round(bench.figures.median("GetProfile, answer"))
    for _ in range(bench.options.repetitions):
        report = peers.run_feast(bench, redis, size)
        if report is None:
            return
        name = "Feast with Redis, features as long as GetProfile"
        bench.figures.add(name, report["calls_per_second"], "calls/s")
        bench.figures.add(f"{name}, client CPU", report["cpu_us"], "µs a call")
        bench.figures.add(f"{name}, p99", report["p99_ms"], "ms")
    bench.figures.ratio("GetProfile / Feast", "GetProfile", name)


def while_events_come(bench, node):
    """Latency at a quarter of the rate of calls, while events come at half of the rate of ingest; and that
    of calls that do nothing, in a process that does nothing else: what is waiting for the cores."""
    figures = bench.figures
    rate = half_of_ingest(bench)
    say(f"calls at a quarter of their rate while {rate:,.0f} events a second come")
    noop = Noop(bench)
    feed = bench.feed("events", rate, 4 * bench.options.seconds + SETTLES_S + 30, seed=2)
    try:
        time.sleep(SETTLES_S)
        for method, title in METHODS:
            calls = figures.median(title) / 4
            report = bench.calls(method, node.grpc, node.pid, calls, may_refuse=True, slack_ms=1)
            noop.set_bytes(max(0, round(figures.median(f"{title}, answer")) - 3))
            floor = bench.calls("no-op", noop.grpc, noop.process.pid, calls, slack_ms=1)
            how = f"{title} at a quarter of its rate while events come"
            for name, key in QUANTILES:
                figures.add(f"{how}, {name}", report[key], "ms")
                figures.add(f"no-op beside {how}, {name}", floor[key], "ms")
            figures.add(f"{how}, refused", report["refused_percent"], "%")
    finally:
        end(feed)
        noop.stop()


def half_of_ingest(bench):
    """Half of what is produced and applied at once at most; when this run did not measure it, a little."""
    if bench.options.feed_rate:
        return bench.options.feed_rate
    if "ingest while they are produced, wall" in bench.figures.values:
        return bench.figures.median("ingest while they are produced, wall") / 2
    return 40_000
