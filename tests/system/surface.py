#!/usr/bin/env python3
"""What operators and clients meet: reflection, health, metrics, messages, exit codes.

Needs grpcurl (tests/install puts it into the cache), promtool and prometheus.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import harness
from harness import check, free_port, run, say, wait_until

SERVICES = {
    "grpc.health.v1.Health",
    "kindred.v1.ProfileService",
    "kindred.v1.RecommendationService",
    "kindred.v1.SegmentService",
    "kindred.v1.StatusService",
}
EVENTS = 200


def grpcurl(*arguments, expect=0, **options):
    cache = os.environ.get("KINDRED_CACHE") or pathlib.Path.home() / ".cache" / "kindred"
    program = shutil.which("grpcurl") or pathlib.Path(cache) / "bin" / "grpcurl"
    return run([program, "-plaintext", "-max-time", "10", *arguments], 30, expect=expect, **options)


def grpc_health(node):
    """What the health service says, or the error."""
    done = grpcurl(node.grpc, "grpc.health.v1.Health/Check", expect=None)
    return json.loads(done.stdout).get("status") if done.returncode == 0 else done.stderr


def ready_code(node):
    try:
        with urllib.request.urlopen(f"http://{node.http}/readyz", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def wait_serving(node):
    """A little after HTTP says that it is ready."""
    wait_until(lambda: grpc_health(node) == "SERVING", lambda: f"SERVING: {grpc_health(node)}", 60)


def check_health(world, node):
    """SERVING only when all partitions are caught up: a broker that hangs keeps a node from it."""
    node.start()
    node.wait_ready()
    wait_serving(node)
    # The servers are up before anything is assigned; a broker that hangs makes that last. A node that
    # was quicker than the pause is started anew.
    broker = int(pathlib.Path(os.environ["KINDRED_KAFKA_DIR"], "pid").read_text().split()[0])
    code = 200
    for _ in range(5):
        node.stop()
        node.start()
        wait_until(lambda: ready_code(node), "the node answers over HTTP", 30)
        os.kill(broker, signal.SIGSTOP)
        try:
            # In this order: a node that is not ready in the end, and never was, was not ready before.
            health, code = grpc_health(node), ready_code(node)
            was_ready = node.logged('"msg":"ready"')
        finally:
            os.kill(broker, signal.SIGCONT)
        seen = code == 503 and not was_ready
        if seen:
            break
    check(seen, f"five times the node was ready too early to see: HTTP {code}, health {health}")
    check(health == "NOT_SERVING", f"health when HTTP says {code}: {health}")
    say(f"before it is ready: HTTP {code}, health {health}")
    node.wait_ready()
    wait_serving(node)
    say("ready: HTTP 200, health SERVING")


def check_reflection(node):
    listed = set(grpcurl(node.grpc, "list").stdout.split())
    check(SERVICES <= listed, f"missing: {SERVICES - listed}, listed: {listed}")
    say(f"grpcurl list: {', '.join(sorted(listed))}")
    request = ("-d", '{"name":"profiles/u-1"}', node.grpc, "kindred.v1.ProfileService/GetProfile")
    profile = json.loads(grpcurl(*request).stdout)
    check(profile.get("customer_id") == "u-1", f"{profile}")
    wrong = grpcurl(
        *("-d", '{"name":"u-1"}', node.grpc, "kindred.v1.ProfileService/GetProfile"), expect=None
    )
    check("InvalidArgument" in wrong.stderr and "name" in wrong.stderr, wrong.stderr)
    absent = grpcurl(
        *("-d", '{"name":"profiles/nobody"}', node.grpc, "kindred.v1.ProfileService/GetProfile"),
        expect=None,
    )
    check("NotFound" in absent.stderr, absent.stderr)


def check_metrics(world, node):
    code, metrics = node.request("/metrics")
    check(code == 200, f"metrics: HTTP {code}")
    linted = run(["promtool", "check", "metrics"], 30, expect=None, input=metrics.decode())
    check(linted.returncode == 0, f"promtool: {linted.stdout}{linted.stderr}")
    say(f"promtool check metrics: {len(metrics.splitlines()):,} lines accepted")
    config = world.directory / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        f"- job_name: kindred\n  static_configs: [{{targets: ['{node.http}']}}]\n"
    )
    address = f"127.0.0.1:{free_port()}"
    with open(world.directory / "prometheus.log", "w") as log:
        prometheus = world.background(
            ["prometheus", f"--config.file={config}", f"--web.listen-address={address}"]
            + [f"--storage.tsdb.path={world.directory / 'prometheus'}"],
            stdout=log,
            stderr=log,
        )

    def query(expression):
        url = f"http://{address}/api/v1/query?query={expression}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return float(result[0]["value"][1]) if result else None

    wait_until(lambda: query("up") == 1.0, "a real Prometheus scrapes the node", 60)
    seen = wait_until(
        lambda: query("sum(kindred_event_visible_latency_seconds_count)"), "the histogram", 30
    )
    say(f"Prometheus: up 1, events in the histogram produced to visible: {seen:.0f}")
    prometheus.terminate()
    prometheus.wait(30)


def check_refusals(world, node):
    """A second node beside the first: each time exit code 1 and a line that says why."""
    other = [part for part in node.command]

    def refused(changes, expected, code, what):
        command = [str(part) for part in other]
        for flag, value in changes.items():
            command[command.index(flag) + 1] = str(value)
        done = run(command, 30, expect=code)
        text = done.stdout + done.stderr
        check(all(part in text for part in expected), f"{what}: {text}")
        say(f"{what}: {text.strip().splitlines()[-1][:230]}")

    fresh = {
        "--grpc-address": f"127.0.0.1:{free_port()}",
        "--http-address": f"127.0.0.1:{free_port()}",
    }
    data = {"--data-dir": world.directory / "other"}
    refused(fresh, [str(node.directory / "data")], 1, "same data directory")
    refused({**data, "--http-address": fresh["--http-address"]}, [node.grpc], 1, "gRPC port taken")
    refused({**data, "--grpc-address": fresh["--grpc-address"]}, [node.http], 1, "HTTP port taken")


def check_configuration(world):
    config = world.directory / "node.yaml"
    binary = world.bin / "kindred-node"
    for text, expected in (
        ("kafka:\n  topic: events\nsegments:\n  cuont: 5\n", f"{config}:4:3: unknown key"),
        ("segments:\n  count: many\n", f"{config}:2:10: count: expected a whole number"),
        ("segments: {count: 1}\n", "segments.count: expected 2 to 1000"),
    ):
        config.write_text(text)
        done = run([binary, "--config", config], 10, expect=2)
        check(expected in done.stderr, f"{expected} is not in {done.stderr}")
        say(f"configuration: {done.stderr.strip().replace(str(world.directory), '…')[:160]}")
    config.write_text("segments: {count: 5}\n")
    shown = run([binary, "--config", config, "--set", "kafka.topic=t", "--print-config"], 10).stdout
    check("count: 5" in shown and 'topic: "t"' in shown, shown)


def check_command_line(world, node):
    nobody = f"127.0.0.1:{free_port()}"
    missing = world.directory / "none.csv"
    kafka = ("--brokers", world.brokers)
    for code, arguments in (
        (0, ("get", "u-1", "--server", node.grpc)),
        (0, ("get", "u-1", "--json", "--server", node.grpc)),
        (0, ("status", "--server", node.grpc)),
        (0, ("segments", "--server", node.grpc)),
        (0, ("recommend", "u-1", "--server", node.grpc)),
        (0, ("recommend", "a-stranger", "--server", node.grpc)),
        (0, ("completion",)),
        (0, ("--version",)),
        (0, ("--help",)),
        (1, ("export", "-o", missing.parent / "no-such-directory" / "x", "--server", node.grpc)),
        (2, ()),
        (2, ("get",)),
        (2, ("no-such-command",)),
        (2, ("get", "u-1", "--fields", "no_such_field", "--server", node.grpc)),
        (3, ("get", "nobody", "--server", node.grpc)),
        (3, ("produce", missing, "--topic", "events", *kafka)),
        (3, ("import", harness.SLICE, "--topic", "no-such-topic", *kafka)),
        (4, ("get", "u-1", "--server", nobody, "--timeout-ms", "2000")),
        (4, ("status", "--server", nobody, "--timeout-ms", "2000")),
    ):
        done = world.kindred(*arguments, expect=None)
        said = f"kindred {' '.join(map(str, arguments))}: exit code {done.returncode}"
        check(done.returncode == code, f"{said}, expected {code}: {done.stdout}{done.stderr}")
        check(code == 0 or done.stderr, f"{said}, but nothing on standard error")
    say("exit codes of the command line: 0, 1, 2, 3, 4 as documented")


def test(world, options):
    lines = [
        json.dumps(
            {
                "event_id": f"e-{number}",
                "user_id": f"u-{number % 20}",
                "type": "view",
                "item_id": f"item-{number % 7}",
            }
        )
        for number in range(EVENTS)
    ]
    world.produce("events", lines[: EVENTS // 2], partitions=4)
    node = world.node("node", "events")
    check_health(world, node)
    world.produce("events", lines[EVENTS // 2 :])
    node.wait_applied(EVENTS, 30)
    check_reflection(node)
    check_metrics(world, node)
    check_refusals(world, node)
    check_configuration(world)
    check_command_line(world, node)
    node.check_alive()
    node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__)
