#!/usr/bin/env python3
"""What nobody should send, through a real Kafka: nothing of it gets lost, nothing does harm.

Every bad record must be in the dead-letter topic with the right reason and its own bytes, key and
headers; good events between them must be applied; the node keeps serving within its memory; the
counts add up. Then the limit that one kind broke is raised, and a replay lets it in.
"""

import json
import re
import struct

import harness
from harness import check, run, say

HEADER = "kindred-dead-letter-"
END = b"\n--end of letter--\n"
BIG = 10 << 20
MEMORY_MIB = 512
# What is read from Kafka and not yet applied is bounded on its own.
MEMORY_SLACK_MIB = 256
TIMES = 3


def text(**fields):
    event = {"user_id": "bad", "type": "purchase", "item_id": "sku-1", "price": 1.5}
    event["event_time"] = "2026-01-02T03:04:05Z"
    event.update(fields)
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def proto(price=None, user="bad"):
    """kindred.event.v1.Event: user_id 2, type 4 (purchase), item_id 7, price 9."""
    out = b""
    for field, value in ((2, user.encode()), (7, b"sku-1")):
        out += varint(field << 3 | 2) + varint(len(value)) + value
    out += varint(4 << 3) + varint(PURCHASE)
    if price is not None:
        out += varint(9 << 3 | 1) + struct.pack("<d", price)
    return out


def purchase_number():
    source = (harness.ROOT / "proto/kindred/event/v1/event.proto").read_text()
    return int(re.search(r"EVENT_TYPE_PURCHASE = (\d+);", source).group(1))


PURCHASE = purchase_number()
PROTOBUF = "content-type=application/x-protobuf"
LONG = "x" * (64 << 10)
ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "bad",
    "properties": {"products": [{"product_id": "p", "price": 1}] * 1001},
}

# (what, reason, value, headers)
CASES = [
    ("empty", "empty", b"", ()),
    ("no value", "empty", None, ()),
    ("10 MB", "too_large", text(query="q" * BIG), ()),
    ("truncated protobuf", "malformed", proto(price=1.0)[:-3], (PROTOBUF,)),
    ("truncated protobuf, no header", "malformed", b"\x0a\x20abc", ()),
    ("truncated JSON", "malformed", text()[:-5], ()),
    ("not JSON", "malformed", b"{hello}", ()),
    ("1,000 deep", "too_deep", b'{"user_id":"bad","x":' + b"[" * 1000 + b"]" * 1000 + b"}", ()),
    ("invalid UTF-8", "invalid_utf8", text(query="?").replace(b"?", b"\xff\xfe"), ()),
    ("invalid UTF-8 in protobuf", "invalid_utf8", proto().replace(b"bad", b"\xc3\x28d"), (PROTOBUF,)),
    ("wrong type", "wrong_type", text(price={"net": 1}), ()),
    ("wrong type of an id", "wrong_type", text(user_id=["bad"]), ()),
    ("strange content", "unsupported_format", b"<event/>", ("content-type=text/xml",)),
    ("1,001 lines", "too_many_events", json.dumps(ORDER).encode(), ()),
    ("no customer", "missing_customer", text(user_id=None), ()),
    ("no item", "missing_item", text(item_id=None), ()),
    ("no type", "missing_type", text(type=None), ()),
    ("no rating", "missing_rating", text(type="rating", price=None), ()),
    ("64 KB customer", "id_too_long", text(user_id=LONG), ()),
    ("64 KB item", "id_too_long", text(item_id=LONG), ()),
    ("control characters in an id", "invalid_id", text(user_id="a\u0000b"), ()),
    ("year 1970", "time_too_old", text(event_time="1970-01-01T00:00:00Z"), ()),
    ("year 9999", "time_in_future", text(event_time="9999-12-31T23:59:59Z"), ()),
    ("negative price", "invalid_price", text(price=-1), ()),
    ("negative price in protobuf", "invalid_price", proto(price=-2.5), (PROTOBUF,)),
    ("NaN price", "invalid_price", proto(price=float("nan")), (PROTOBUF,)),
    ("infinite price", "invalid_price", proto(price=float("inf")), (PROTOBUF,)),
    ("free purchase", "zero_price", text(price=0), ()),
    ("no such currency", "invalid_currency", text(currency="EURO"), ()),
]


def send(world, topic, number, value, headers):
    command = ["kcat", "-P", "-b", world.brokers, "-t", topic, "-X", f"message.max.bytes={16 << 20}"]
    for pair in (f"trace=case-{number}", *headers):
        command += ["-H", pair]
    if not value:
        # Nothing behind the separator; -Z makes it no value at all.
        command += ["-K", ":"] + (["-Z"] if value is None else [])
        run(command, 30, input=f"key-{number}:\n")
        return
    path = world.directory / "record"
    path.write_bytes(value)
    run([*command, "-k", f"key-{number}", path], 30)


def read_letters(world, topic):
    """(key, value, headers as text) of every record of the topic."""
    done = run(
        ["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", world.brokers, "-t", topic]
        + ["-X", f"fetch.message.max.bytes={16 << 20}"]
        + ["-f", "%K %S\n%k%s%h\\n--end of letter--\n"],
        60,
        text=False,
    )
    data = done.stdout
    letters = []
    while data:
        sizes, _, data = data.partition(b"\n")
        key_size, size = (int(part) for part in sizes.split())
        key, data = data[:key_size].decode(), data[key_size:]
        value, data = (None, data) if size < 0 else (data[:size], data[size:])
        headers, _, data = data.partition(END)
        letters.append((key, value, headers.decode(errors="replace")))
    return letters


def header(headers, name):
    found = re.search(rf"(?:^|,){re.escape(name)}=([^,]*)", headers)
    return found.group(1) if found else None


def check_letters(world, node):
    """By id, since a letter may be there twice."""
    letters = {header(h, HEADER + "id"): (k, v, h) for k, v, h in read_letters(world, node.dead_letters)}
    check(len(letters) == TIMES * len(CASES), f"{len(letters)} dead letters")
    found = {}
    for key, value, headers in letters.values():
        found.setdefault(header(headers, "trace"), []).append((key, value, headers))
    for number, (what, reason, value, extra) in enumerate(CASES):
        mine = found.get(f"case-{number}", [])
        check(len(mine) == TIMES, f"{what}: {len(mine)} dead letters")
        for key, bytes_, headers in mine:
            told = header(headers, HEADER + "reason")
            check(told == reason, f"{what}: reason {told}, expected {reason}: {headers}")
            check(bytes_ == value, f"{what}: other bytes than were sent: {str(bytes_)[:200]}")
            check(key == f"key-{number}", f"{what}: key {key}")
            check(header(headers, HEADER + "topic") == "events", f"{what}: {headers}")
            for name in ("stage", "offset", "partition"):
                check(header(headers, HEADER + name), f"{what}: no {name}: {headers}")
            for pair in extra:
                name, _, wanted = pair.partition("=")
                check(header(headers, name) == wanted, f"{what}: {headers}")


def check_counts(node, good):
    quality = node.quality()
    expected = {}
    for _, reason, _, _ in CASES:
        expected[reason] = expected.get(reason, 0) + TIMES
    rejected = {name: int(count) for name, count in quality["rejected"].items() if int(count)}
    check(rejected == expected, f"rejected {rejected}, expected {expected}")
    check(int(quality["accepted"]) == good, f"accepted {quality['accepted']} of {good}")
    total = good + TIMES * len(CASES)
    check(int(quality["read"]) == total, f"read {quality['read']} of {total}")
    return total


def test(world, options):
    world.create_topic("events", partitions=2)
    node = world.node("node", "events", memory_mib=MEMORY_MIB).start().wait_ready()
    good = 0
    for _ in range(TIMES):
        for number, (_, _, value, headers) in enumerate(CASES):
            send(world, "events", number, value, headers)
        world.produce("events", [text(user_id=f"good-{good + i}").decode() for i in range(10)])
        good += 10
    total = good + TIMES * len(CASES)
    node.wait_applied(total, 60)
    node.wait_stored()
    check_counts(node, good)
    check_letters(world, node)
    for number in range(good):
        profile = node.profile(f"good-{number}")
        check(profile and int(profile["event_count"]) == 1, f"good-{number}: {profile}")
    check(node.profile("bad") is None, "something bad has a profile")
    memory = node.memory_mib()
    check(memory < MEMORY_MIB + MEMORY_SLACK_MIB, f"memory {memory:.0f} MiB")
    say(
        f"{len(CASES)} kinds of bad records, {TIMES} times each: all among the dead letters with "
        f"reason, bytes, key, headers; {good} good events applied; memory {memory:.0f} MiB at most"
    )
    listed = world.kindred(
        *("dead-letters", "list", "--summary", "--brokers", world.brokers),
        *("--topic", node.dead_letters),
    ).stdout
    check(f"{TIMES * len(CASES)} dead letters" in listed, listed)

    replay = ("dead-letters", "replay", "--reason", "too_large", "--brokers", world.brokers)
    node.stop()
    node.command += ["--set", f"clean.max_record_kib={16 << 10}"]
    node.start().wait_ready()
    said = world.kindred(*replay, "--topic", node.dead_letters).stdout
    check(f"{TIMES} records sent again" in said, said)
    node.wait_applied(total + TIMES, 60)
    quality = node.quality()
    # Sent three times with the same content and time: one purchase.
    check(int(quality["accepted"]) == good + 1, f"after the replay: {quality}")
    check(int(quality["duplicates"]) == TIMES - 1, f"after the replay: {quality}")
    check(int(node.profile("bad")["event_count"]) == 1, "the replayed event is not in the profile")
    world.kindred(*replay, "--topic", node.dead_letters)
    node.wait_applied(total + 2 * TIMES, 60)
    check(int(node.quality()["accepted"]) == good + 1, f"a second replay: {node.quality()}")
    say("replayed after the limit was raised: accepted once; replayed again: nothing changed")
    node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__)
