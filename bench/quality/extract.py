"""Makes the tables that content and customer_alternatives_bench are measured on.

  extract.py items  online-retail.csv.gz | products.csv.gz        the catalogue, JSON lines
  extract.py orders online-retail.csv.gz | transactions.csv.gz    customer, order, item, seconds and
                                                                   category, divided by tabs
  extract.py before online-retail.csv.gz | transactions.csv.gz DATE    a log of what was before, CSV

products.csv.gz and transactions.csv.gz are those of tests/data; the category of a product is read
from the products beside the transactions.
"""

import csv
import datetime
import gzip
import json
import os
import sys


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        yield from csv.DictReader(file)


def items(path):
    if os.path.basename(path).startswith("products"):
        for row in rows(path):
            item = {
                "item_id": row["product_id"],
                "title": row["product_type"],
                "category": row["product_category"],
                "brand": row["brand"],
            }
            for name in ("department", "manufacturer_id", "package_size"):
                if row[name]:
                    item[name] = row[name]
            print(json.dumps(item))
        return
    titles = {}
    for row in rows(path):
        title = row["Description"].strip()
        if title:
            titles.setdefault(row["StockCode"], title)
    for item_id, title in titles.items():
        print(json.dumps({"item_id": item_id, "title": title}))


def seconds(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


def orders(path):
    lines = []
    if os.path.basename(path).startswith("transactions"):
        products = os.path.join(os.path.dirname(path), "products.csv.gz")
        categories = {row["product_id"]: row["product_category"] for row in rows(products)}
        for row in rows(path):
            item = row["product_id"]
            at = seconds(row["transaction_timestamp"])
            lines.append((at, row["household_id"], row["basket_id"], item, categories.get(item, "")))
    else:
        for row in rows(path):
            if row["CustomerID"] and int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0:
                at = seconds(row["InvoiceDate"])
                lines.append((at, row["CustomerID"], row["InvoiceNo"], row["StockCode"], ""))
    lines.sort(key=lambda line: line[0])
    for at, customer, order, item, category in lines:
        print(customer, order, item, at, category, sep="\t")


def before(path, date):
    # Names that `kindred evaluate` guesses.
    names = {"household_id": "customer_id", "transaction_timestamp": "time"}
    out = None
    for row in rows(path):
        named = {names.get(name, name): value for name, value in row.items()}
        if out is None:
            out = csv.DictWriter(sys.stdout, named.keys(), lineterminator="\n")
            out.writeheader()
        if named.get("time", named.get("InvoiceDate", "")) < date:
            out.writerow(named)


def main():
    actions = {"items": items, "orders": orders, "before": before}
    if len(sys.argv) < 3 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    actions[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
