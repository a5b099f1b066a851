"""Real processes for the system tests: a Kafka broker, nodes, the command line.

A test is a script with a function of a World, handed to main(). Run it by hand after deploy/build:

    tests/system/restart.py [--bin build/release/bin] [--keep]

The script runs itself anew under `tests/kafka/kafka run`, so the broker ends with it, however it
ends; nodes are killed when the script dies. Everything waits for a condition, within a deadline.
--keep leaves the directory with logs and data. Exit code: 0 passed, 1 failed.
"""

import argparse
import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "kafka"))
from free_port import free_port  # noqa: E402

KAFKA = ROOT / "tests" / "kafka" / "kafka"
PYTHON_WITH_SKLEARN = ROOT / "tests" / "python"
ONLINE_RETAIL = ROOT.parent / "shared" / "data" / "online-retail" / "online-retail.csv.gz"
SLICE = ROOT / "tests" / "data" / "transactions.csv.gz"
POLL_S = 0.02
LOG_TAIL_LINES = 15


class Failed(Exception):
    """What is wrong, in words."""


def check(condition, message):
    if not condition:
        raise Failed(message)


def say(text):
    print(f"-- {text}", flush=True)


def wait_until(condition, what, limit_s):
    """Returns the first true value of condition(); Failed after limit_s."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"not within {limit_s} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def run(command, limit_s, expect=0, **options):
    """Runs a command to its end; Failed on another exit code than expected (None: any will do)."""
    text = " ".join(str(part) for part in command)
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            timeout=limit_s,
            text=options.pop("text", True),
            **options,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not within {limit_s} s: {text}") from error
    if expect is not None and done.returncode != expect:
        raise Failed(f"exit code {done.returncode}: {text}\n{done.stdout[-3000:]}{done.stderr}")
    return done


class Node:
    """A kindred-node process with its data directory; it may be stopped, killed and started again."""

    def __init__(self, world, name, topic, settings=(), group=None, memory_mib=None, arguments=()):
        self.name = name
        self.directory = world.directory / name
        self.directory.mkdir()
        self.grpc = f"127.0.0.1:{free_port()}"
        self.http = f"127.0.0.1:{free_port()}"
        self.dead_letters = f"{topic}.dead-letters.{name}"
        self.log = self.directory / "log"
        # A short session: the group forgets a killed member quickly.
        assignments = [
            "kafka.session_timeout_ms=2000",
            f"kafka.dead_letter_topic={self.dead_letters}",
            *settings,
        ]
        self.command = [
            world.bin / "kindred-node",
            *("--brokers", world.brokers, "--topic", topic, "--items-topic", f"{topic}.items"),
            *("--group", group or f"group-{name}", "--data-dir", self.directory / "data"),
            *("--grpc-address", self.grpc, "--http-address", self.http, "--create-topics"),
            *("--memory-limit", str(memory_mib or 2048)),
            *(part for assignment in assignments for part in ("--set", assignment)),
            *arguments,
        ]
        self.process = None
        self.log_start = 0  # where the log of the newest start begins
        self.connection = None

    def start(self, *arguments):
        check(self.process is None, f"{self.name} runs already")
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                [str(part) for part in (*self.command, *arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        return self

    def check_alive(self):
        check(self.process is not None, f"{self.name} was not started")
        code = self.process.poll()
        if code is not None:
            raise Failed(f"{self.name} ended by itself, exit code {code}:\n{self.log_tail()}")

    def wait_end(self, limit_s=30):
        """The exit code of a node that ends by itself."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} goes on after {limit_s} s:\n{self.log_tail()}") from error
        self.forget_process()
        return code

    def logged(self, text):
        """Whether the node said so since it was last started."""
        return text.encode() in self.log.read_bytes()[self.log_start :]

    def wait_logged(self, text, limit_s=30):
        wait_until(
            lambda: self.logged(text),
            lambda: f"{self.name} logged {text!r}\n{self.log_tail()}",
            limit_s,
        )

    def metric(self, name):
        """The sum over all labels that `name` leaves open: a name, or a name with {labels}."""
        code, body = self.request("/metrics")
        check(code == 200, f"{self.name}: /metrics: HTTP {code}")
        found = [
            float(line.rsplit(" ", 1)[1])
            for line in body.decode().splitlines()
            if line.startswith((name + " ", name + "{")) or ("{" in name and line.startswith(name))
        ]
        check(found, f"{self.name}: no metric {name}")
        return sum(found)

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def request(self, path, method="GET", body=None):
        """(code, bytes) of an HTTP call over one connection that is kept."""
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.http, timeout=30)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection.request(method, path, body)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                # The server may close a kept connection between two calls.
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise

    def get(self, path):
        """The JSON answer of a call that must succeed."""
        code, body = self.request(path)
        check(code == 200, f"{self.name}: {path}: HTTP {code}: {body[:500]!r}")
        return json.loads(body)

    def profile(self, customer):
        """A profile, or None."""
        code, body = self.request("/v1/profiles/" + urllib.parse.quote(customer, safe=""))
        check(code in (200, 404), f"{self.name}: profile of {customer}: HTTP {code}: {body!r}")
        return json.loads(body) if code == 200 else None

    def answers(self, path):
        self.check_alive()
        try:
            return self.request(path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, limit_s=60):
        wait_until(
            lambda: self.answers("/readyz"),
            lambda: f"{self.name} is ready\n{self.log_tail()}",
            limit_s,
        )
        return self

    def status(self):
        return self.get("/v1/status")

    def quality(self):
        return self.status()["quality"]

    def applied(self):
        """Records applied in memory, of all partitions. 0 while it does not answer."""
        self.check_alive()
        try:
            code, body = self.request("/v1/status")
        except (OSError, http.client.HTTPException):
            return 0
        if code != 200:
            return 0
        return sum(int(part["applied_offset"]) for part in json.loads(body)["partitions"])

    def wait_applied(self, records, limit_s):
        """Until so many records of the topic were applied, from its beginning on."""
        wait_until(
            lambda: self.applied() >= records,
            lambda: f"{self.name} applied {records:,}, has {self.applied():,}\n{self.log_tail()}",
            limit_s,
        )

    def wait_stored(self, limit_s=60):
        """Until a checkpoint holds everything applied: profiles are listed from checkpoints."""

        def stored():
            self.check_alive()
            status = self.status()
            waiting = int(status["quality"]["outbox_pending"])
            return waiting == 0 and all(
                part["stored_offset"] == part["applied_offset"] for part in status["partitions"]
            )

        wait_until(stored, lambda: f"{self.name} stored all: {self.status()}", limit_s)

    def memory_mib(self):
        """The most that the process ever held."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self, limit_s=30):
        """SIGTERM; a clean end is exit code 0."""
        self.check_alive()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} did not stop within {limit_s} s:\n{self.log_tail()}") from error
        self.forget_process()
        check(code == 0, f"{self.name} stopped with exit code {code}:\n{self.log_tail()}")

    def kill(self):
        """kill -9"""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.forget_process()

    def forget_process(self):
        self.process = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Reader:
    """Asks a node for profiles again and again, on a thread of its own, until stop()."""

    def __init__(self, node, customers, pause_s=0.02):
        self.address = node.http
        self.customers = customers
        self.pause_s = pause_s
        self.answers = 0
        self.failures = []
        self.longest_s = 0
        self.oldest_s = 0  # staleness that an answer told
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = None
        while not self.ending.wait(self.pause_s):
            customer = self.customers[self.answers % len(self.customers)]
            begin = time.monotonic()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(self.address, timeout=30)
                connection.request("GET", "/v1/profiles/" + urllib.parse.quote(customer, safe=""))
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection = None  # an idle connection that the server closed
                continue
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = None
                continue
            self.answers += 1
            self.longest_s = max(self.longest_s, time.monotonic() - begin)
            if answer.status != 200:
                self.failures.append(f"HTTP {answer.status}: {body[:200]!r}")
                continue
            staleness = json.loads(body).get("freshness", {}).get("staleness", "0s")
            self.oldest_s = max(self.oldest_s, float(staleness.rstrip("s")))

    def stop(self):
        self.ending.set()
        self.thread.join()
        check(self.answers, "no read was answered")
        check(
            not self.failures,
            f"{len(self.failures)} of {self.answers} reads failed, first: {self.failures[:3]}",
        )


class World:
    """What one test has: a broker, a directory, nodes."""

    def __init__(self, directory, brokers, binaries):
        self.directory = directory
        self.brokers = brokers
        self.bin = binaries
        self.nodes = []
        self.processes = []

    def node(self, name, topic, **options):
        node = Node(self, name, topic, **options)
        self.nodes.append(node)
        return node

    def kindred(self, *arguments, limit_s=120, expect=0, **options):
        """Runs the command line."""
        return run([self.bin / "kindred", *arguments], limit_s, expect, **options)

    def background(self, command, **options):
        process = subprocess.Popen(
            [str(part) for part in command], preexec_fn=die_with_parent, **options
        )
        self.processes.append(process)
        return process

    def import_command(self, source, topic, *arguments, partitions=8):
        return [
            *(self.bin / "kindred", "import", source, "--brokers", self.brokers, "--topic", topic),
            *("--create-topic", "--partitions", str(partitions), *arguments),
        ]

    def kafka(self, action, limit_s=240):
        """kill, start, pause or continue: the broker of this test."""
        run([KAFKA, action], limit_s)

    def records(self, topic, partitions):
        """How many records the topic holds. A broker that just started may not lead yet."""
        ask = ["kcat", "-b", self.brokers, "-Q", *(f"-t{topic}:{p}:-1" for p in range(partitions))]
        last = []

        def listed():
            last[:] = [run(ask, 60, expect=None)]
            return last[0] if last[0].returncode == 0 else None

        done = wait_until(listed, lambda: f"kcat told the ends of {topic}: {last[0].stderr}", 60)
        return sum(int(line.split()[-1]) for line in done.stdout.splitlines())

    def dead_letters(self, topic):
        """Lines: how many there are, repeats left out, and how many of each reason."""
        listed = self.kindred(
            *("dead-letters", "list", "--summary", "--brokers", self.brokers, "--topic", topic)
        )
        return listed.stdout.strip().splitlines()

    def create_topic(self, topic, partitions=1):
        """Through the command line, with nothing to send."""
        self.produce(topic, [], partitions)

    def produce(self, topic, lines, partitions=1):
        """Sends JSON lines; each gets its customer as the key."""
        self.kindred(
            *("produce", "--brokers", self.brokers, "--topic", topic, "--create-topic"),
            *("--partitions", str(partitions)),
            input="".join(line + "\n" for line in lines),
        )

    def export(self, node, name, *arguments):
        node.wait_stored()
        path = self.directory / name
        self.kindred("export", "--server", node.grpc, "-o", path, "--timeout-ms", "60000", *arguments)
        return path

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for node in self.nodes:
            node.kill()


def same_file(left, right, what):
    """Failed, with the first lines that differ, unless both files are byte for byte the same."""
    if left.read_bytes() != right.read_bytes():
        same_lines(*(path.read_text().splitlines() for path in (left, right)), what)


def same_lines(one, two, what):
    if one == two:
        return
    for number, (a, b) in enumerate(zip(one, two), 1):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            at = max(0, at - 100)
            raise Failed(f"{what}: line {number}, byte {at} differ:\n{a[at:][:300]}\n{b[at:][:300]}")
    raise Failed(f"{what}: {len(one):,} lines against {len(two):,}")


COUNTS = ("read", "accepted", "duplicates", "rejected", "corrected", "accepted_by_type", "missing")


def same_counts(node, other, names=COUNTS):
    """Failed unless both counted the same; the first two arguments are (name, quality)."""
    for name in names:
        check(
            node[1][name] == other[1][name],
            f"{name}: {node[0]} {node[1][name]}, {other[0]} {other[1][name]}",
        )


def main(test, description, add_arguments=None):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--keep", action="store_true", help="leave the directory behind")
    if add_arguments:
        add_arguments(parser)
    options = parser.parse_args()
    if "KINDRED_KAFKA" not in os.environ:
        for name in ("kindred", "kindred-node"):
            if not (options.bin / name).exists():
                sys.exit(f"no {options.bin / name}: run deploy/build, or name another --bin")
        sys.exit(subprocess.run([KAFKA, "run", "--", sys.executable, *sys.argv]).returncode)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kindred-system-"))
    world = World(directory, os.environ["KINDRED_KAFKA"], options.bin.resolve())
    name = pathlib.Path(sys.argv[0]).stem
    start = time.monotonic()
    passed = False
    try:
        test(world, options)
        passed = True
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
    except Exception:
        traceback.print_exc()
        for node in world.nodes:
            if node.log.exists():
                print(f"{node.name}: {node.log_tail()}", flush=True)
    finally:
        world.close()
        if options.keep:
            say(f"logs and data: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"{name}: {'passed' if passed else 'FAILED'}, {time.monotonic() - start:.0f} s", flush=True)
    sys.exit(0 if passed else 1)
