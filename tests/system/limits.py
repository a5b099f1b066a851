#!/usr/bin/env python3
"""What is too much for a node: messages too large, more calls over HTTP than it can answer.

    tests/system/limits.py [--only NAME]

Each is sent to a real node. What is refused must say why, soon, and others must be answered meanwhile.
"""

import json
import signal
import socket
import subprocess
import threading
import time

import harness
import surface
from harness import check, say

TOPIC = "shop"
PARTITIONS = 2
CUSTOMERS = 5000
EVENTS = 60_000
SETTINGS = ["store.checkpoint_interval_ms=100", "clean.dedup_window_hours=48"]
SOON_S = 5
FROZEN_S = 1.5


def add_arguments(parser):
    parser.add_argument("--only", choices=sorted(LIMITS), help="one instead of all")


def sizes(world, node):
    """A message above 1 MiB: RESOURCE_EXHAUSTED with the sizes."""
    request = json.dumps({"name": "profiles/" + "x" * (2 << 20)})
    method = "kindred.v1.ProfileService/GetProfile"
    done = surface.grpcurl("-d", "@", node.grpc, method, expect=None, input=request)
    said = done.stderr
    check("ResourceExhausted" in said and "larger than max" in said, f"2 MiB: {said[:500]}")
    say(f"a message of 2 MiB: {said.strip().splitlines()[-1].strip()}")


class HttpCaller(threading.Thread):
    """Asks for batches over one connection for some seconds; what it got is in `codes`."""

    def __init__(self, node, seconds):
        super().__init__(daemon=True)
        host, port = node.http.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        names = [f"profiles/u-{number:07d}" for number in range(500)]
        body = json.dumps({"names": names, "read_mask": "name"}).encode()
        self.request = (
            f"POST /v1/profiles:batchGet HTTP/1.1\r\nHost: {node.http}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.until = time.monotonic() + seconds
        self.codes = {}
        self.refused = None
        self.start()

    def run(self):
        while time.monotonic() < self.until:
            self.socket.sendall(self.request)
            head, _, body = self.receive().partition(b"\r\n\r\n")
            code = int(head.split()[1])
            self.codes[code] = self.codes.get(code, 0) + 1
            if code == 429:
                self.refused = (head.decode(), body)
        self.socket.close()

    def receive(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        length = int(data.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        end = data.index(b"\r\n\r\n") + 4 + length
        while len(data) < end:
            data += self.more()
        return data

    def more(self):
        part = self.socket.recv(1 << 20)
        check(part, "the node closed a connection that is in use")
        return part


def http_calls(world, node):
    """More calls over HTTP than can be answered: 429 with Retry-After; health, metrics and status go on."""
    callers = [HttpCaller(node, 5) for _ in range(150)]
    slowest = 0
    while any(caller.is_alive() for caller in callers):
        begin = time.monotonic()
        for path in ("/healthz", "/readyz", "/metrics", "/v1/status"):
            code, _ = node.request(path)
            check(code == 200, f"{path} under load: HTTP {code}")
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.1)
    codes = {}
    for caller in callers:
        for code, count in caller.codes.items():
            codes[code] = codes.get(code, 0) + count
    check(set(codes) == {200, 429}, f"codes {codes}")
    head, body = next(caller.refused for caller in callers if caller.refused)
    check("retry-after: 1" in head.lower(), head)
    error = json.loads(body)["error"]
    check(error["code"] == 429 and error["status"] == "RESOURCE_EXHAUSTED", error)
    check(node.metric("kindred_http_refused_total") == codes[429], "the metric counts otherwise")
    check(slowest < SOON_S, f"health and metrics took {slowest:.1f} s")
    harness.wait_until(lambda: node.answers("/v1/status"), "answers after the storm", SOON_S)
    say(f"HTTP, 150 callers: {codes[200]} answered, {codes[429]} refused with 429; health and metrics "
        f"together within {slowest:.2f} s")


def given_up(world, node):
    """Calls whose callers gave up while the node could not run are not begun when it goes on."""
    before = {code: begun(node, code) for code in ("OK", "CANCELLED")}
    command = [world.bin / "kindred", "load", "calls", "--server", node.grpc, "--json"]
    command += ["--connections", "20", "--rate", "200", "--timeout-ms", "200"]
    command += ["--seconds", "5", "--warmup", "0", "--customers", str(CUSTOMERS)]
    callers = world.background(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        harness.wait_until(lambda: begun(node, "OK") > before["OK"] + 100, "calls come", 30)
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(FROZEN_S)
        node.process.send_signal(signal.SIGCONT)
        out, err = callers.communicate(timeout=60)
    finally:
        callers.kill()
    check(callers.returncode == 0, f"load calls: {err[-500:]}")
    figures = json.loads(out)
    late = figures.get("DEADLINE_EXCEEDED", 0)
    check(late >= 20, f"only {late} callers gave up: {figures}")
    after = {code: begun(node, code) - count for code, count in before.items()}
    needless = after["OK"] - figures["ok"]
    say(f"{late} callers gave up in {FROZEN_S} s without an answer: {after['CANCELLED']} calls not "
        f"begun, {needless} begun for nobody")
    check(needless <= late / 10, f"{needless} of {late} calls were begun for nobody")


def begun(node, code):
    return node.metric(f'kindred_rpc_requests_total{{code="{code}",method="GetProfile"}}')


LIMITS = {
    "given_up": given_up,
    "sizes": sizes,
    "http_calls": http_calls,
}


def load(world, count, seed):
    world.kindred(
        *("load", "events", "--brokers", world.brokers, "--topic", TOPIC, "--create-topic"),
        *("--partitions", str(PARTITIONS), "--count", str(count), "--seed", str(seed)),
        *("--customers", str(CUSTOMERS), "--items", "1000", "--customer-skew", "0"),
        limit_s=300,
    )


def test(world, options):
    load(world, EVENTS, 1)
    node = world.node("limited", TOPIC, settings=SETTINGS).start()
    node.wait_applied(world.records(TOPIC, PARTITIONS), 60)
    node.wait_ready()
    for name, limit in LIMITS.items():
        if options.only in (None, name):
            begin = time.monotonic()
            limit(world, node)
            say(f"{name}: {time.monotonic() - begin:.0f} s")
    node.stop()


if __name__ == "__main__":
    harness.main(test, __doc__, add_arguments)
