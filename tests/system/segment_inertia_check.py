#!/usr/bin/env python3
"""Compares the live segments with scikit-learn's K-means on the same vectors.

    segment_inertia_check.py PROFILES SEGMENTS [--limit 1.10] [--seed 0]

PROFILES holds one kindred.v1.Profile a line, SEGMENTS a kindred.v1.ListSegmentsResponse, both as
proto3 JSON. The vectors are the profiles' standardised features; every customer counts once.
Inertia is the sum of squared distances to the nearest centre. Checks that

  - the inertia of the live centres is at most `limit` times that of KMeans with as many clusters
    and n_init=10;
  - every profile that names a segment of this model names the nearest one, at the right distance.

Needs numpy and scikit-learn: run it with tests/python. Exit code: 0 good, 1 not, 2 bad arguments.
"""

import argparse
import json
import re
import sys

import numpy
from sklearn.cluster import KMeans


def field(message, name, default=None):
    """A field of proto3 JSON, whichever of its two spellings was written; absent is the default."""
    camel = re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)
    return message.get(name, message.get(camel, default))


def read_profiles(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def vectors_of(profiles, names):
    rows = []
    for profile in profiles:
        features = field(profile, "features", [])
        values = {feature["name"]: float(feature.get("standardized", 0)) for feature in features}
        missing = set(names) - set(values)
        if missing:
            sys.exit(f"{field(profile, 'customer_id')}: no feature {', '.join(sorted(missing))}")
        rows.append([values[name] for name in names])
    return numpy.array(rows)


def squared_distances(vectors, centres):
    return ((vectors[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)


def misplaced(profiles, segments, distances, version):
    """Profiles of this model version whose segment is not the nearest, or not at that distance."""
    names = [segment["name"] for segment in segments]
    for profile, row in zip(profiles, numpy.sqrt(distances)):
        membership = field(profile, "segment")
        if not membership or int(field(membership, "model_version", 0)) != version:
            continue
        own = names.index(membership["segment"]) if membership["segment"] in names else None
        told = float(field(membership, "distance", 0))
        if own is None or row[own] > row.min() + 1e-3 or abs(row[own] - told) > 1e-3:
            yield (
                f"{field(profile, 'customer_id')}: says {membership['segment']} at {told:.4f}; "
                f"nearest is {names[int(row.argmin())]} at {row.min():.4f}"
            )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("profiles")
    parser.add_argument("segments")
    parser.add_argument("--limit", type=float, default=1.10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    with open(args.segments, encoding="utf-8") as file:
        response = json.load(file)
    segments = field(response, "segments", [])
    if not segments:
        sys.exit("there are no segments")
    names = [dimension["feature"] for dimension in segments[0]["center"]]
    centres = numpy.array(
        [
            [
                {d["feature"]: float(d.get("standardized", 0)) for d in segment["center"]}[name]
                for name in names
            ]
            for segment in segments
        ]
    )
    profiles = read_profiles(args.profiles)
    vectors = vectors_of(profiles, names)
    distances = squared_distances(vectors, centres)
    live = distances.min(axis=1).sum()
    reference = KMeans(n_clusters=len(segments), n_init=10, random_state=args.seed).fit(vectors)

    for segment, size in zip(
        segments, numpy.bincount(distances.argmin(axis=1), minlength=len(segments))
    ):
        print(f"{size:>8,} customers: {segment['name']}: {segment.get('label', '')}")
    ratio = live / reference.inertia_
    print(
        f"{len(profiles):,} customers, {len(names)} dimensions, {len(segments)} segments: inertia "
        f"{live:,.1f}, scikit-learn {reference.inertia_:,.1f}: ratio {ratio:.4f}, "
        f"at most {args.limit:.2f}"
    )
    wrong = list(misplaced(profiles, segments, distances, int(field(response, "model_version", 0))))
    for line in wrong[:20]:
        print(line)
    if wrong:
        print(f"{len(wrong):,} profiles name another segment or distance than the nearest")
    return 0 if ratio <= args.limit and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
