#!/usr/bin/env python3
"""Full disks, damaged files, wrong directories, no descriptors: what a node does, for real.

    tests/system/node_faults.py [--only NAME] [--hot-events 1000000]

Needs root, to mount a small tmpfs. Every fault is injected into a real node on a real Kafka, and in the
end of each the state must be that of a node without the fault, or the node must have refused to start
with a message that says what to do.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import time

import harness
from harness import check, say

TOPIC = "shop"
PARTITIONS = 2
EVENTS = 40_000
SETTINGS = ["store.checkpoint_interval_ms=100", "clean.dedup_window_hours=48"]
DISK_MIB = 256
SLOW_TOPIC = "slow"
SLOW_SYNC_MS = 2500
LEFT_KIB = 64
BREAKER = ["clean.breaker_window_records=1000"]


def add_arguments(parser):
    parser.add_argument("--hot-events", type=int, default=1_000_000, help="of one customer")
    parser.add_argument("--only", choices=sorted(FAULTS), help="one fault instead of all")


def load(world, topic, count, seed, *arguments, customers=3000):
    world.kindred(
        *("load", "events", "--brokers", world.brokers, "--topic", topic, "--create-topic"),
        *("--partitions", str(PARTITIONS), "--count", str(count), "--seed", str(seed)),
        *("--customers", str(customers), "--items", "800", *arguments),
        limit_s=300,
    )


def with_option(node, option, value):
    node.command[node.command.index(option) + 1] = value
    return node


class Expected:
    """What a node without a fault has after the events of a topic so far."""

    def __init__(self, world):
        self.world = world
        self.number = 0

    def check(self, node, what):
        records = self.world.records(TOPIC, PARTITIONS)
        node.wait_applied(records, 120)
        self.number += 1
        name = f"expected-{self.number}"
        steady = self.world.node(name, TOPIC, settings=SETTINGS).start()
        steady.wait_applied(records, 120)
        harness.same_file(
            self.world.export(node, f"{name}-tried.jsonl", "--state"),
            self.world.export(steady, f"{name}.jsonl", "--state"),
            what,
        )
        harness.same_counts((what, node.quality()), ("without", steady.quality()))
        steady.stop()


def refused(node, *words):
    """The node must end by itself, having said what is wrong; returns the words."""
    node.start()
    code = node.wait_end(60)
    tail = node.log_tail()
    check(code == 1, f"exit code {code}\n{tail}")
    for word in words:
        check(word in tail, f"the log does not say {word!r}:\n{tail}")
    line = next(line for line in reversed(tail.splitlines()) if words[-1] in line)
    return json.loads(line).get("error", line)


def full_disk(world, expected, _):
    """A tmpfs that is filled up: ingest pauses, reads go on, and it resumes by itself."""
    node = world.node("full", TOPIC, settings=SETTINGS)
    disk = node.directory / "data"
    disk.mkdir()
    harness.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "kindred-test", disk], 10)
    try:
        node.start()
        node.wait_applied(world.records(TOPIC, PARTITIONS), 60)
        node.wait_stored()
        ballast = disk / "ballast"
        reader = harness.Reader(node, customers(world, node)[:20])
        fill(ballast, disk)
        # The store reserved room for its log ahead: that is used up first.
        for seed in range(10, 30):
            load(world, TOPIC, EVENTS // 2, seed)
            if node.logged("ingest pauses until it can"):
                break
        node.wait_logged("ingest pauses until it can", 30)
        harness.wait_until(
            lambda: node.metric('kindred_ingest_paused{cause="disk"}') == 1, "paused by the disk", 30
        )
        check(node.metric("kindred_checkpoint_failures_total") >= 1, "no failed checkpoint counted")
        check(node.answers("/healthz"), "a full disk must not get the node restarted")
        before = max(int(part["stored_offset"]) for part in node.status()["partitions"])
        ballast.unlink()
        node.wait_logged("writing again", 60)
        node.wait_applied(world.records(TOPIC, PARTITIONS), 120)
        node.wait_stored()
        reader.stop()
        check(
            node.metric('kindred_ingest_paused{cause="disk"}') == 0, "still paused, with a free disk"
        )
        say(f"full disk: paused at offset {before}, {reader.answers} reads answered, resumed")
        expected.check(node, "state after a full disk")
        node.stop()
    finally:
        node.kill()
        subprocess.run(["umount", "-l", disk], check=False)


def customers(world, node):
    path = world.export(node, f"{node.name}-names.jsonl", "--fields", "name")
    names = [line.split('"')[3].split("/", 1)[1] for line in path.read_text().splitlines()]
    check(names, f"{node.name} lists nobody")
    return names


def slow_disk(world, expected, _):
    """Every sync takes seconds: ingest pauses, memory stays bounded, reads go on, it resumes."""
    memory = 384
    load(world, SLOW_TOPIC, 1000, 6)
    node = world.node("slow", SLOW_TOPIC, settings=SETTINGS, memory_mib=memory)
    control = world.directory / "sync-ms"
    control.write_text("0")
    fast = node.command
    node.command = [
        *("env", f"LD_PRELOAD={world.bin / 'slow_disk.so'}", f"KINDRED_SLOW_DISK={control}"),
        *fast,
    ]
    node.start().wait_ready()
    reader = harness.Reader(node, customers(world, node)[:20])
    control.write_text(str(SLOW_SYNC_MS))
    # Memtables and what may wait for them are filled first. It may pause for its workers before.
    paused = '"waits_for":"disk"'
    for seed in range(7, 17):
        load(world, SLOW_TOPIC, 400_000, seed, "--customer-skew", "0.2", customers=150_000)
        if node.logged(paused):
            break
    records = world.records(SLOW_TOPIC, PARTITIONS)
    node.wait_logged(paused, 30)
    harness.wait_until(
        lambda: node.metric('kindred_ingest_paused{cause="disk"}') == 1, "paused by the disk", 30
    )
    at = node.applied()
    check(at < records, "all was applied before the disk took it")
    unstored = at - sum(int(part["stored_offset"]) for part in node.status()["partitions"])
    check(node.answers("/healthz"), "a slow disk must not get the node restarted")
    node.wait_applied(at + 1, 120)  # it goes on with what the disk takes
    control.write_text("0")
    node.wait_applied(records, 120)
    node.wait_stored(60)
    harness.wait_until(
        lambda: node.metric('kindred_ingest_paused{cause="disk"}') == 0, "no longer paused", 30
    )
    reader.stop()
    held = node.memory_mib()
    check(held <= memory, f"{held:.0f} MiB at the most, the limit is {memory}")
    steady = world.node("slow-expected", SLOW_TOPIC, settings=SETTINGS).start()
    steady.wait_applied(records, 120)
    harness.same_file(
        world.export(node, "slow.jsonl", "--state"),
        world.export(steady, "slow-expected.jsonl", "--state"),
        "state after a slow disk",
    )
    harness.same_counts(("after a slow disk", node.quality()), ("without", steady.quality()))
    steady.stop()
    node.stop()
    say(f"slow disk: paused at {at:,} of {records:,} records with {unstored:,} not stored, {reader.answers} "
        f"reads answered, {held:.0f} of {memory} MiB at the most; resumed")


def fill(ballast, disk):
    """Writes until little room is left; what the node frees meanwhile is taken too."""
    with open(ballast, "wb", buffering=0) as out:
        while True:
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            if free <= LEFT_KIB << 10:
                return
            out.write(bytes(min(1 << 20, free - (LEFT_KIB << 10) or 1)))


def damaged_files(world, expected, _):
    """A flipped byte: an older moment that the log completes, or a refusal; never a wrong answer."""
    base = world.node("whole", TOPIC, settings=SETTINGS).start()
    base.wait_applied(world.records(TOPIC, PARTITIONS), 60)
    base.wait_stored()
    load(world, TOPIC, 2000, 3)
    base.wait_applied(world.records(TOPIC, PARTITIONS), 60)
    base.wait_stored()
    base.stop()
    # A stop flushes all to files; then some more, and a kill leaves it in the write-ahead log.
    base.start()
    load(world, TOPIC, 2000, 4)
    base.wait_applied(world.records(TOPIC, PARTITIONS), 60)
    base.wait_stored()
    base.kill()
    chance = random.Random(7)
    for name, pattern, where in (
        ("log-middle", "*.log", 0.5),
        ("log-tail", "*.log", 0.99),
        ("sst-start", "*.sst", 0.05),
        ("sst-middle", "*.sst", 0.5),
        ("sst-end", "*.sst", 0.999),
        ("manifest", "MANIFEST-*", 0.5),
        ("current", "CURRENT", 0.5),
    ):
        node = world.node(f"flip-{name}", TOPIC, settings=SETTINGS)
        shutil.copytree(base.directory / "data", node.directory / "data")
        # The largest holds the most: the log or table that is read at the start.
        files = [f for f in (node.directory / "data").rglob(pattern) if f.stat().st_size > 0]
        check(files, f"no {pattern} in {base.directory / 'data'}")
        victim = max(files, key=lambda file: file.stat().st_size)
        flip(victim, where, chance)
        node.start()
        outcome = wait_outcome(world, node)
        if outcome == "refused":
            tail = node.log_tail()
            check("data" in tail and ("anew" in tail or "empty" in tail or "remove" in tail),
                  f"the refusal does not say what to do:\n{tail}")
        else:
            expected.check(node, f"state after a flipped byte in {victim.name}")
            node.stop()
        say(f"flipped byte, {name}: {outcome}")


def flip(path, where, chance):
    data = bytearray(path.read_bytes())
    at = min(len(data) - 1, int(len(data) * where))
    data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def wait_outcome(world, node):
    records = world.records(TOPIC, PARTITIONS)

    def outcome():
        code = node.process.poll()
        if code is not None:
            check(code == 1, f"exit code {code}\n{node.log_tail()}")
            node.forget_process()
            return "refused"
        return "healed" if node.applied() >= records else None

    return harness.wait_until(outcome, lambda: f"an outcome\n{node.log_tail()}", 120)


def wrong_directory(world, *_):
    """State of another topic, another cluster, another node, or a port that is taken."""
    first = world.node("first", TOPIC, settings=SETTINGS).start().wait_ready()
    first.wait_stored()
    second = world.node("second", TOPIC, settings=SETTINGS)
    own = dict(zip(second.command, second.command[1:]))
    for what, option, theirs, word in (
        ("directory", "--data-dir", first.directory / "data", "in use by process"),
        ("gRPC port", "--grpc-address", first.grpc, "cannot listen on"),
        ("HTTP port", "--http-address", first.http, "cannot listen on"),
    ):
        say(f"same {what}: " + refused(with_option(second, option, theirs), word))
        with_option(second, option, own[option])
    check(first.answers("/readyz"), "the first node was disturbed")
    first.stop()
    world.create_topic("other", PARTITIONS)
    other = world.node("other", "other", settings=SETTINGS)
    with_option(other, "--data-dir", first.directory / "data")
    say("another topic: " + refused(other, "cannot start", "topic"))
    brokers = start_second_broker(world)
    try:
        run = [world.bin / "kindred", "produce", "--brokers", brokers, "--topic", TOPIC]
        harness.run([*run, "--create-topic", "--partitions", PARTITIONS], 60, input="")
        with_option(with_option(other, "--brokers", brokers), "--topic", TOPIC)
        say("another cluster: " + refused(other, "cannot start", "cluster"))
    finally:
        harness.run([harness.KAFKA, "stop", "--dir", world.directory / "kafka2"], 60)


def start_second_broker(world):
    done = harness.run([harness.KAFKA, "start", "--dir", world.directory / "kafka2"], 120)
    return done.stdout.strip().splitlines()[-1]


def no_descriptors(world, expected, _):
    """Too few file descriptors: refuses to start, or cannot be reached anew and says so."""
    node = world.node("starved", TOPIC, settings=SETTINGS)
    node.command = ["prlimit", "--nofile=24:24", *node.command]
    node.start()
    code = node.wait_end(60)
    check(code != 0, f"started with 24 descriptors\n{node.log_tail()}")
    check("oo many open files" in node.log.read_text(), f"no reason given:\n{node.log_tail()}")
    node.command = node.command[2:]
    shutil.rmtree(node.directory / "data", ignore_errors=True)
    node.start().wait_ready()
    node.wait_applied(world.records(TOPIC, PARTITIONS), 60)
    node.status()  # over a connection that stays open
    # The standard streams have the three that are left: nothing can be opened, whatever is closed.
    limits = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    load(world, TOPIC, 5000, 5)

    def unreachable():
        # One connection may still be kept; a new one is what the self-check tries.
        try:
            return node.request("/healthz")[0] != 200
        except OSError:
            return True

    harness.wait_until(unreachable, "the node notices that nobody can connect", 60)
    node.check_alive()
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, limits)
    harness.wait_until(lambda: node.answers("/healthz"), "alive again", 60)
    say(f"descriptors: refused at 24; with none left /healthz failed, then recovered")
    expected.check(node, "state after a lack of descriptors")
    node.stop()


def poison(world, *_):
    """A topic that is all poison: the partition halts; --resume-halted goes on."""
    good = [f'{{"event_id":"g-{i}","user_id":"u-{i % 7}","type":"view","event_time":'
            f'{int(time.time() * 1000)},"item_id":"i-{i % 5}"}}' for i in range(100)]
    node = world.node("poisoned", "poison", settings=[*SETTINGS, *BREAKER])
    world.produce("poison", good)
    node.start().wait_applied(100, 60)
    node.wait_ready()
    harness.run(["kcat", "-b", world.brokers, "-t", "poison", "-P", "-k", "u-1"], 60,
                input="not an event\n" * 20_000)
    node.wait_logged("partition halted", 60)
    node.wait_stored()
    part = node.status()["partitions"][0]
    reasons = node.status()["not_ready_reasons"]
    check(any("is halted" in reason and "--resume-halted" in reason for reason in reasons), reasons)
    check(node.metric("kindred_partition_halted") == 1, "the metric does not say so")
    check(node.profile("u-1"), "reads do not go on")
    letters = int(world.dead_letters(node.dead_letters)[0].split()[0])
    check(900 <= letters <= 1900, f"{letters} dead letters of 20,000 bad records")
    at = int(part["applied_offset"])
    node.kill()
    node.start().wait_logged("partition stays halted", 60)
    node.wait_logged("partition assigned", 60)
    harness.wait_until(
        lambda: node.answers("/v1/status") and node.applied() == at,
        lambda: f"a restart stands at {at:,}, not at {node.applied():,}",
        60,
    )
    node.wait_stored()
    check(node.applied() == at, f"a restart went on to {node.applied():,} from {at:,}")
    node.stop()
    node.start("--resume-halted")
    node.wait_applied(at + 900, 60)
    node.stop()
    node.start("--resume-halted", "--set", "clean.breaker_share=0").wait_applied(20_100, 60)
    node.wait_stored()
    total = int(world.dead_letters(node.dead_letters)[0].split()[0])
    check(total == 20_000, f"{total} dead letters in the end")
    say(f"poison: halted at offset {at} with {letters:,} dead letters; with --resume-halted it went on")
    node.stop()


def hot_customer(world, _, options):
    """A customer with most of all events, and a small memory: bounded state, bounded process."""
    memory = 384
    world.kindred(
        *("load", "events", "--brokers", world.brokers, "--topic", "hot", "--create-topic"),
        *("--partitions", "1", "--count", str(options.hot_events), "--customers", "1"),
        *("--items", "20000", "--duplicates", "0"),
        limit_s=300,
    )
    world.kindred(
        *("load", "events", "--brokers", world.brokers, "--topic", "hot"),
        *("--count", str(options.hot_events // 2), "--customers", str(options.hot_events // 2)),
        *("--items", "20000", "--seed", "2"),
        limit_s=300,
    )
    records = world.records("hot", 1)
    node = world.node("hot", "hot", settings=[*SETTINGS, "clean.dedup_memory_mib=64",
                                              "recommend.relation_memory_mib=64"], memory_mib=memory)
    node.start().wait_applied(records, 300)
    node.wait_ready(120)
    code, body = node.request("/v1/profiles/u-0000000")
    check(code == 200, f"the hot customer: HTTP {code}: {body[:300]!r}")
    check(len(body) < 64 << 10, f"the hot customer's profile has {len(body):,} bytes")
    held = node.memory_mib()
    check(held <= memory, f"{held:.0f} MiB at the most, the limit is {memory}")
    say(f"a customer with {options.hot_events:,} events: profile of {len(body):,} bytes as JSON; "
        f"{records:,} records, {held:.0f} of {memory} MiB at the most")
    node.stop(60)


FAULTS = {
    "full_disk": full_disk,
    "slow_disk": slow_disk,
    "damaged_files": damaged_files,
    "wrong_directory": wrong_directory,
    "no_descriptors": no_descriptors,
    "poison": poison,
    "hot_customer": hot_customer,
}


def test(world, options):
    load(world, TOPIC, EVENTS, 1)
    expected = Expected(world)
    for name, fault in FAULTS.items():
        if options.only in (None, name):
            begin = time.monotonic()
            fault(world, expected, options)
            say(f"{name}: {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    harness.main(test, __doc__, add_arguments)
