"""Kindred beside the models of well-kept libraries: one table. README.md says what is compared."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy import sparse

import data
import models

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
K = 20


def say(text):
    print(text, file=sys.stderr, flush=True)


def ranks(scores, target):
    """Mean rank of the target when equals are shuffled: ties count half."""
    own = scores[target]
    return 1 + np.count_nonzero(scores > own) + (np.count_nonzero(scores == own) - 1) / 2


def judge(scores, targets):
    """[hit, reciprocal rank, recall, NDCG] of one query."""
    found = sorted(r for r in (ranks(scores, t) for t in targets) if r <= K)
    ideal = sum(1 / np.log2(i + 2) for i in range(min(K, len(targets))))
    gain = sum(1 / np.log2(r + 1) for r in found)
    return [bool(found), 1 / found[0] if found else 0, len(found) / len(targets), gain / ideal]


def blend(scores, own, weight):
    """Scores over their maximum, plus the customer's own items."""
    largest = np.maximum(scores.max(axis=1, keepdims=True), 1e-12)
    return scores / largest + weight * own


def session_vectors(queries, items, decay):
    rows, columns, values = [], [], []
    for row, (prefix, _) in enumerate(queries):
        seen = set()
        for step, item in enumerate(reversed(prefix)):
            if item in seen or len(seen) == 20:
                continue
            seen.add(item)
            rows.append(row)
            columns.append(item)
            values.append(np.exp(-step / decay))
    return sparse.csr_matrix((np.asarray(values, np.float32), (rows, columns)),
                             shape=(len(queries), items))


def session_figures(score, sessions, decay, reminder, reminder_decay):
    sums = np.zeros(4)
    for begin in range(0, len(sessions.queries), 256):
        part = sessions.queries[begin:begin + 256]
        scores = score(session_vectors(part, sessions.items, decay))
        if reminder > 0:
            own = session_vectors(part, sessions.items, reminder_decay).toarray()
            scores = blend(scores, own, reminder)
        for row, (_, targets) in enumerate(part):
            sums += judge(scores[row], targets)
    return sums / len(sessions.queries)


PREFIX = [(d, r, rd) for d in (1, 2, 4) for r, rd in ((0, 1), (0.8, 2), (1.6, 4), (3.2, 1))]


def compare_sessions(sessions, quick, most_items):
    """Rows of (name, figures, chosen parameters). Chosen on the tail by hit rate plus MRR."""
    tail = sessions.tail(limit=800 if quick else 2500)
    rows = [("popularity", session_figures(models.popularity(sessions.popularity()), sessions,
                                           1, 0, 1), "")]
    for name, grid in models.grids(quick, most_items).items():
        began = time.monotonic()
        best = None
        tail_matrix = tail.matrix()
        for words, fit in grid:
            score = fit(tail_matrix)
            for prefix in PREFIX:
                figures = session_figures(score, tail, *prefix)
                if best is None or figures[0] + figures[1] > best[0]:
                    best = (figures[0] + figures[1], words, fit, prefix)
        _, words, fit, prefix = best
        figures = session_figures(fit(sessions.matrix()), sessions, *prefix)
        rows.append((name, figures, f"{words}; decay {prefix[0]}, reminder {prefix[1]}"))
        say(f"{sessions.name}: {name} {figures[0]:.4f} {figures[1]:.4f} "
            f"({time.monotonic() - began:.0f} s)")
    return rows


def week_scores(baskets, fit, before, orders):
    """(scores, own counts over their maximum, targets) of the orders of customers with history."""
    matrix = baskets.matrix(before)
    known = [o for o in orders if matrix[o[1]].nnz > 0]
    own = matrix[[o[1] for o in known]]
    scores = fit(matrix)(own) if fit else np.zeros(own.shape, np.float32)
    counts = own.toarray()
    counts /= counts.max(axis=1, keepdims=True)
    return scores, counts, [o[2] for o in known]


def basket_figures(weeks, popular, weights):
    """`weights`: of the model's scores, the customer's own counts, popularity of seven days."""
    sums, queries = np.zeros(4), 0
    for (scores, own, targets), recent in zip(weeks, popular):
        largest = np.maximum(scores.max(axis=1, keepdims=True), 1e-12)
        mixed = weights[0] * scores / largest + weights[1] * own + weights[2] * recent
        for row, wanted in enumerate(targets):
            sums += judge(mixed[row], wanted)
        queries += len(targets)
    return sums / queries, queries


def compare_baskets(baskets, quick):
    def popular(tail):
        for before, _ in baskets.weeks(tail):
            counts = np.asarray(baskets.matrix(before, half_life=7).sum(axis=0)).ravel()
            yield counts / counts.max()

    def run(fit, tail):
        return [week_scores(baskets, fit, *week) for week in baskets.weeks(tail)]

    recent = {tail: list(popular(tail)) for tail in (False, True)}
    candidates = {"popularity": [("", None, (0, 0, 1))],
                  "personal top-frequency": [("", None, (0, 1, w)) for w in (0, 0.03, 0.1, 0.3)]}
    for name, grid in models.grids(quick, most_items=10_000).items():
        candidates[name] = [(words, fit, (1, own, w)) for words, fit in grid
                            for own in (0, 1, 3) for w in (0, 0.1)]
    rows = []
    for name, grid in candidates.items():
        began = time.monotonic()
        best, made = None, {}
        for words, fit, weights in grid:
            if words not in made:
                made = {words: run(fit, True)}
            figures, _ = basket_figures(made[words], recent[True], weights)
            if best is None or figures[2] + figures[3] > best[0]:
                best = (figures[2] + figures[3], words, fit, weights)
        _, words, fit, weights = best
        figures, queries = basket_figures(run(fit, False), recent[False], weights)
        rows.append((name, figures, f"{words} model {weights[0]}, own {weights[1]}, "
                                    f"popular {weights[2]}; {queries} invoices"))
        say(f"Online Retail: {name} {figures[2]:.4f} {figures[3]:.4f} "
            f"({time.monotonic() - began:.0f} s)")
    return rows


def kindred(words):
    answer = subprocess.run([ROOT / "build/release/bin/kindred", "evaluate", *map(str, words),
                             "--json", "--quiet"], check=True, capture_output=True, text=True)
    figures = json.loads(answer.stdout)
    return [figures[name] for name in ("p_at_20", "mrr_at_20", "recall_at_20", "ndcg_at_20")]


def kindred_split(sessions, folder, learn):
    train, test = folder / "train.txt", folder / "test.txt"
    train.write_text("".join(" ".join(map(str, s)) + "\n" for s in sessions.train))
    test.write_text("".join(f"{' '.join(map(str, p))}\t{t[0]}\n" for p, t in sessions.queries))
    return kindred(["split", "--train", train, "--test", test] + (["--learn"] if learn else []))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "../shared/data")
    parser.add_argument("--quick", action="store_true", help="fewer queries, smaller grids")
    parser.add_argument("--only", choices=["diginetica", "yoochoose", "retail"])
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; --data says where the data sets lie")
    tables = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if options.only in (None, "yoochoose"):
            sessions = data.yoochoose(options.data)
            rows = compare_sessions(sessions, options.quick, 10_000)
            rows.append(("Kindred, static", kindred_split(sessions, folder, False), "defaults"))
            clicks = options.data / "yoochoose-rsc15-100k/yoochoose-clicks-100k_"
            rows.append(("Kindred, learning each event", kindred(
                ["prequential", "--events", f"{clicks}train_full.txt.gz",
                 "--events", f"{clicks}test.txt.gz", "--from", "2014-04-07T00:49:53Z"]),
                "defaults"))
            tables[sessions.name] = rows
        if options.only in (None, "retail"):
            rows = compare_baskets(data.Baskets(options.data), options.quick)
            rows.append(("Kindred, learning each event", kindred(
                ["prequential", "--events", options.data / "online-retail/online-retail.csv.gz",
                 "--from", "2011-10-15"]), "defaults"))
            tables["Online Retail"] = rows
        if options.only in (None, "diginetica"):
            sessions = data.diginetica(options.data, every=10 if options.quick else 1)
            rows = compare_sessions(sessions, options.quick, 6_000 if options.quick else 20_000)
            split = options.data / "diginetica-srgnn-split"
            files = ["split", "--train", split / "train_sessions.txt.gz",
                     "--test", split / "test_prefix_target.txt.gz"]
            rows.append(("Kindred, static", kindred(files), "defaults, every query"))
            rows.append(("Kindred, learning each session", kindred(files + ["--learn"]),
                         "defaults, every query"))
            tables[sessions.name] = rows
    for name, rows in tables.items():
        print(f"\n| {name} | P@20 | MRR@20 | recall@20 | NDCG@20 | chosen on the tail |")
        print("|---|---|---|---|---|---|")
        for model, figures, words in rows:
            cells = " | ".join(f"{100 * value:.2f}" for value in figures)
            print(f"| {model} | {cells} | {words} |")
    if options.json:
        options.json.write_text(json.dumps(
            {name: {row[0]: list(map(float, row[1])) for row in rows}
             for name, rows in tables.items()}, indent=1))


if __name__ == "__main__":
    main()
