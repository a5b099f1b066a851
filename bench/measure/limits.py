"""What the machine can do at all."""

import json
import re
import time

from .processes import output_of, say


def run(bench):
    figures = bench.figures
    for repetition in range(bench.options.repetitions):
        say(f"limits, repetition {repetition + 1}")
        report = json.loads(output_of([bench.binary("event_decode_bench"), "--benchmark_format=json",
                                       "--benchmark_min_time=0.3"]))
        for run_ in report["benchmarks"]:
            names = {"BM_SimdjsonAlone": "simdjson alone", "BM_NativeJson": "decoding, JSON"}
            if run_["name"] in names:
                figures.add(names[run_["name"]], run_["cpu_time"], f"{run_['time_unit']} an event")
        text = output_of([bench.binary("store_bench"), f"--puts={bench.options.puts}", "--way=0"])
        found = re.search(r"([\d.]+) us CPU a put", text)
        if found:
            figures.add("RocksDB writes of 400 bytes, log on", float(found.group(1)), "µs a put")
        figures.add("memory, copied by one thread", copied_gib_per_second(), "GiB/s")
        missed, longest = time_missed()
        figures.add("time that a thread which only looks at the clock misses", missed, "%")
        figures.add("longest time that such a thread was away in three seconds", longest, "ms")


def time_missed(seconds=3.0, pause=0.0001):
    """What is away for longer than `pause` while nothing else runs here was given to others by the host:
    the share in percent and the longest such time in ms. No latency is steadier than that."""
    begin = last = time.perf_counter()
    missed = longest = 0.0
    while last - begin < seconds:
        now = time.perf_counter()
        if now - last > pause:
            missed += now - last
            longest = max(longest, now - last)
        last = now
    return 100 * missed / (last - begin), 1000 * longest


def copied_gib_per_second():
    size = 256 << 20
    source = bytearray(size)
    target = bytearray(size)
    target[:] = source
    begin = time.process_time()
    for _ in range(4):
        target[:] = source
    return 4 * size / 2**30 / (time.process_time() - begin)
