#!/usr/bin/env python3
"""Recommendations through the real service: real Kafka in, Recommend out.

1. `kindred evaluate prequential` over a log of 20,000 events gives the same metrics through the
   service as in the core, to the last digit.
2. A hidden item is gone from the next answer after `kindred hide`, and back after `kindred unhide`.
3. An event that is undone leaves the answer as it was before.
4. What an answer led to is counted once, also when the node is killed in between and everything is
   sent twice; what was refunded is taken back from it.
5. An item that nobody has met is recommended to who turned to one that the catalogue describes alike,
   also by a node that was killed; SimilarItems by content finds it.
6. A disliked item is gone for that customer, and only for that one.
"""

import datetime
import json
import random
import urllib.parse

import harness
from harness import check, run, say, wait_until

EVENTS = 20_000
CUSTOMERS = 1_500
ITEMS = 800
START_MS = 1_750_000_000_000  # 2025-06-15
AS_OF = "2025-06-20T00:00:00Z"
# The last part is asked for; all of it is learnt.
ASKED_FROM = 16_500
KINDS = ("view", "click", "add_to_cart", "wishlist", "purchase")
WEIGHTS = (70, 8, 8, 4, 10)
METRICS = (
    "queries",
    "p_at_20",
    "mrr_at_20",
    "ndcg_at_20",
    "recall_at_20",
    "coverage",
    "popular_share",
)


def write_log(path):
    """Customers wander among neighbouring items, come back, and now and then buy; orders of several
    lines included. Returns the time from which on events are asked for."""
    rng = random.Random(20_261_126)
    time_ms = START_MS
    position = {}
    asked_from_ms = None
    with open(path, "w", encoding="utf-8") as log:
        number = 0
        while number < EVENTS:
            customer = f"c-{min(int(rng.paretovariate(0.7)), CUSTOMERS)}"
            time_ms += rng.randrange(1, 60_000)
            if rng.random() < 0.3 or customer not in position:
                position[customer] = min(int(rng.paretovariate(0.5)), ITEMS)
            else:
                position[customer] = 1 + (position[customer] * 7 + rng.choice((0, 1, 1, 2))) % ITEMS
            kind = rng.choices(KINDS, WEIGHTS)[0]
            lines = rng.randrange(1, 4) if kind == "purchase" else 1
            for line in range(lines):
                if number == ASKED_FROM:
                    asked_from_ms = time_ms
                event = {
                    "event_id": f"e-{number}",
                    "user_id": customer,
                    "type": kind,
                    "event_time": time_ms,
                    "item_id": f"sku-{1 + (position[customer] + line) % ITEMS}",
                }
                if kind == "purchase":
                    event.update(price=3.5, quantity=1, order_id=f"o-{time_ms}")
                log.write(json.dumps(event) + "\n")
                number += 1
    return datetime.datetime.fromtimestamp(asked_from_ms / 1000, datetime.timezone.utc).isoformat()


def evaluate(world, log, asked_from, extra=()):
    done = run(
        [
            world.bin / "kindred",
            *("evaluate", "prequential", "--events", log, "--from", asked_from),
            *("--json", "--quiet", *extra),
        ],
        limit_s=400,
    )
    return json.loads(done.stdout)


def check_evaluation(world):
    log = world.directory / "events.jsonl"
    asked_from = write_log(log)
    core = evaluate(world, log, asked_from)
    world.create_topic("log", partitions=1)
    node = world.node("judged", "log").start().wait_ready()
    service = evaluate(
        world,
        log,
        asked_from,
        ("--service", node.grpc, "--brokers", world.brokers, "--topic", "log"),
    )
    for name in METRICS:
        say(f"{name:14} core {core[name]!r:22} service {service[name]!r}")
    for name in METRICS:
        check(core[name] == service[name], f"{name}: {core[name]!r} is not {service[name]!r}")
    check(core["queries"] > 2000 and core["p_at_20"] > 0.05, f"the log asks too little: {core}")
    node.stop()


class Shop:
    """A node with a small history, and what is sent to it."""

    def __init__(self, world):
        self.world = world
        world.create_topic("shop", partitions=2)
        self.node = world.node("shop", "shop").start().wait_ready()
        self.time_ms = START_MS
        self.sent = 0
        views = [
            self.event(f"v-{visit}", "view", f"sku-{(visit * visit + step) % 20}")
            for visit in range(60)
            for step in range(3)
        ]
        self.known = {view["item_id"] for view in views}  # all items that an event counts for
        self.send(views)

    def event(self, customer, kind, item, **more):
        self.time_ms += 1000
        event = {"event_id": f"x-{self.time_ms}", "user_id": customer, "type": kind}
        return {**event, "event_time": self.time_ms, "item_id": item, **more}

    def send(self, events):
        self.world.produce("shop", [json.dumps(event) for event in events], partitions=2)
        self.sent += len(events)
        wait_until(lambda: self.node.applied() >= self.sent, "all events are applied", 60)

    def ask(self, customer, count=15, **parameters):
        query = urllib.parse.urlencode({"n": count, "as_of_time": AS_OF, **parameters})
        return self.node.get(f"/v1/recommendations/{customer}?{query}")

    def items(self, customer, **parameters):
        return [one["item_id"] for one in self.ask(customer, **parameters)["recommendations"]]


def check_hidden(world, shop):
    shop.send([shop.event("me", "view", "sku-1"), shop.event("me", "view", "sku-4")])
    target = shop.items("me")[0]
    topics = ("--brokers", world.brokers, "--items-topic", "shop.items")
    run([world.bin / "kindred", "hide", target, *topics], limit_s=60)
    wait_until(lambda: target not in shop.items("me", count=100), f"{target} is gone", 10)
    run([world.bin / "kindred", "unhide", target, *topics], limit_s=60)
    wait_until(lambda: target in shop.items("me"), f"{target} is back", 10)
    say(f"{target} was hidden and shown again")


def check_undo(shop):
    before = shop.ask("me")["recommendations"]
    event = shop.event("me", "add_to_cart", "sku-13")
    shop.send([event])
    changed = shop.ask("me")["recommendations"]
    check([one["item_id"] for one in changed] != [one["item_id"] for one in before], "no effect")
    shop.send([{**event, "undo": True}])
    after = shop.ask("me")["recommendations"]
    check(
        [one["item_id"] for one in after] == [one["item_id"] for one in before],
        f"other items: {after}, before {before}",
    )
    for one, other in zip(before, after):
        check(abs(one["score"] - other["score"]) < 1e-5, f"{one} is not {other}")
    say(f"undone: the same {len(after)} items with the same scores")


def performance(shop):
    rows = shop.node.get("/v1/performance?group_by=placement")["rows"]
    fields = ("impressions", "clicks", "purchases", "revenue")
    return {row["placement"]: tuple(row[field] for field in fields) for row in rows}


def check_attribution(shop):
    answer = shop.ask("me", placement="home")
    token = {"properties": {"attribution_token": answer["attribution_token"]}}
    items = [one["item_id"] for one in answer["recommendations"]]
    # Fewer than asked for: the shop has no more. The item of the undone event is none of it.
    check(set(items) == shop.known, f"recommended are {sorted(items)} of {sorted(shop.known)}")
    first, second = items[:2]
    shown = shop.event("me", "impression", "", **token)
    del shown["item_id"]
    before = [
        shown,
        shop.event("me", "click", first, **token),
        shop.event("me", "view", first, **token),
        shop.event("me", "click", second, **token),
    ]
    after = [
        shop.event("me", "purchase", first, price=5.5, quantity=2, currency="USD"),
        shop.event("me", "purchase", second, price=1.0, quantity=1, currency="USD", **token),
    ]
    shop.send(before)
    shop.node.kill()
    shop.node.start().wait_ready()
    shop.send(after + before + after)
    expected = (str(len(items)), "2", "2", 12.0)
    found = performance(shop)["home"]
    check(found == expected, f"impressions, clicks, purchases, revenue: {found} is not {expected}")
    code, body = shop.node.request("/metrics")
    check(code == 200, f"/metrics: HTTP {code}")
    sums = {}
    for line in body.decode().splitlines():
        if line.startswith("kindred_recommendation_") and 'placement="home"' in line:
            name, value = line.split("{")[0], float(line.rsplit(" ", 1)[1])
            sums[name] = sums.get(name, 0) + value
    shown = sums.get("kindred_recommendation_impressions_total")
    check(shown == len(items), f"metrics: {sums}")
    check(sums.get("kindred_recommendation_purchases_total") == 2, f"metrics: {sums}")
    say(f"{found} after a kill, and with everything sent twice")


def check_refund(shop):
    item = shop.items("me")[0]
    token = {"properties": {"attribution_token": shop.ask("me", placement="mail")["attribution_token"]}}
    shop.send(
        [
            shop.event("me", "click", item, **token),
            shop.event("me", "purchase", item, price=5.5, quantity=2, currency="USD"),
            shop.event("me", "refund", item, price=5.5, quantity=1, currency="USD"),
        ]
    )
    found = performance(shop)["mail"]
    check(found == ("0", "1", "1", 5.5), f"{found}: half of 11 was refunded")
    code, body = shop.node.request("/metrics")
    lines = [line for line in body.decode().splitlines() if 'placement="mail"' in line]
    revenue = [line for line in lines if line.startswith("kindred_recommendation_revenue{")]
    check([line.rsplit(" ", 1)[1] for line in revenue] == ["5.5"], f"metrics: {lines}")
    say("a refund took its part of the revenue back")


def check_new_item(world, shop):
    shop.send([shop.event("drinker", "view", "sku-2"), shop.event("drinker", "view", "sku-3")])
    table = world.directory / "items.csv"
    rows = ["item_id,title,category,brand"]
    rows += [f"sku-{n},Number {n} of many,things-{n % 4},maker-{n % 5}" for n in range(20) if n != 3]
    rows += ["sku-3,Green tea from Uji in a tin,tea,Leaf", "tea-9,Tin of green tea from Uji,tea,Leaf"]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    topic = ("--brokers", world.brokers, "--topic", "shop.items", "--quiet")
    run([world.bin / "kindred", "import-items", table, *topic], limit_s=60)

    def found():
        for one in shop.ask("drinker")["recommendations"]:
            if one["item_id"] == "tea-9" and one["source"] == "SOURCE_CONTENT":
                return one
        return None

    wait_until(lambda: found() is not None, "the new item is recommended", 20)
    one = found()
    check(one["reason"] == "Like Green tea from Uji in a tin", f"reason: {one}")
    check(one["contributions"][0]["because_item_id"] == "sku-3", f"contributions: {one}")
    amounts = sum(part["amount"] for part in one["contributions"])
    check(abs(amounts - one["score"]) < 1e-4, f"contributions do not add up: {one}")
    alike = shop.node.get("/v1/items/sku-3/similar?method=content")["recommendations"]
    check([one["item_id"] for one in alike][:1] == ["tea-9"], f"similar by content: {alike}")
    shop.node.kill()
    shop.node.start().wait_ready()
    wait_until(lambda: found() is not None, "the new item is recommended after a kill", 20)
    say("an item that nobody has met is recommended by its likeness")


def check_dislike(shop):
    target = shop.items("me")[0]
    check(target in shop.items("you", count=100), f"{target} is not for strangers")
    shop.send([shop.event("me", "dislike", target)])
    shop.send([shop.event("me", "view", f"sku-{n % 4 + 4}") for n in range(30)])
    check(target not in shop.items("me", count=100), f"{target} is still there")
    check(target in shop.items("you", count=100), f"{target} is gone for others")
    say(f"{target} was disliked, and is gone for one")


def test(world, options):
    check_evaluation(world)
    shop = Shop(world)
    check_hidden(world, shop)
    check_undo(shop)
    check_attribution(shop)
    check_refund(shop)
    check_new_item(world, shop)
    check_dislike(shop)


if __name__ == "__main__":
    harness.main(test, __doc__)
