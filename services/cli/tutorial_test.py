#!/usr/bin/env python3
"""Runs the commands of services/cli/TUTORIAL.md as they stand there, and looks at what they give.

usage: services/cli/tutorial_test.py --bin build/release/bin
"""

import argparse
import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
DATA = os.path.join(ROOT, "tests", "data", "transactions.csv.gz")
BIN = None


def commands(block):
    """The lines of the page's code block of that number that are commands."""
    with open(os.path.join(FOLDER, "TUTORIAL.md"), encoding="utf-8") as page:
        text = re.findall(r"```sh\n(.*?)```", page.read(), re.S)[block]
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def run(command, folder):
    """The command of the page, from another folder."""
    words = command.split()
    words[0] = os.path.join(BIN, "kindred")
    words = [os.path.join(ROOT, word) if word.startswith("tests/data/") else word for word in words]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{command}\nexit {done.returncode}: {done.stderr}")
    return done.stdout


def svg_texts(path):
    root = ElementTree.parse(path).getroot()
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def svg_circles(path):
    return sum(1 for _ in ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}circle"))


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = cls.scratch.name
        cls.five = commands(0)
        cls.output = [run(command, cls.folder) for command in cls.five]

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_there_are_five_commands(self):
        self.assertEqual(len(self.five), 5)

    def test_features_equal_those_counted_from_the_table(self):
        times, totals = {}, {}
        with gzip.open(DATA, "rt") as table:
            for row in csv.DictReader(table):
                if float(row["sales_value"] or 0) > 0 and float(row["quantity"] or 0) > 0:
                    customer = row["household_id"]
                    times.setdefault(customer, set()).add(row["transaction_timestamp"])
                    totals[customer] = totals.get(customer, 0) + float(row["sales_value"])
        with open(self.path("customers.csv")) as out:
            rows = {row["customer"]: row for row in csv.DictReader(out)}
        self.assertEqual(set(rows), set(times))
        for customer, row in rows.items():
            self.assertEqual(float(row["purchase_frequency"]), len(times[customer]), customer)
            self.assertAlmostEqual(float(row["total_spend"]), totals[customer], 2, customer)

    def test_three_groups_hold_everybody(self):
        groups = re.findall(r"^ +(\d) +(\d+) ", self.output[1], re.M)
        self.assertEqual([g for g, _ in groups], ["1", "2", "3"])
        self.assertEqual(sum(int(size) for _, size in groups), 303)

    def test_pictures_show_every_customer_and_are_those_of_the_page(self):
        for name in ("scatter.svg", "components.svg"):
            texts = svg_texts(self.path(name))
            self.assertEqual(texts, svg_texts(os.path.join(FOLDER, "pictures", name)), name)
            # Centres and legend: two circles each.
            self.assertGreaterEqual(svg_circles(self.path(name)), 303 + 12, name)

    def test_the_predicted_amount_is_plausible_and_better_than_the_mean_of_all(self):
        out = json.loads(run(self.five[4] + " --json", self.folder))
        self.assertLess(out["low"], out["amount"])
        self.assertLess(out["amount"], out["high"])
        self.assertGreater(out["amount"], 20)
        self.assertLess(out["amount"], 80)
        self.assertLess(out["mae"], out["own_mean_mae"])
        self.assertLess(out["mae"], out["population_mean_mae"])
        self.assertIn(f"will typically spend {out['amount']:.2f}", self.output[4])

    def test_chinese_headers_give_the_same(self):
        chinese = self.path("购买.csv")
        names = {"household_id": "用户ID", "product_id": "商品ID", "quantity": "数量",
                 "transaction_timestamp": "购买时间", "sales_value": "购买金额"}
        with gzip.open(DATA, "rt") as table, open(chinese, "w", encoding="utf-8") as out:
            reader = csv.DictReader(table)
            writer = csv.writer(out)
            writer.writerow(names.values())
            for row in reader:
                writer.writerow([row[name] for name in names])
        for command, expected in ((self.five[1], self.output[1]), (self.five[4], self.output[4])):
            output = run(command.replace("tests/data/transactions.csv.gz", chinese), self.folder)
            # But for the file's name.
            self.assertEqual(output.split("\n")[1:], expected.split("\n")[1:])

    def test_the_further_commands_run(self):
        for command in commands(1):
            run(command, self.folder)
        for name in ("segments.svg", "dendrogram.svg", "forecast.svg"):
            self.assertEqual(
                svg_texts(self.path(name)), svg_texts(os.path.join(FOLDER, "pictures", name)), name
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    options, rest = parser.parse_known_args()
    BIN = os.path.abspath(options.bin)
    unittest.main(argv=sys.argv[:1] + rest)
