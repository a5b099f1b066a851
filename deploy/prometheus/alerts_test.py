#!/usr/bin/env python3
"""The alert rules are valid, and name only metrics that the code has.

usage: deploy/prometheus/alerts_test.py
"""

import os
import re
import subprocess
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
RULES = os.path.join(FOLDER, "alerts.yaml")


def metrics_of_the_code():
    names = set()
    for top in ("libs", "services"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for file in files:
                if file.endswith((".cc", ".h")) and not file.endswith("_test.cc"):
                    with open(os.path.join(folder, file), encoding="utf-8") as source:
                        names |= set(re.findall(r'"(kindred_[a-z_]+)"', source.read()))
    return names


class Alerts(unittest.TestCase):
    def test_promtool_accepts_the_rules(self):
        done = subprocess.run(
            ["promtool", "check", "rules", RULES], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("11 rules found", done.stdout)

    def test_every_metric_exists(self):
        known = metrics_of_the_code()
        for name in ("alerts.yaml", "README.md"):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as text:
                named = set(re.findall(r"kindred_[a-z_]+", text.read()))
            named = {re.sub(r"_bucket$", "", metric) for metric in named}
            self.assertEqual(named - known, set(), name)


if __name__ == "__main__":
    unittest.main()
