"""How cost grows with customers, items, events per customer and partitions: a curve for each."""

from .figures import curve_svg
from .processes import Node, resident_mib, say

SERVE_SECONDS = 3


def point(bench, name, events, partitions=8, **flags):
    """One size: ingest, memory, and the two calls."""
    topic = f"growth-{name}"
    bench.load(topic, events, partitions=partitions, **flags)
    node = Node(bench, f"node-{name}", topic)
    try:
        _, cpu = node.wait_until_applied(events)
        found = {"ingest": events / cpu, "memory": resident_mib(node.pid)}
        for method, title in (("get-profile", "GetProfile"), ("recommend", "Recommend")):
            report = bench.calls(method, node.grpc, node.pid, seconds=SERVE_SECONDS)
            found[f"{title}, p99"] = report["p99_ms"]
        return found
    finally:
        node.stop()


def series(bench, over, points, make):
    """Runs the points and draws a curve for each figure."""
    found = []
    for size in points:
        say(f"growth: {size:,} {over}")
        found.append((size, make(size)))
        for what, value in found[-1][1].items():
            unit = {"ingest": "events/CPU-s", "memory": "MiB"}.get(what, "ms")
            bench.figures.add(f"{what} with {size:,} {over}", value, unit)
    for what, unit in (("ingest", "events/CPU-s"), ("memory", "MiB"), ("GetProfile, p99", "ms"),
                       ("Recommend, p99", "ms")):
        name = f"{what.split(',')[0].lower()}-over-{over.replace(' ', '-')}"
        bench.curves[name] = curve_svg(f"{what} over {over}", over, unit,
                                       [(size, values[what]) for size, values in found])
    if found[0][1]["ingest"] > 0:
        bench.figures.add(f"ingest, largest / smallest number of {over}",
                          found[-1][1]["ingest"] / found[0][1]["ingest"], "ratio")


def run(bench):
    options = bench.options
    events = options.growth_events
    series(bench, "customers", options.growth_customers,
           lambda n: point(bench, f"c{n}", max(events, n), customers=n, items=options.items,
                           customer_skew=0.5))
    series(bench, "items", options.growth_items,
           lambda n: point(bench, f"i{n}", events, customers=options.customers, items=n))
    series(bench, "events a customer", options.growth_depth,
           lambda n: point(bench, f"d{n}", events, customers=max(10, events // n), items=options.items,
                           customer_skew=0))
    series(bench, "partitions", options.growth_partitions,
           lambda n: point(bench, f"p{n}", events, partitions=n, customers=options.customers,
                           items=options.items))
