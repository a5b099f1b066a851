#!/usr/bin/env python3
"""The check of profiles counts what a person counts by hand, and sees every value that is off."""

import contextlib
import decimal
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import online_retail_check as check

SLICE = pathlib.Path(__file__).resolve().parents[1] / "data" / "transactions.csv.gz"
SLICE_ROWS = {"purchase": 170_420, "invalid_quantity": 960, "zero_price": 266}

BY_HAND = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,"CUP, RED",2,2011-01-01 10:00:00,2.50,17850.0,France
1,A,"CUP, RED",2,2011-01-01 10:00:00,2.50,17850.0,France
2,B,PLATE,1,2011-02-01 11:30:00,0.99,17850.0,Spain
3,B,PLATE,1,2011-02-02 00:00:00,0.99,17850.0,Spain
C4,A,"CUP, RED",-1,2011-03-01 09:00:00,2.50,17850.0,France
5,A,"CUP, RED",1,2011-03-01 09:00:00,0,17850.0,Italy
6,A,"CUP, RED",1,2011-03-01 09:00:00,0,13256.0,Italy
7,A,"CUP, RED",1,2011-03-01 09:00:00,2.50,,France
8,A,ADJUST,1,2011-03-01 09:00:00,-11062.06,,France
C9,A,"CUP, RED",-3,2011-03-01 09:00:00,2.50,20000.0,Spain
"""


def profile_of(customer, values):
    """What Kindred answers for a customer with these values, as proto3 JSON."""
    purchases = {
        "lineCount": str(values["purchase lines"]),
        "frequency": str(values["distinct purchase times"]),
        "totalAmount": float(values["total spend"]),
        "refundLineCount": str(values["refund lines"]),
        "refundedAmount": float(values["refunded amount"]),
    }
    if values["first purchase"]:
        purchases["firstPurchaseTime"] = values["first purchase"].strftime("%Y-%m-%dT%H:%M:%SZ")
        purchases["lastPurchaseTime"] = values["last purchase"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "customerId": customer,
        "purchases": {name: value for name, value in purchases.items() if value not in ("0", 0.0)},
        "geography": {"usualCountry": values["usual country"]},
    }


class CheckTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.source = self.place / "by_hand.csv"
        self.source.write_text(BY_HAND)

    def run_check(self, source, profiles, status=None):
        path = self.place / "profiles.jsonl"
        path.write_text("".join(json.dumps(profile) + "\n" for profile in profiles))
        sys.argv = ["check", str(source), str(path)]
        if status is not None:
            (self.place / "status.json").write_text(json.dumps({"quality": status}))
            sys.argv += ["--status", str(self.place / "status.json")]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = check.main()
        return code, out.getvalue()

    def profiles(self, source):
        return [profile_of(*entry) for entry in check.expect(str(source))[0].items()]

    def test_counts_as_by_hand(self):
        customers, rules, named = check.expect(str(self.source))
        self.assertEqual(named, {"17850", "13256", "20000"})
        self.assertEqual(
            rules, {"purchase": 4, "refund": 2, "zero_price": 2, "missing_customer": 2}
        )
        self.assertEqual(
            customers["17850"],
            {
                "purchase lines": 4,
                "distinct purchase times": 3,
                "total spend": decimal.Decimal("11.98"),
                "refund lines": 1,
                "refunded amount": decimal.Decimal("2.50"),
                "first purchase": check.time_of("2011-01-01T10:00:00Z"),
                "last purchase": check.time_of("2011-02-02T01:00:00+01:00"),
                "usual country": "France",
            },
        )
        self.assertEqual(customers["20000"]["refunded amount"], decimal.Decimal("7.50"))
        self.assertIsNone(customers["20000"]["first purchase"])
        self.assertNotIn("13256", customers)

    def test_ties_of_country_go_to_the_first_seen(self):
        # Without the refund it is two lines of France, then two of Spain.
        lines = [line for line in BY_HAND.splitlines(True) if not line.startswith("C4")]
        self.source.write_text("".join(lines))
        self.assertEqual(check.expect(str(self.source))[0]["17850"]["usual country"], "France")
        self.source.write_text("".join(lines[:1] + lines[:0:-1]))
        self.assertEqual(check.expect(str(self.source))[0]["17850"]["usual country"], "Spain")

    def test_right_profiles_agree(self):
        code, out = self.run_check(self.source, self.profiles(self.source))
        self.assertEqual(code, 0, out)
        self.assertIn("all 3 customers agree: 2 with a profile", out)

    def test_every_value_that_is_off_is_seen(self):
        values = check.expect(str(self.source))[0]["17850"]
        off = {
            "first purchase": check.time_of("2011-01-01 10:00:01"),
            "last purchase": check.time_of("2011-02-03 00:00:00"),
            "usual country": "Spain",
        }
        for name, value in values.items():
            changed = {**values, name: off.get(name) or value + 1}
            if isinstance(value, decimal.Decimal):
                changed[name] = value + decimal.Decimal("0.01")
            profiles = self.profiles(self.source)
            profiles[0] = profile_of("17850", changed)
            code, out = self.run_check(self.source, profiles)
            self.assertEqual((code, out.count("customer 17850: " + name)), (1, 1), out)

    def test_missing_and_surplus_profiles_are_seen(self):
        profiles = self.profiles(self.source)
        self.assertEqual(self.run_check(self.source, profiles[1:])[0], 1)
        surplus = profile_of("13256", check.Customer().values())
        code, out = self.run_check(self.source, profiles + [surplus])
        self.assertEqual(code, 1)
        self.assertIn("customer 13256: a profile, though no row of theirs counts", out)

    def test_status_must_add_up(self):
        right = {
            "read": "12",
            "duplicates": "2",
            "accepted": "6",
            "acceptedByType": {"purchase": "4", "refund": "2"},
            "rejected": {"zero_price": "2", "missing_customer": "2"},
        }
        profiles = self.profiles(self.source)
        self.assertEqual(self.run_check(self.source, profiles, right)[0], 0)
        for change in (
            {"read": "13"},
            {"accepted": "7"},
            {"acceptedByType": {"purchase": "3", "refund": "3"}},
            {"rejected": {"zero_price": "2", "missing_customer": "1"}},
            {"rejected": {**right["rejected"], "time_too_old": "1"}},
        ):
            code, out = self.run_check(self.source, profiles, {**right, **change})
            self.assertEqual(code, 1, out)

    def test_slice_in_the_repository(self):
        customers, rules, _ = check.expect(str(SLICE))
        self.assertEqual(rules, SLICE_ROWS)
        self.assertEqual(len(customers), 303)
        code, out = self.run_check(SLICE, self.profiles(SLICE))
        self.assertEqual(code, 0, out)


if __name__ == "__main__":
    unittest.main()
