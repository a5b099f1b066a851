#!/usr/bin/env python3
"""Compares Kindred's profiles with its own computation from the same purchases.

    online_retail_check.py SOURCE PROFILES [--status STATUS]
    online_retail_check.py SOURCE --expected

SOURCE is the Online Retail CSV or tests/data/transactions.csv.gz, told apart by their columns.
PROFILES holds one kindred.v1.Profile a line as proto3 JSON, STATUS a kindred.v1.Status. --expected
prints what is expected, one customer a line, instead of comparing.

Shares no code with Kindred: rows in, sums out. What becomes of a row, first rule that applies:

    missing_customer   no customer id                                            rejected
    invalid_price      a price below zero                                        rejected
    invalid_quantity   a quantity of zero                                        rejected
    zero_price         a price or an amount of zero: a gift, a correction        rejected
    refund             negative quantity (in Online Retail: invoices "C…")       a refund line
    purchase           all else                                                  a purchase line

Equal rows are lines of their own. Amounts are added as decimals; they agree when they are within
half a cent. The usual country is that of most lines; of two with as many, the one seen first.
Exit code: 0 all agree, 1 they do not, 2 bad arguments.
"""

import argparse
import collections
import csv
import datetime
import decimal
import gzip
import json
import re
import sys

Row = collections.namedtuple("Row", "customer quantity price amount time country")
HALF_A_CENT = decimal.Decimal("0.005")
SHOWN_MAX = 20
ACCEPTED = ("purchase", "refund")


class Customer:
    def __init__(self):
        self.lines = 0
        self.times = set()
        self.spend = decimal.Decimal(0)
        self.refund_lines = 0
        self.refunded = decimal.Decimal(0)
        self.countries = collections.Counter()

    def add(self, row, rule):
        if row.country:
            self.countries[row.country] += 1
        if rule == "refund":
            self.refund_lines += 1
            self.refunded += abs(row.amount)
            return
        self.lines += 1
        self.times.add(row.time)
        self.spend += row.amount

    def values(self):
        # Counter keeps the order of first sight, and max the first of equals.
        country = max(self.countries, key=self.countries.get) if self.countries else ""
        return {
            "purchase lines": self.lines,
            "distinct purchase times": len(self.times),
            "total spend": self.spend,
            "refund lines": self.refund_lines,
            "refunded amount": self.refunded,
            "first purchase": min(self.times, default=None),
            "last purchase": max(self.times, default=None),
            "usual country": country,
        }


def customer_of(text):
    """Online Retail writes its numbers as a spreadsheet does: 17850.0 is customer 17850."""
    return re.sub(r"\.0$", "", text.strip())


def time_of(text):
    if not text:
        return None
    parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=datetime.timezone.utc)
    return parsed.astimezone(datetime.timezone.utc)


def rows_of(path):
    opened = gzip.open(path, "rt", newline="") if path.endswith(".gz") else open(path, newline="")
    with opened as file:
        reader = csv.DictReader(file)
        if "InvoiceNo" in reader.fieldnames:
            make = online_retail_row
        elif "household_id" in reader.fieldnames:
            make = complete_journey_row
        else:
            sys.exit(f"{path}: neither Online Retail nor Complete Journey: {reader.fieldnames}")
        for fields in reader:
            yield make(fields)


def online_retail_row(fields):
    quantity = decimal.Decimal(fields["Quantity"])
    price = decimal.Decimal(fields["UnitPrice"])
    customer = customer_of(fields["CustomerID"])
    time = time_of(fields["InvoiceDate"])
    return Row(customer, quantity, price, quantity * price, time, fields["Country"].strip())


def complete_journey_row(fields):
    # sales_value is the line's amount; a unit has no price of its own in this source.
    quantity = decimal.Decimal(fields["quantity"])
    amount = decimal.Decimal(fields["sales_value"])
    time = time_of(fields["transaction_timestamp"])
    return Row(customer_of(fields["household_id"]), quantity, None, amount, time, "")


def rule_of(row):
    if not row.customer:
        return "missing_customer"
    if row.price is not None and row.price < 0:
        return "invalid_price"
    if row.quantity == 0:
        return "invalid_quantity"
    if row.price == 0 or row.amount == 0:
        return "zero_price"
    return "refund" if row.quantity < 0 else "purchase"


def expect(path):
    """(values by customer, rows by rule, all customers named in the source)"""
    customers = collections.defaultdict(Customer)
    rules = collections.Counter()
    named = set()
    for row in rows_of(path):
        rule = rule_of(row)
        rules[rule] += 1
        if row.customer:
            named.add(row.customer)
        if rule in ACCEPTED:
            customers[row.customer].add(row, rule)
    return {name: customer.values() for name, customer in customers.items()}, rules, named


def field(message, name, default=None):
    """A field of proto3 JSON, whichever of its two spellings was written; absent is the default."""
    camel = re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)
    return message.get(name, message.get(camel, default))


def profile_values(profile):
    purchases = field(profile, "purchases", {})
    geography = field(profile, "geography", {})
    return {
        "purchase lines": int(field(purchases, "line_count", 0)),
        "distinct purchase times": int(field(purchases, "frequency", 0)),
        "total spend": decimal.Decimal(repr(float(field(purchases, "total_amount", 0)))),
        "refund lines": int(field(purchases, "refund_line_count", 0)),
        "refunded amount": decimal.Decimal(repr(float(field(purchases, "refunded_amount", 0)))),
        "first purchase": time_of(field(purchases, "first_purchase_time")),
        "last purchase": time_of(field(purchases, "last_purchase_time")),
        "usual country": field(geography, "usual_country", ""),
    }


def read_profiles(path):
    profiles = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            profile = json.loads(line)
            customer = customer_of(field(profile, "customer_id", ""))
            if not customer:
                sys.exit(f"{path}:{number}: no customer_id")
            if customer in profiles:
                sys.exit(f"{path}:{number}: a second profile of {customer}")
            profiles[customer] = profile_values(profile)
    return profiles


def agree(expected, found):
    if isinstance(expected, decimal.Decimal):
        return abs(expected - found) <= HALF_A_CENT
    return expected == found


def compare(expected, found):
    for customer in sorted(expected.keys() | found.keys()):
        if customer not in found:
            yield f"customer {customer}: no profile"
        elif customer not in expected:
            yield f"customer {customer}: a profile, though no row of theirs counts"
        else:
            for name, value in expected[customer].items():
                other = found[customer].get(name)
                if not agree(value, other):
                    yield f"customer {customer}: {name}: expected {value}, the profile says {other}"


def compare_status(rules, path):
    with open(path, encoding="utf-8") as file:
        quality = field(json.load(file), "quality", {})
    rejected = {name: int(count) for name, count in field(quality, "rejected", {}).items()}
    by_type = {name: int(count) for name, count in field(quality, "accepted_by_type", {}).items()}
    found = {
        "rows": int(field(quality, "read", 0)) - int(field(quality, "duplicates", 0)),
        "accepted": int(field(quality, "accepted", 0)),
        **{name: by_type.pop(name, 0) for name in ACCEPTED},
        **{name: rejected.pop(name, 0) for name in rules if name not in ACCEPTED},
        "rejected for other reasons": sum(rejected.values()),
        "accepted of other types": sum(by_type.values()),
    }
    expected = collections.Counter(
        {**rules, "rows": rules.total(), "accepted": sum(rules[name] for name in ACCEPTED)}
    )
    for name, count in found.items():
        if count != expected[name]:
            yield f"status: {name}: expected {expected[name]}, the node says {count}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source")
    parser.add_argument("profiles", nargs="?")
    parser.add_argument("--status")
    parser.add_argument("--expected", action="store_true")
    args = parser.parse_args()
    if args.expected == bool(args.profiles):
        parser.error("give PROFILES, or --expected")

    expected, rules, named = expect(args.source)
    if args.expected:
        for customer in sorted(expected):
            print(json.dumps({"customer_id": customer, **expected[customer]}, default=str))
        return 0
    for rule, count in sorted(rules.items()):
        print(f"{count:>9,} rows: {rule}")
    print(f"{rules.total():>9,} rows in all, of {len(named):,} customers")
    wrong = list(compare(expected, read_profiles(args.profiles)))
    if args.status:
        wrong.extend(compare_status(rules, args.status))
    for line in wrong[:SHOWN_MAX]:
        print(line)
    if wrong:
        print(f"{len(wrong):,} differences")
        return 1
    print(
        f"all {len(named):,} customers agree: {len(expected):,} with a profile, on 8 values each, "
        f"{len(named) - len(expected):,} without one, as no row of theirs counts"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
