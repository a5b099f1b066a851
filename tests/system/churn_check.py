#!/usr/bin/env python3
"""Compares the node's predictions with scikit-learn's on a purchase log, and checks that they hold.

    churn_check.py --bin build/release/bin [--events purchases.csv.gz] --cut 2011-09-09
                   [--horizon-days 90] [--worst-decile 0.05]

`kindred evaluate churn` runs the node's own pipeline over the events before the cut, trains as the
node trains, predicts at the cut, and looks at what came afterwards. It writes the examples it
learned from and the customers it was asked about; scikit-learn's logistic regression and gradient
boosting are trained on the same examples and asked about the same customers. Checks:

  - ranking (area under the curve) at least that of either, less 0.01, and above that of the time
    since the last purchase alone;
  - predicted and actual share within `worst-decile` in every tenth of the customers;
  - the amount of the next purchase: mean absolute error below that of the customer's own mean and
    of everybody's.

Without --events: Online Retail, if it is there. Needs numpy and scikit-learn: run it with
tests/python. Exit code: 0 good, 1 not, 2 bad arguments, 77 no events.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = os.path.dirname(os.path.abspath(__file__))
ONLINE_RETAIL = os.path.join(
    FOLDER, "..", "..", "..", "shared", "data", "online-retail", "online-retail.csv.gz"
)
SKIPPED = 77


def read_features(path):
    """Inputs and outcomes of the examples and of the customers asked about."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    inputs = names[names.index("time_ms") + 1 : names.index("bought")]

    def part(which):
        chosen = [row for row in rows if row["part"] == which]
        vectors = numpy.array([[float(row[name]) for name in inputs] for row in chosen])
        return vectors, numpy.array([int(row["bought"]) for row in chosen]), chosen

    return part("train"), part("test")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--events", default=ONLINE_RETAIL)
    parser.add_argument("--cut", required=True)
    parser.add_argument("--horizon-days", type=int, default=90)
    parser.add_argument("--worst-decile", type=float, default=0.05)
    options = parser.parse_args()
    if not os.path.exists(options.events):
        print(f"{options.events} is not there: nothing was checked")
        return SKIPPED

    with tempfile.TemporaryDirectory() as folder:
        features = os.path.join(folder, "features.csv")
        command = [
            os.path.join(options.bin, "kindred"), "evaluate", "churn", "--events", options.events,
            "--cut", options.cut, "--horizon-days", str(options.horizon_days), "--json",
            "--features-out", features,
        ]
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        (train, learned, _), (test, truth, asked) = read_features(features)

    predicted = numpy.array([float(row["predicted"]) for row in asked])
    own = roc_auc_score(truth, predicted)
    print(f"{len(truth)} customers, {100 * (1 - truth.mean()):.1f} % did not return; "
          f"{len(learned)} examples")
    print(f"kindred              AUC {own:.4f}, worst decile off by "
          f"{report['worst_decile_error']:.3f}")
    print(f"recency alone        AUC {report['recency_auc']:.4f}")
    others = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        "gradient boosting": GradientBoostingClassifier(random_state=0),
    }
    checks = [("the report's own figure", abs(own - report["churn_auc"]) < 1e-6),
              ("above recency alone", own > report["recency_auc"])]
    for name, model in others.items():
        scores = model.fit(train, learned).predict_proba(test)[:, 1]
        auc = roc_auc_score(truth, scores)
        tenths = numpy.array_split(numpy.argsort(scores, kind="stable"), 10)
        worst = max(abs(scores[tenth].mean() - truth[tenth].mean()) for tenth in tenths)
        print(f"{name:20} AUC {auc:.4f}, worst decile off by {worst:.3f}")
        checks.append((f"not below {name}", own >= auc - 0.01))
    for decile in report["deciles"]:
        print(f"  predicted {decile['predicted']:.3f}, actual {decile['actual']:.3f}")
    checks.append((f"calibrated within {options.worst_decile}",
                   report["worst_decile_error"] <= options.worst_decile))
    print(f"amount of the next purchase, mean absolute error: {report['amount_mae']:.1f}; "
          f"own mean {report['own_mean_mae']:.1f}, everybody's "
          f"{report['population_mean_mae']:.1f}")
    checks.append(("amount better than the own mean",
                   report["amount_mae"] < report["own_mean_mae"]))
    checks.append(("amount better than everybody's mean",
                   report["amount_mae"] < report["population_mean_mae"]))
    failed = [name for name, good in checks if not good]
    for name, good in checks:
        print(f"{'good' if good else 'NOT '}  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
