#!/usr/bin/env python3
"""The check of segments lets good centres pass, and stops bad centres and wrong memberships."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import segment_inertia_check as check

CENTRES = numpy.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
NAMES = ["spend", "frequency", "recency"]


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.vectors = numpy.concatenate(
            [numpy.random.default_rng(7).normal(centre, 0.5, (100, 3)) for centre in CENTRES]
        )

    def run_check(self, centres, change=None):
        distances = numpy.sqrt(check.squared_distances(self.vectors, centres))
        profiles = [
            {
                "customerId": f"u-{i}",
                "features": [{"name": n, "standardized": v} for n, v in zip(NAMES, vector)],
                "segment": {
                    "segment": f"segments/{distances[i].argmin()}",
                    "distance": distances[i].min(),
                    "modelVersion": "3",
                },
            }
            for i, vector in enumerate(self.vectors.tolist())
        ]
        segments = [
            {
                "name": f"segments/{i}",
                "center": [{"feature": n, "standardized": v} for n, v in zip(NAMES, centre)],
            }
            for i, centre in enumerate(centres.tolist())
        ]
        if change:
            change(profiles)
        with tempfile.TemporaryDirectory() as place:
            (pathlib.Path(place) / "p").write_text("".join(json.dumps(p) + "\n" for p in profiles))
            (pathlib.Path(place) / "s").write_text(
                json.dumps({"segments": segments, "modelVersion": "3"})
            )
            sys.argv = ["check", place + "/p", place + "/s"]
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = check.main()
        return code, out.getvalue()

    def test_good_centres_pass(self):
        code, out = self.run_check(CENTRES)
        self.assertEqual(code, 0, out)
        self.assertIn("400 customers, 3 dimensions, 4 segments", out)

    def test_two_centres_in_one_cluster_fail(self):
        bad = CENTRES.copy()
        bad[3] = [0.1, 0.1, 0.1]
        self.assertEqual(self.run_check(bad)[0], 1)

    def test_wrong_segment_is_seen(self):
        def change(profiles):
            profiles[0]["segment"]["segment"] = "segments/2"

        code, out = self.run_check(CENTRES, change)
        self.assertEqual(code, 1)
        self.assertIn("u-0: says segments/2", out)

    def test_wrong_distance_is_seen(self):
        def change(profiles):
            profiles[5]["segment"]["distance"] *= 2

        self.assertEqual(self.run_check(CENTRES, change)[0], 1)


if __name__ == "__main__":
    unittest.main()
