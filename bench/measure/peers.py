"""Other programs that do a part of the same work; bench/README.md says which part."""


import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from .processes import ROOT, Failure, cpu_seconds, end, free_port, output_of, say

STREAMS = ROOT / "bench/peers/kafka-streams"
JAVA_HEAP = "1500m"


def streams_dir(options):
    return options.build_dir.parent / "peers/kafka-streams"


def build_streams(options):
    """True if the program is there: made with Maven, once for each state of its sources."""
    if not shutil.which("mvn") or not shutil.which("java"):
        say("no Maven or no Java: the Kafka Streams peer is left out")
        return False
    target = streams_dir(options)
    stamp = target / "built"
    newest = max(path.stat().st_mtime for path in STREAMS.rglob("*") if path.is_file())
    if stamp.exists() and stamp.stat().st_mtime > newest:
        return True
    say("building the Kafka Streams peer")
    for offline in (["-o"], []):  # what was fetched before needs no network
        done = subprocess.run(["mvn", "-q", "-B", *offline, "package", f"-Dpeer.build={target}"], cwd=STREAMS,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            stamp.touch()
            return True
    say("the Kafka Streams peer cannot be built: it is left out")
    return False


def run_streams(bench, topic, events, guarantee):
    """Reads the topic to its end; adds wall and CPU figures."""
    name = {"at_least_once": "Kafka Streams, at least once, commit each second",
            "exactly_once_v2": "Kafka Streams, exactly once"}[guarantee]
    say(name)
    state = bench.directory / f"streams-{guarantee}"
    shutil.rmtree(state, ignore_errors=True)
    target = streams_dir(bench.options)
    begin = time.monotonic()
    with open(bench.directory / f"streams-{guarantee}.log", "w") as log:
        process = subprocess.Popen(
            ["java", "-XX:+UseParallelGC", f"-Xms{JAVA_HEAP}", f"-Xmx{JAVA_HEAP}", "-cp",
             f"{target}/kafka-streams-peer-1.jar:{target}/libs/*", "kindred.bench.Main", bench.brokers, topic,
             str(events), guarantee, str(state)],
            stdout=subprocess.PIPE, stderr=log, text=True)
    marks = []  # (processed, wall, CPU)
    try:
        for line in process.stdout:
            processed = int(line.split()[1])
            marks.append((processed, time.monotonic() - begin, cpu_seconds(process.pid)))
            if processed >= events:
                break
        else:
            raise Failure(f"{name} ended early; see {log.name}")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(state, ignore_errors=True)
    processed, wall, cpu = marks[-1]
    bench.figures.add(f"{name}, wall", processed / wall, "events/s")
    bench.figures.add(f"{name}, CPU", processed / cpu, "events/CPU-s")
    # Without the start of the virtual machine and most of its compiling.
    warm = next((mark for mark in marks if mark[0] >= events * 0.3), marks[0])
    if processed > warm[0]:
        bench.figures.add(f"{name}, CPU, last 70 %", (processed - warm[0]) / (cpu - warm[2]), "events/CPU-s")


FEAST = ROOT / "bench/peers/feast"
FEAST_VENV = pathlib.Path.home() / ".cache/kindred/feast-venv"


def feast_python():
    """The interpreter that has Feast, made once; None if it cannot be had."""
    python = FEAST_VENV / "bin/python"
    if not python.exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", FEAST_VENV], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not (FEAST_VENV / "ready").exists():
        say("installing Feast")
        done = subprocess.run([python, "-m", "pip", "install", "-q", "-r", FEAST / "requirements.txt"],
                              check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            say("Feast cannot be installed: it is left out")
            return None
        (FEAST_VENV / "ready").touch()
    return python


def run_feast(bench, redis, size):
    """One customer's features at a time, `size` bytes of them: what serve.py says, or None."""
    python = feast_python()
    if python is None:
        return None
    directory = bench.directory / "feast"
    directory.mkdir(exist_ok=True)
    text = output_of([python, FEAST / "serve.py", "--redis", redis.port, "--directory", directory, "--bytes",
                      size, "--seconds", bench.options.seconds],
                     env=dict(os.environ, FEAST_USAGE="False"))
    return json.loads(text.splitlines()[-1])


class Redis:
    """A Redis server that keeps nothing on disk."""

    def __init__(self, bench):
        self.port = free_port()
        self.log = open(bench.directory / "redis.log", "w")
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind",
             "127.0.0.1"], stdout=self.log, stderr=self.log)
        time.sleep(0.5)

    def run(self, bench, size, connections, calls):
        """GET of values of that size over 10,000 keys: (calls a second, server CPU a call in µs)."""
        common = ["redis-benchmark", "-p", self.port, "-c", connections, "-d", size, "-r", 10_000, "--csv"]
        output_of([*common, "-t", "set", "-n", 100_000])
        before = cpu_seconds(self.process.pid)
        text = output_of([*common, "-t", "get", "-n", calls])
        cpu = cpu_seconds(self.process.pid) - before
        rate = float(re.search(r'"GET","([\d.]+)"', text).group(1))
        return rate, 1e6 * cpu / calls

    def stop(self):
        end(self.process)
        self.log.close()
