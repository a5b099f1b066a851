"""The three data sets as queries with their true items, and the learning data before them."""

import csv
import datetime
import gzip

import numpy as np
from scipy import sparse


class Sessions:
    """Next-item prediction: sessions to learn from, prefixes with the item that follows."""

    def __init__(self, name, train, queries):
        self.name = name
        self.train = train  # lists of item numbers from 0, in order of time
        self.queries = queries  # (prefix, [item])
        self.items = 1 + max(max(s) for s in train + [q[0] + q[1] for q in queries])

    def tail(self, share=0.1, limit=2500):
        """The last part of the training sessions as queries: what parameters are chosen on."""
        cut = int(len(self.train) * (1 - share))
        queries = [
            (session[:length], [session[length]])
            for session in self.train[cut:]
            for length in range(1, len(session))
        ]
        tail = Sessions(self.name, self.train[:cut], queries[:: max(1, len(queries) // limit)])
        tail.items = self.items
        return tail

    def matrix(self):
        """Sessions × items, 1 for each item of a session."""
        rows = np.repeat(np.arange(len(self.train)), [len(s) for s in self.train])
        columns = np.concatenate([np.asarray(s) for s in self.train])
        shape = (len(self.train), self.items)
        matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
        matrix.data[:] = 1
        return matrix

    def popularity(self):
        """Counts that halve over the last tenth of the sessions."""
        counts = np.zeros(self.items, np.float32)
        half_life = max(1, len(self.train) / 10)
        for at, session in enumerate(self.train):
            counts[session] += 2.0 ** ((at - len(self.train)) / half_life)
        return counts


def diginetica(folder, every=1):
    number = {}

    def items(text):
        return [number.setdefault(word, len(number)) for word in text.split()]

    folder = folder / "diginetica-srgnn-split"
    with gzip.open(folder / "train_sessions.txt.gz", "rt") as lines:
        train = [items(line) for line in lines]
    with gzip.open(folder / "test_prefix_target.txt.gz", "rt") as lines:
        queries = [tuple(items(part) for part in line.split("\t")) for line in lines]
    return Sessions("Diginetica", train, queries[::every])


def yoochoose(folder):
    number = {}

    def sessions(path):
        by_session = {}
        with gzip.open(path, "rt") as lines:
            rows = sorted(csv.DictReader(lines, delimiter="\t"), key=lambda row: float(row["Time"]))
        for row in rows:
            item = number.setdefault(row["ItemId"], len(number))
            by_session.setdefault(row["SessionId"], []).append(item)
        return list(by_session.values())

    folder = folder / "yoochoose-rsc15-100k"
    train = sessions(folder / "yoochoose-clicks-100k_train_full.txt.gz")
    test = sessions(folder / "yoochoose-clicks-100k_test.txt.gz")
    queries = [
        (session[:length], [session[length]])
        for session in test
        for length in range(1, len(session))
    ]
    return Sessions("YooChoose 100k", train, queries)


class Baskets:
    """Next-basket prediction: what customers bought, the items of each invoice to be foretold."""

    name = "Online Retail"

    def __init__(self, folder):
        number, customers, orders = {}, {}, {}
        with gzip.open(folder / "online-retail" / "online-retail.csv.gz", "rt") as lines:
            for row in csv.DictReader(lines):
                if not row["CustomerID"] or int(row["Quantity"]) <= 0 or float(row["UnitPrice"]) <= 0:
                    continue
                customer = customers.setdefault(row["CustomerID"], len(customers))
                when = datetime.datetime.fromisoformat(row["InvoiceDate"]).timestamp() / 86400
                order = orders.setdefault((customer, row["InvoiceNo"]), (when, set()))
                order[1].add(number.setdefault(row["StockCode"], len(number)))
        self.items, self.customers = len(number), len(customers)
        self.orders = sorted((when, customer, sorted(bought))
                             for (customer, _), (when, bought) in orders.items())
        self.last = datetime.datetime(2011, 12, 10).timestamp() / 86400

    def weeks(self, tail):
        """(orders before, orders of the week) for the last eight weeks, or with `tail` for the
        eight before them: a model is made anew for each."""
        end = self.last - (56 if tail else 0)
        for week in range(8):
            begin = end - 56 + 7 * week
            yield ([o for o in self.orders if o[0] < begin],
                   [o for o in self.orders if begin <= o[0] < begin + 7])

    def matrix(self, orders, half_life=None):
        """Customers × items: how many orders of the customer hold the item."""
        now = orders[-1][0]
        sizes = [len(order[2]) for order in orders]
        ages = np.asarray([now - order[0] for order in orders])
        weights = np.ones(len(orders)) if half_life is None else 2.0 ** (-ages / half_life)
        rows = np.repeat([order[1] for order in orders], sizes)
        columns = np.concatenate([order[2] for order in orders])
        values = np.repeat(weights, sizes).astype(np.float32)
        return sparse.csr_matrix((values, (rows, columns)), shape=(self.customers, self.items))
