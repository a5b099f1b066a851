#!/usr/bin/env python3
"""The same 10,000 events in every format give the same profiles, byte for byte.

Each format has a topic and a node of its own: native JSON, native protobuf, Segment JSON,
CloudEvents, and protobuf behind the Confluent prefix. The items' relations and the counts of what was
cleaned must agree as well.
"""

import harness
from harness import check, run, say

EVENTS = 10_000
FORMATS = ("json", "protobuf", "segment", "cloudevents", "confluent")
QUALITY = ("read", "accepted", "duplicates", "rejected", "accepted_by_type")


def test(world, options):
    nodes = {}
    for name in FORMATS:
        topic = f"events-{name}"
        world.create_topic(topic, partitions=4)
        run([world.bin / "format_writer", world.brokers, topic, EVENTS, name], 60)
        settings = ["clean.default_currency=EUR"]
        nodes[name] = world.node(name, topic, settings=settings, memory_mib=512).start()
    first = None
    for name, node in nodes.items():
        node.wait_ready().wait_applied(EVENTS, 60)
        quality = {key: node.quality()[key] for key in QUALITY}
        state = world.export(node, f"{name}.jsonl", "--state")
        similar = world.kindred("similar", "item-7", "-n", "20", "--server", node.grpc).stdout
        check(int(quality["accepted"]) == EVENTS, f"{name}: {node.quality()}")
        if first is None:
            first = (state, quality, similar)
            check("item-" in similar, f"nothing is similar: {similar}")
            profiles = len(state.read_text().splitlines())
        harness.same_file(first[0], state, f"{FORMATS[0]} and {name}")
        check(quality == first[1], f"{name}: {quality}, {FORMATS[0]}: {first[1]}")
        check(similar == first[2], f"{name}: {similar}, {FORMATS[0]}: {first[2]}")
        say(f"{name}: {EVENTS:,} events, the same {profiles:,} profiles")
    for node in nodes.values():
        node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__)
