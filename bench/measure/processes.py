"""What bench/run starts: a broker, nodes, peers; and what the kernel says of them."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "kafka"))
from free_port import free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
STANDSTILL_S = 120


class Failure(Exception):
    """Ends the program with this one line."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def output_of(command, **settings):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, **settings)
    if done.returncode != 0:
        raise Failure(f"{' '.join(str(part) for part in command[:3])} … ended with {done.returncode}")
    return done.stdout


def cpu_seconds(pid):
    """User and system time of a process and its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid, most=True):
    name = "VmHWM" if most else "VmRSS"
    found = re.search(rf"{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024


def other_load():
    """Share of this machine's cores that is busy now: what else runs makes figures worse."""
    def sample():
        fields = [int(text) for text in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    total, idle = sample()
    time.sleep(1)
    later_total, later_idle = sample()
    return 1 - (later_idle - idle) / max(1, later_total - total)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Node:
    """A node on a topic, in a directory of its own; `keep`: goes on where that one ended."""

    def __init__(self, bench, name, topic, *settings, keep=None):
        self.bench = bench
        self.directory = bench.directory / name
        if keep:
            self.grpc, self.http = keep.grpc, keep.http
        else:
            self.grpc, self.http = (f"127.0.0.1:{free_port()}" for _ in range(2))
            shutil.rmtree(self.directory, ignore_errors=True)
        self.log = open(bench.directory / f"{name}.log", "a")
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            [bench.binary("kindred-node"), "--brokers", bench.brokers, "--topic", topic, "--items-topic",
             "items", "--group", name, "--instance-id", name, "--data-dir", self.directory,
             "--grpc-address", self.grpc, "--http-address", self.http, "--create-topics",
             *(f"--set={setting}" for setting in (*bench.options.set, *settings))],
            stdout=self.log, stderr=subprocess.STDOUT)

    @property
    def pid(self):
        return self.process.pid

    def get(self, path):
        """The answer's bytes, or None."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as answer:
                return answer.read()
        except (OSError, ValueError):
            return None

    def status(self):
        text = self.get("/v1/status")
        return json.loads(text) if text else None

    def ready(self):
        return self.get("/readyz") is not None

    def applied(self, status):
        """Records applied, by the partitions' offsets."""
        return sum(int(partition.get("applied_offset", partition.get("appliedOffset", 0)))
                   for partition in status.get("partitions", []))

    def wait_until_applied(self, records):
        """Returns (wall seconds since the start, CPU seconds), when the node answers calls."""
        progress = time.monotonic()
        best = 0
        while True:
            if self.process.poll() is not None:
                raise Failure(f"the node ended with {self.process.returncode}; see {self.log.name}")
            status = self.status()
            applied = self.applied(status) if status else 0
            if applied >= records:
                took = time.monotonic() - self.begin, cpu_seconds(self.pid)
                self.wait_until_ready()
                return took
            now = time.monotonic()
            if applied > best:
                best, progress = applied, now
            if now - progress > STANDSTILL_S:
                raise Failure(f"the node stands still at {applied} of {records}; see {self.log.name}")
            time.sleep(0.1)

    def wait_until_ready(self):
        """Calls are refused until the node has seen that it has caught up."""
        begin = time.monotonic()
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() - begin > STANDSTILL_S:
                raise Failure(f"the node does not become ready; see {self.log.name}")
            time.sleep(0.02)

    def disk_bytes(self):
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def kill(self):
        """As when the power fails; the directory stays."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self, delete=True):
        if self.process.poll() is None:
            end(self.process)
        self.log.close()
        if delete:
            shutil.rmtree(self.directory, ignore_errors=True)


class Noop:
    """The server whose one call does nothing."""

    def __init__(self, bench):
        self.process = subprocess.Popen([bench.binary("noop_server")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.grpc = f"127.0.0.1:{self.process.stdout.readline().split()[-1]}"

    def set_bytes(self, size):
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Bench:
    """Options, figures, a broker and a directory; gone at the end."""

    def __init__(self, options, figures):
        self.options = options
        self.figures = figures
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kindred-bench-", dir=options.directory))
        self.brokers = None
        self.topics = {}
        self.curves = {}  # file name -> SVG

    def binary(self, name):
        return self.options.build_dir / "bin" / name

    def kafka(self, *arguments):
        return output_of([ROOT / "tests/kafka/kafka", *arguments, "--dir", self.directory / "kafka"]).strip()

    def start(self):
        self.brokers = self.kafka("start")
        say(f"Kafka at {self.brokers}")

    def load(self, topic, events, partitions=8, **flags):
        """Fills a topic; once, however many parts read it. Flags as of `kindred load events`."""
        if topic not in self.topics:
            say(f"{events:,} events into {topic}")
            command = [self.binary("kindred"), "load", "events", "--brokers", self.brokers, "--topic", topic,
                       "--create-topic", "--partitions", partitions, "--count", events, "--json"]
            for name, value in flags.items():
                command += [f"--{name.replace('_', '-')}", value]
            self.topics[topic] = json.loads(output_of(command))
        return self.topics[topic]

    def main_topic(self):
        made = self.load("events", self.options.events, customers=self.options.customers,
                         items=self.options.items)
        if "bytes per event" not in self.figures.values:
            self.figures.add("bytes per event", made["bytes_per_event"], "bytes")
        return "events"

    def records(self, topic):
        """How many the topic holds now, by its partitions' ends."""
        ends = output_of(["kcat", "-b", self.brokers, "-Q", *(f"-t{topic}:{p}:-1" for p in range(8))])
        return sum(int(line.split()[-1]) for line in ends.splitlines())

    def feed(self, topic, rate, seconds, seed):
        """Starts events at a steady rate; the caller ends it."""
        return subprocess.Popen(
            [self.binary("kindred"), "load", "events", "--brokers", self.brokers, "--topic", topic,
             "--count", str(int(rate * seconds)), "--rate", str(int(rate)),
             "--customers", str(self.options.customers), "--items", str(self.options.items),
             "--seed", str(seed)], stdout=subprocess.DEVNULL)

    def calls(self, method, server, pid, rate=0.0, seconds=None, connections=None, may_refuse=False,
              slack_ms=0):
        """One run of calls; the client's report with the server's CPU per call and the share refused.

        Calls must succeed; with `may_refuse` the server may also say that it has too much to do. With
        `slack_ms` the client sleeps between calls, which may then be so late; without, it stays awake.
        """
        command = [self.binary("kindred"), "load", "calls", "--method", method, "--server", server,
                   "--connections", connections or self.options.connections, "--seconds",
                   seconds or self.options.seconds, "--json"]
        if rate:
            command += ["--rate", rate, "--slack-ms", slack_ms]
        before = cpu_seconds(pid)
        report = json.loads(output_of(command))
        # Fetching the customers' names and the warm-up are in the server's time too: a little high.
        report["server_cpu_us"] = 1e6 * (cpu_seconds(pid) - before) / max(1, report["calls"])
        refused = report.get("RESOURCE_EXHAUSTED", 0)
        report["refused_percent"] = 100 * refused / max(1, report["calls"])
        if report["ok"] + (refused if may_refuse else 0) < 0.99 * report["calls"]:
            raise Failure(f"{method}: only {report['ok']} of {report['calls']} calls succeeded: {report}")
        return report

    def stop(self):
        if self.brokers:
            self.kafka("stop")
        shutil.rmtree(self.directory, ignore_errors=True)
