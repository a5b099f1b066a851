#!/usr/bin/env python3
"""Compares the clusterings on demand with scikit-learn's on the same vectors.

    explore_check.py --bin build/release/bin --events purchases.csv.gz [--features a,b]

`kindred evaluate explore` clusters the customers of the log and tells every customer's vector and
label; scikit-learn clusters the same vectors. Checks, by the adjusted Rand index:

  - K-means, k = 3: at least 0.85, and an inertia of at most 1.03 times;
  - Ward, k = 3: at least 0.7;
  - DBSCAN on two half moons, all points and through 300 micro-clusters: at least 0.95 with the truth.

What K-means and Ward give through 300 micro-clusters is printed too: that is how a population beyond
the learner's sample is clustered. Needs numpy and scikit-learn: run it with tests/python.
Exit code: 0 good, 1 not, 2 bad arguments.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

FOLDER = os.path.dirname(os.path.abspath(__file__))
ONLINE_RETAIL = os.path.join(
    FOLDER, "..", "..", "..", "shared", "data", "online-retail", "online-retail.csv.gz"
)
SKIPPED = 77


def explore(binary, out, *arguments):
    """Vectors, labels and the figures that the command prints."""
    command = [binary, "evaluate", "explore", "--out", out, *arguments]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    table = numpy.loadtxt(out, delimiter=",", skiprows=1, ndmin=2)
    return table[:, :-1], table[:, -1].astype(int), figures


def inertia(vectors, labels):
    return sum(((vectors[labels == label] - vectors[labels == label].mean(axis=0)) ** 2).sum()
               for label in set(labels))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--events", default=ONLINE_RETAIL)
    parser.add_argument("--features", default="")
    options = parser.parse_args()
    if not os.path.exists(options.events):
        print(f"{options.events} is not there: nothing was checked")
        return SKIPPED
    binary = os.path.join(options.bin, "kindred")
    source = ["--events", options.events]
    if options.features:
        source += ["--features", options.features]
    checks = []

    def check(name, value, good):
        checks.append(good)
        print(f"{'good' if good else 'NOT '}  {name}: {value:.4f}")

    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "labels.csv")
        vectors, labels, figures = explore(binary, out, *source, "--method", "kmeans", "-k", "3")
        print(f"{len(vectors)} customers, {vectors.shape[1]} features, silhouette "
              f"{figures['silhouette']:.3f}, stability {figures['stability']:.3f}")
        kmeans = KMeans(n_clusters=3, n_init=10, random_state=0).fit(vectors)
        index = adjusted_rand_score(kmeans.labels_, labels)
        check("K-means, adjusted Rand index", index, index >= 0.85)
        ratio = inertia(vectors, labels) / kmeans.inertia_
        check("K-means, inertia over scikit-learn's", ratio, ratio <= 1.03)

        # Ward decides between joins of equal height by the order of the points: it gets the same.
        _, labels, _ = explore(binary, out, *source, "--method", "ward", "-k", "3")
        ward = AgglomerativeClustering(n_clusters=3, linkage="ward").fit(vectors)
        index = adjusted_rand_score(ward.labels_, labels)
        check("Ward, adjusted Rand index", index, index >= 0.7)

        for method, reference in (("kmeans", kmeans.labels_), ("ward", ward.labels_)):
            _, labels, _ = explore(binary, out, *source, "--method", method, "-k", "3",
                                   "--micro-clusters", "300")
            print(f"      {method} through 300 micro-clusters: adjusted Rand index "
                  f"{adjusted_rand_score(reference, labels):.3f}, inertia "
                  f"{inertia(vectors, labels) / kmeans.inertia_:.3f}")

        moons, truth = make_moons(n_samples=20000, noise=0.06, random_state=0)
        file = os.path.join(folder, "moons.csv")
        numpy.savetxt(file, moons, delimiter=",", header="x,y", comments="")
        some = os.path.join(folder, "some.csv")
        numpy.savetxt(some, moons[:4000], delimiter=",", header="x,y", comments="")
        _, labels, _ = explore(binary, out, "--vectors", some, "--method", "dbscan", "--radius",
                               "0.1", "--min-neighbors", "10")
        index = adjusted_rand_score(truth[:4000], labels)
        check("DBSCAN on moons, all points", index, index >= 0.95)
        _, labels, _ = explore(binary, out, "--vectors", file, "--method", "dbscan", "--radius",
                               "0.12", "--min-neighbors", "150", "--micro-clusters", "300")
        index = adjusted_rand_score(truth, labels)
        check("DBSCAN on moons, 300 micro-clusters", index, index >= 0.95)
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
