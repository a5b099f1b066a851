#!/usr/bin/env python3
"""Forecasts against what happened, and ARIMA against statsmodels, on the same numbers.

usage: tests/python tests/system/forecast_check.py --bin build/release/bin [--data FILE]

Three synthetic series with known structure are made from a seed. --data adds the daily sales of
Online Retail (or of another table of purchases). Of each the last 28 days are held back and
forecast: the error must be below that of repeating the last week, and the 80 % interval must hold
70 to 90 % of the values. The parameters of ARIMA orders must be those of statsmodels within 5 %; both
maximise the exact likelihood. statsmodels gets the values over their standard deviation, because what
it takes for a level that may be anywhere has a variance of 10^6. It climbs the nearest hill, so it
starts where it likes, at random points, and at our parameters; the likeliest of its fits counts.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import warnings

HOLDBACK = 28
FOLDER = os.path.dirname(os.path.abspath(__file__))
ONLINE_RETAIL = os.path.join(
    FOLDER, "..", "..", "..", "shared", "data", "online-retail", "online-retail.csv.gz"
)


def weekly(seed, days=420):
    """A trend, a weekly wave and noise."""
    rng = random.Random(seed)
    return [
        200 + 0.4 * t + 40 * math.sin(2 * math.pi * t / 7) + 12 * rng.gauss(0, 1)
        for t in range(days)
    ]


def autoregression(seed, days=600):
    """x = 0.8 x' + noise, around 500."""
    rng = random.Random(seed)
    x, series = 0.0, []
    for _ in range(days + 100):
        x = 0.8 * x + 10 * rng.gauss(0, 1)
        series.append(500 + x)
    return series[100:]


def integrated(seed, days=600):
    """A level that wanders with a memory: differences are an ARMA(1, 1)."""
    rng = random.Random(seed)
    level, step, last, series = 5000.0, 0.0, 0.0, []
    for _ in range(days):
        noise = 10 * rng.gauss(0, 1)
        step = 0.7 * step + noise + 0.4 * last
        last = noise
        level += step
        series.append(level)
    return series


def closed_days(seed, days=420):
    """Counts of a shop that is closed on one day of seven."""
    rng = random.Random(seed)
    shares = [0.9, 1.0, 1.1, 1.0, 1.4, 1.6, 0.0]
    return [max(0, round(300 * shares[t % 7] + 25 * rng.gauss(0, 1)) * (shares[t % 7] > 0))
            for t in range(days)]


FORECAST = [
    ("trend, weekly wave and noise", weekly(3)),
    ("autoregression", autoregression(5)),
    ("counts with closed days", closed_days(7)),
]
# Name, values, ARIMA order, with a constant.
ARIMA_ORDERS = [
    ("autoregression", autoregression(11), ((1, 0, 0), True)),
    ("wandering level", integrated(13), ((1, 1, 1), False)),
    ("trend, weekly wave and noise", weekly(3), ((2, 1, 1), False)),
]
# On the table of purchases.
DATA_ARIMA = [
    (order, order[1] == 0)
    for order in [(1, 0, 0), (0, 0, 1), (1, 0, 1), (2, 0, 0), (2, 0, 1), (1, 0, 2), (0, 1, 1),
                  (1, 1, 0), (1, 1, 1), (2, 1, 0), (0, 1, 2), (2, 1, 1), (1, 1, 2), (2, 1, 2),
                  (3, 1, 1), (0, 2, 1)]
]
STARTS = 5


def kindred(binary, path, *more):
    command = [binary, "forecast", "--input", path, "--json", *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def write(folder, name, values):
    path = os.path.join(folder, name.replace(" ", "-").replace(",", "") + ".csv")
    with open(path, "w") as out:
        out.write("date,value\n")
        for t, value in enumerate(values):
            out.write(f"{1_600_000_000 // 86400 * 86400 + t * 86400},{value!r}\n")
    return path


def statsmodels_parameters(values, order, constant, ours):
    """Maximum likelihood, named as Kindred names them. Starts at `ours`, too."""
    import numpy
    from statsmodels.tsa.arima.model import ARIMA

    scale = numpy.std(values)
    model = ARIMA(numpy.array(values, float) / scale, order=order, trend="c" if constant else "n")
    random = numpy.random.default_rng(1)
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.append(model.fit())
        # Anywhere in what is stationary and invertible, around the usual mean and variance.
        usual = model.untransform_params(model.start_params)
        lags = slice(int(constant), int(constant) + order[0] + order[2])
        for _ in range(STARTS if order[0] + order[2] > 1 else 0):
            usual[lags] = random.normal(0, 1, order[0] + order[2])
            fits.append(model.fit(start_params=model.transform_params(usual)))
        start = ([ours["mu"] / scale] if constant else []) + [
            ours[name] * 0.999
            for name in ["phi%d" % i for i in range(1, order[0] + 1)]
            + ["theta%d" % i for i in range(1, order[2] + 1)]
        ]
        fits.append(model.fit(start_params=start + [fits[0].params[-1]]))
    fit = max(fits, key=lambda one: one.llf)
    named = dict(zip(fit.model.param_names, fit.params))
    result = {"phi%d" % i: named["ar.L%d" % i] for i in range(1, order[0] + 1)}
    result.update({"theta%d" % i: named["ma.L%d" % i] for i in range(1, order[2] + 1)})
    if constant:
        result["mu"] = named["const"] * scale
    return result


def check_forecast(binary, name, path, faults):
    report = kindred(binary, path, "--holdback", str(HOLDBACK))
    mase, share = report["holdback"]["mase"], report["holdback"]["inside_share"]
    print(f"{name}: {report['method']}, error {mase:.3f} of the seasonal naive's, "
          f"{report['holdback']['inside']} of {HOLDBACK} inside the 80 % interval")
    if not mase < 1:
        faults.append(f"{name}: error {mase}")
    if not 0.7 <= share <= 0.9:
        faults.append(f"{name}: {share} inside the interval")


def check_arima(binary, name, path, values, order, constant, faults):
    flags = ["--arima", ",".join(map(str, order))] + ([] if constant else ["--no-arima-constant"])
    ours = kindred(binary, path, *flags)["arima"]["parameters"]
    theirs = statsmodels_parameters(values, order, constant, ours)
    for parameter, expected in theirs.items():
        off = abs(ours[parameter] / expected - 1)
        print(f"{name}: ARIMA{order} {parameter} {ours[parameter]:.4f}, "
              f"statsmodels {expected:.4f} ({100 * off:.2f} %)")
        if not off <= 0.05:
            faults.append(f"{name}: {parameter} {ours[parameter]}, statsmodels {expected}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", required=True, help="folder of the binaries")
    parser.add_argument("--data", default=ONLINE_RETAIL, help="a table of purchases")
    options = parser.parse_args()
    binary = os.path.join(options.bin, "kindred")
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for name, values in FORECAST:
            check_forecast(binary, name, write(folder, name, values), faults)
        for name, values, (order, constant) in ARIMA_ORDERS:
            path = write(folder, "arima " + name, values)
            check_arima(binary, name, path, values, order, constant, faults)
        if os.path.exists(options.data):
            name = "daily sales of " + os.path.basename(options.data)
            check_forecast(binary, name, options.data, faults)
            series = kindred(binary, options.data, "--horizon", "1")["history"]
            for order, constant in DATA_ARIMA:
                check_arima(binary, name, options.data, series, order, constant, faults)
        else:
            print(f"{options.data} is not there: only the synthetic series were checked")
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
