"""What ten tag rules, twenty audiences and all predictions cost: the same events with them and without."""

import pathlib

from .ingest import read_all
from .processes import say

RULES = pathlib.Path(__file__).resolve().parent / "rules.yaml"


WITHOUT = "ingest without rules and predictions"
WITH = "ingest with rules and predictions"
# Of event time in the topic: long enough that outcomes of 7, 30 and 90 days become known.
DAYS = 120


def run(bench):
    events = bench.options.events
    bench.load("events-of-months", events, customers=bench.options.customers,
               items=bench.options.items, pace=events / (DAYS * 86400))
    # In turn, so that what else the machine does falls on both.
    for repetition in range(max(3, bench.options.repetitions)):
        say(f"rules, repetition {repetition + 1}")
        read_all(bench, "events-of-months", "node-rules", WITHOUT,
                 "predictions.sampled_customers=0").stop()
        read_all(bench, "events-of-months", "node-rules", WITH, f"rules.file={RULES}").stop()
    bench.figures.ratio(f"{WITH} / without, CPU per event", f"{WITH}, CPU per event",
                        f"{WITHOUT}, CPU per event")
    bench.figures.ratio(f"{WITH} / without, events/s", f"{WITH}, wall", f"{WITHOUT}, wall")
