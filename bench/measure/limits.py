"""What the machine can do at all."""

import json
import re

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


def copied_gib_per_second():
    import time
    size = 256 << 20
    source = bytearray(size)
    target = bytearray(size)
    target[:] = source
    begin = time.process_time()
    for _ in range(4):
        target[:] = source
    return 4 * size / 2**30 / (time.process_time() - begin)
