"""Feast with Redis, asked for one customer's features at a time; prints what it reached as JSON.

  serve.py --redis PORT --directory DIR --bytes 2300 --customers 10000 --processes 2 --seconds 5

One feature view as wide as a profile: numbers and short texts in turn. The questions are asked within
the process, as a program that uses Feast's own client would; its server over HTTP would come on top.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import random
import time

import pandas
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64, String

BYTES_A_FEATURE = 16  # a double or twelve letters, with their tags
WRITE_ROWS = 1000


def open_store(options):
    return FeatureStore(config=RepoConfig(
        project="peer", provider="local", registry=str(options.directory / "registry.db"),
        online_store={"type": "redis", "connection_string": f"127.0.0.1:{options.redis}"},
        entity_key_serialization_version=3))


def rows(options, first, count):
    random.seed(first)
    now = pandas.Timestamp.now(tz="UTC")
    for customer in range(first, first + count):
        row = {"customer_id": f"customer-{customer}", "event_timestamp": now}
        for i in range(options.bytes // BYTES_A_FEATURE):
            row[f"f{i}"] = random.random() if i % 2 == 0 else f"{random.getrandbits(48):012x}"
        yield row


def fill(options):
    """Declares the view and writes every customer's row."""
    sample = options.directory / "sample.parquet"
    pandas.DataFrame(rows(options, 0, 1)).to_parquet(sample)
    customer = Entity(name="customer", join_keys=["customer_id"])
    view = FeatureView(
        name="profile", entities=[customer],
        schema=[Field(name=f"f{i}", dtype=Float64 if i % 2 == 0 else String)
                for i in range(options.bytes // BYTES_A_FEATURE)],
        source=FileSource(path=str(sample), timestamp_field="event_timestamp"))
    store = open_store(options)
    store.apply([customer, view, FeatureService(name="profile", features=[view])])
    for first in range(0, options.customers, WRITE_ROWS):
        count = min(WRITE_ROWS, options.customers - first)
        store.write_to_online_store("profile", pandas.DataFrame(rows(options, first, count)))


def ask(options, seed, results):
    store = open_store(options)
    service = store.get_feature_service("profile")
    random.seed(seed)
    latencies = []

    def one():
        customer = f"customer-{random.randrange(options.customers)}"
        begin = time.perf_counter()
        answer = store.get_online_features(service, [{"customer_id": customer}]).to_dict()
        latencies.append(time.perf_counter() - begin)
        if answer["f0"][0] is None:
            raise RuntimeError(f"{customer} has no features")

    for _ in range(20):  # the registry and the connection
        one()
    latencies.clear()
    begin, cpu = time.monotonic(), time.process_time()
    while time.monotonic() - begin < options.seconds:
        one()
    results.put((len(latencies) / (time.monotonic() - begin), time.process_time() - cpu, latencies))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis", type=int, required=True, help="its port on this machine")
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="for the registry")
    parser.add_argument("--bytes", type=int, default=2300, help="of the features of a customer, about")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    fill(options)
    results = multiprocessing.Queue()
    askers = [multiprocessing.Process(target=ask, args=(options, seed, results))
              for seed in range(options.processes)]
    for asker in askers:
        asker.start()
    said = [results.get(timeout=options.seconds + 60) for _ in askers]
    for asker in askers:
        asker.join()
    latencies = sorted(one for _, _, several in said for one in several)
    print(json.dumps({
        "calls_per_second": sum(rate for rate, _, _ in said),
        "cpu_us": 1e6 * sum(cpu for _, cpu, _ in said) / len(latencies),
        "p50_ms": 1e3 * latencies[len(latencies) // 2],
        "p99_ms": 1e3 * latencies[len(latencies) * 99 // 100]}))


if __name__ == "__main__":
    main()
