"""Events per second from real Kafka: the node, the limit, and the peers, over one topic."""

import os
import re
import time

from . import peers
from .processes import Node, output_of, resident_mib, say


def consume(bench, topic):
    say("bare consumer loop")
    text = output_of([bench.binary("consume_bench"), bench.options.events, 3, 16, topic],
                     env=dict(os.environ, KINDRED_KAFKA=bench.brokers))
    names = {"batch": "in batches", "single": "one by one", "source": "as the node polls"}
    for way, cpu, wall in re.findall(r"^(\w+) +([\d.]+) us CPU, ([\d.]+) us wall", text, re.M):
        bench.figures.add(f"bare consumer {names[way]}, CPU", 1e6 / float(cpu), "events/CPU-s")
        bench.figures.add(f"bare consumer {names[way]}, wall", 1e6 / float(wall), "events/s")


def read_all(bench, topic, name, title, *settings):
    """A node from an empty directory to the end of the topic; it is left running."""
    say(title)
    node = Node(bench, name, topic, *settings)
    wall, cpu = node.wait_until_applied(bench.options.events)
    bench.figures.add(f"{title}, wall", bench.options.events / wall, "events/s")
    bench.figures.add(f"{title}, CPU", bench.options.events / cpu, "events/CPU-s")
    bench.figures.add(f"{title}, CPU per event", 1e6 * cpu / bench.options.events, "µs")
    bench.figures.add(f"{title}, memory at most", resident_mib(node.pid), "MiB")
    return node


def live(bench, topic):
    """The most that producer, broker and node keep up with on one machine: what half load is half of."""
    events = bench.options.events // 4
    say(f"{events:,} events at full speed to a node that has caught up")
    node = Node(bench, "node-live", topic)
    try:
        before = bench.records(topic)
        node.wait_until_applied(before)
        begin = time.monotonic()
        output_of([bench.binary("kindred"), "load", "events", "--brokers", bench.brokers, "--topic", topic,
                   "--count", events, "--customers", bench.options.customers, "--items",
                   bench.options.items, "--seed", 7, "--json"])
        node.wait_until_applied(before + events)
        bench.figures.add("ingest while they are produced, wall", events / (time.monotonic() - begin),
                          "events/s")
    finally:
        node.stop()


def run(bench):
    topic = bench.main_topic()
    figures = bench.figures
    streams = not bench.options.no_peers and peers.build_streams(bench.options)
    for repetition in range(bench.options.repetitions):
        say(f"ingest, repetition {repetition + 1}")
        consume(bench, topic)
        read_all(bench, topic, "node-ingest", "ingest").stop()
        read_all(bench, topic, "node-profiles", "ingest without relations",
                 "recommend.relations=false").stop()
        if streams:
            peers.run_streams(bench, topic, bench.options.events, "at_least_once")
            peers.run_streams(bench, topic, bench.options.events, "exactly_once_v2")
    live(bench, topic)
    theirs = {"bare consumer in batches": "bare consumer in batches",
              "bare consumer one by one": "bare consumer one by one",
              "Kafka Streams, at least once": "Kafka Streams, at least once, commit each second",
              "Kafka Streams, exactly once": "Kafka Streams, exactly once"}
    for ours in ("ingest", "ingest without relations"):
        for short, their in theirs.items():
            for kind in ("CPU", "wall"):
                figures.ratio(f"{ours} / {short}, {kind}", f"{ours}, {kind}", f"{their}, {kind}")
            figures.ratio(f"{ours} / {short}, CPU of its last 70 %", f"{ours}, CPU",
                          f"{their}, CPU, last 70 %")
