#include "series/series_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "learn/random.h"

namespace kindred::series {
namespace {

constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kStartMs = 20'000 * kDayMs;  // 2024-10-04

using Rows = std::map<std::string, std::string>;

// What a store holds after the changes.
void Store(SeriesBook* book, Rows* rows) {
  book->TakeChanges([rows](absl::string_view key,
                           absl::string_view row) { (*rows)[std::string(key)] = std::string(row); },
                    [rows](absl::string_view key) { rows->erase(std::string(key)); });
}

SeriesBook Restored(const Rows& rows) {
  SeriesBook book;
  for (const auto& [key, row] : rows) {
    const absl::Status status = book.RestoreRow(key, row);
    EXPECT_TRUE(status.ok()) << status << " " << absl::BytesToHexString(key);
  }
  return book;
}

// `items` items, `days` days, a few hundred customers.
std::vector<SeriesEvent> Events(size_t count, uint32_t items, int days, uint64_t seed) {
  learn::Random random(seed);
  std::vector<SeriesEvent> events;
  for (size_t i = 0; i < count; ++i) {
    SeriesEvent event;
    event.time_ms = kStartMs + static_cast<int64_t>(random.Below(static_cast<uint64_t>(days) *
                                                                 static_cast<uint64_t>(kDayMs)));
    event.customer_hash = base::Fingerprint64(absl::StrCat("u-", random.Below(300)));
    event.type = 1 + static_cast<uint32_t>(random.Below(4));
    event.category = static_cast<uint32_t>(random.Below(5));
    event.item = static_cast<uint32_t>(random.Below(items + 1));
    if (event.type == 1) event.amount_micros = static_cast<int64_t>(random.Below(50'000'000));
    if (event.type == 2) event.amount_micros = -static_cast<int64_t>(random.Below(9'000'000));
    events.push_back(event);
  }
  return events;
}

std::vector<SeriesPoint> Days(const SeriesBook& book, SeriesKey key, int days) {
  std::vector<SeriesPoint> points(static_cast<size_t>(days));
  book.AddTo(key, Step::kDay, kStartMs / kDayMs, &points);
  return points;
}

TEST(SeriesBook, EqualsCountingByHand) {
  const std::vector<SeriesEvent> events = Events(5000, 40, 30, 1);
  SeriesBook book;
  for (const SeriesEvent& event : events) book.Add(event);
  const auto check = [&](SeriesKey key, Step step, auto matches) {
    const size_t steps = step == Step::kDay ? 30 : 30 * 24;
    // Hours reach back 384 of them at most.
    const size_t from = step == Step::kDay ? 0 : 30 * 24 - 340;
    std::vector<SeriesPoint> points(steps);
    book.AddTo(key, step, kStartMs / StepMs(step), &points);
    std::vector<SeriesPoint> expected(steps);
    std::vector<std::set<uint64_t>> customers(steps);
    for (const SeriesEvent& event : events) {
      if (!matches(event)) continue;
      const size_t at = static_cast<size_t>((event.time_ms - kStartMs) / StepMs(step));
      ++expected[at].events;
      expected[at].amount_micros += event.amount_micros;
      customers[at].insert(event.customer_hash);
    }
    for (size_t i = from; i < steps; ++i) {
      ASSERT_EQ(points[i].events, expected[i].events) << i;
      ASSERT_EQ(points[i].amount_micros, expected[i].amount_micros) << i;
      const double many = static_cast<double>(customers[i].size());
      if (step == Step::kHour && key.kind != SeriesKind::kAll) {
        ASSERT_EQ(points[i].customers, 0);
      } else if (many <= 64) {
        ASSERT_EQ(points[i].customers, many) << i;
      } else {
        ASSERT_NEAR(points[i].customers, many, 0.3 * many) << i;
      }
    }
  };
  for (const Step step : {Step::kDay, Step::kHour}) {
    check({SeriesKind::kAll, 0}, step, [](const auto&) { return true; });
    check({SeriesKind::kEventType, 2}, step, [](const auto& e) { return e.type == 2; });
    check({SeriesKind::kCategory, 3}, step, [](const auto& e) { return e.category == 3; });
    check({SeriesKind::kItem, 17}, step, [](const auto& e) { return e.item == 17; });
  }
  EXPECT_TRUE(Days(book, {SeriesKind::kItem, 999}, 3)[0].events == 0);
}

TEST(SeriesBook, OrderDoesNotMatterAndPartitionsAdd) {
  std::vector<SeriesEvent> events = Events(4000, 60, 700, 2);
  SeriesBook forward;
  for (const SeriesEvent& event : events) forward.Add(event);
  std::sort(events.begin(), events.end(),
            [](const auto& a, const auto& b) { return a.time_ms > b.time_ms; });
  SeriesBook backward;
  std::array<SeriesBook, 3> parts;
  for (const SeriesEvent& event : events) {
    backward.Add(event);
    parts[event.customer_hash % 3].Add(event);
  }
  // 700 days are more than a series spans: what both hold is compared, from its first whole block.
  const int64_t newest = forward.newest_ms() / kDayMs / SeriesBook::kBlock;
  const int64_t first =
      (newest - static_cast<int64_t>(SeriesBook::kDayBlocks) + 1) * SeriesBook::kBlock;
  for (const SeriesKey key : {SeriesKey{SeriesKind::kAll, 0}, SeriesKey{SeriesKind::kEventType, 3},
                              SeriesKey{SeriesKind::kCategory, 1}}) {
    std::vector<SeriesPoint> a(416);
    std::vector<SeriesPoint> b(416);
    std::vector<SeriesPoint> c(416);
    forward.AddTo(key, Step::kDay, first, &a);
    backward.AddTo(key, Step::kDay, first, &b);
    for (const SeriesBook& part : parts) part.AddTo(key, Step::kDay, first, &c);
    uint64_t total = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].events, b[i].events);
      ASSERT_EQ(a[i].events, c[i].events);
      ASSERT_EQ(a[i].amount_micros, b[i].amount_micros);
      ASSERT_EQ(a[i].amount_micros, c[i].amount_micros);
      ASSERT_EQ(a[i].customers, b[i].customers);
      ASSERT_EQ(a[i].customers, c[i].customers);
      total += a[i].events;
    }
    EXPECT_GT(total, 300u);
  }
  EXPECT_GT(backward.too_old(), 100u);
}

TEST(SeriesBook, GoesOnFromItsRowsAsIfNothingHadHappened) {
  // Many items, so that some lose their series; long, so that blocks leave.
  const std::vector<SeriesEvent> all = Events(20'000, 2000, 900, 3);
  std::vector<SeriesEvent> events = all;
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    // In time, but up to 40 days late.
    return a.time_ms + static_cast<int64_t>(a.customer_hash % 40) * kDayMs <
           b.time_ms + static_cast<int64_t>(b.customer_hash % 40) * kDayMs;
  });
  SeriesBook steady;
  Rows steady_rows;
  auto restarted = std::make_unique<SeriesBook>();
  Rows rows;
  for (size_t i = 0; i < events.size(); ++i) {
    steady.Add(events[i]);
    restarted->Add(events[i]);
    if (i % 1999 == 1500) Store(&steady, &steady_rows);
    if (i % 737 == 100) Store(restarted.get(), &rows);
    if (i % 2211 == 100) restarted = std::make_unique<SeriesBook>(Restored(rows));
    // Lose what was not stored, and apply it again.
    if (i == 14'000) {
      restarted = std::make_unique<SeriesBook>(Restored(rows));
      const size_t stored = (i - 100) / 737 * 737 + 100;
      for (size_t j = stored + 1; j <= i; ++j) restarted->Add(events[j]);
    }
  }
  Store(&steady, &steady_rows);
  Store(restarted.get(), &rows);
  ASSERT_EQ(steady_rows.size(), rows.size());
  for (const auto& [key, row] : steady_rows) {
    ASSERT_TRUE(rows.contains(key)) << absl::BytesToHexString(key);
    EXPECT_EQ(rows.at(key), row) << absl::BytesToHexString(key);
  }
  EXPECT_EQ(Restored(rows).too_old(), steady.too_old());
}

// Events of one step in a row are counted without a look-up; whatever comes between must end that.
TEST(SeriesBook, EveryRowTellsOfTheEventsSinceItWasStored) {
  SeriesBook book;
  Rows rows;
  const SeriesKey key{SeriesKind::kItem, 7};
  uint64_t added = 0;
  const auto add = [&](int64_t time_ms, uint64_t customer) {
    book.Add({time_ms, base::Fingerprint64(absl::StrCat(customer)), 8, 3, 7, 5});
    ++added;
  };
  for (uint64_t round = 1; round <= 100; ++round) {
    add(kStartMs, 2 * round);
    add(kStartMs + 1, 2 * round + 1);
    Store(&book, &rows);
    const SeriesBook restored = Restored(rows);
    EXPECT_EQ(Days(restored, key, 1)[0].events, added);
    EXPECT_EQ(Days(restored, key, 1)[0].customers, Days(book, key, 1)[0].customers);
    EXPECT_NEAR(Days(restored, key, 1)[0].customers, static_cast<double>(added),
                added <= 64 ? 0 : 0.3 * static_cast<double>(added));
  }
  // So far ahead that the block in use goes, then back to it: too old, and counted nowhere.
  add(kStartMs + 1000 * kDayMs, 1);
  const uint64_t too_old = book.too_old();
  add(kStartMs, 1);
  EXPECT_EQ(book.too_old(), too_old + 8) << "days and hours of four series";
  Store(&book, &rows);
  EXPECT_EQ(Days(Restored(rows), key, 1)[0].events, 0u);
  std::vector<SeriesPoint> points(1);
  Restored(rows).AddTo(key, Step::kHour, (kStartMs + 1000 * kDayMs) / kHourMs, &points);
  EXPECT_EQ(points[0].events, 1u);
}

TEST(SeriesBook, WhoTakesThePlaceOfAnotherHasASeriesOfItsOwn) {
  SeriesBook book;
  Rows rows;
  for (uint32_t item = 1; item <= SeriesBook::kTracked; ++item) {
    for (int i = 0; i < 5; ++i) book.Add({kStartMs, 1, 8, 0, item, 0});
  }
  Store(&book, &rows);
  for (int i = 0; i < 12; ++i) book.Add({kStartMs, 1, 8, 0, 1000, 0});
  book.Add({kStartMs, 1, 8, 0, 3, 0});
  Store(&book, &rows);
  const SeriesBook restored = Restored(rows);
  for (const SeriesBook* of : {static_cast<const SeriesBook*>(&book), &restored}) {
    EXPECT_EQ(Days(*of, {SeriesKind::kItem, SeriesBook::kTracked}, 1)[0].events, 0u);
    EXPECT_EQ(Days(*of, {SeriesKind::kItem, 1000}, 1)[0].events, 3u) << "from its tenth on";
    EXPECT_EQ(Days(*of, {SeriesKind::kItem, 3}, 1)[0].events, 6u);
  }
}

TEST(SeriesBook, WhatIsTakenBackIsAsIfItHadNotBeen) {
  const std::vector<SeriesEvent> events = Events(3000, 30, 14, 5);
  SeriesBook kept;
  SeriesBook both;
  Rows rows;
  for (size_t i = 0; i < events.size(); ++i) {
    both.Add(events[i]);
    if (i % 3 != 0) kept.Add(events[i]);
    if (i % 700 == 0) Store(&both, &rows);
  }
  for (size_t i = 0; i < events.size(); i += 3) both.TakeBack(events[i]);
  Store(&both, &rows);
  const SeriesBook restored = Restored(rows);
  for (const SeriesKey key :
       {SeriesKey{SeriesKind::kAll, 0}, SeriesKey{SeriesKind::kEventType, 1},
        SeriesKey{SeriesKind::kCategory, 2}, SeriesKey{SeriesKind::kItem, 9}}) {
    const std::vector<SeriesPoint> expected = Days(kept, key, 14);
    for (const SeriesBook* book : {static_cast<const SeriesBook*>(&both), &restored}) {
      const std::vector<SeriesPoint> points = Days(*book, key, 14);
      for (size_t day = 0; day < 14; ++day) {
        EXPECT_EQ(points[day].events, expected[day].events) << day;
        EXPECT_EQ(points[day].amount_micros, expected[day].amount_micros) << day;
      }
    }
  }
  SeriesEvent never = events[0];
  never.time_ms += 400 * kDayMs;
  never.amount_micros = INT64_MIN;
  both.TakeBack(never);
  both.TakeBack({});
}

TEST(SeriesBook, StaysBoundedUnderHostileTimesAndKeys) {
  SeriesBook book;
  Rows rows;
  learn::Random random(4);
  for (int i = 0; i < 60'000; ++i) {
    SeriesEvent event;
    event.time_ms = static_cast<int64_t>(random.Next());
    event.customer_hash = random.Next();
    event.type = static_cast<uint32_t>(random.Next());
    event.category = static_cast<uint32_t>(random.Next());
    event.item = static_cast<uint32_t>(random.Next());
    event.amount_micros = static_cast<int64_t>(random.Next());
    book.Add(event);
    if (i % 5000 == 0) Store(&book, &rows);
  }
  Store(&book, &rows);
  EXPECT_LT(book.memory_bytes(), 40u << 20);
  EXPECT_LT(rows.size(), 161u * (13 + 12 + 416 + 384));
  Restored(rows);
}

// The bytes on disk; when this fails, old data directories cannot be read any more.
TEST(SeriesBook, StoredBytesStayAsTheyAre) {
  SeriesBook book;
  book.Add({kStartMs + 5 * kHourMs, 0x1122334455667788, 8, 3, 7, 9'500'000});
  book.Add({kStartMs + 30 * kHourMs, 0x99AABBCCDDEEFF00, 8, 0, 7, -2'000'000});
  Rows rows;
  Store(&book, &rows);
  std::string text;
  for (const auto& [key, row] : rows) {
    absl::StrAppend(&text, absl::BytesToHexString(key), " ", absl::BytesToHexString(row), "\n");
  }
  EXPECT_EQ(text, R"(00000000000000000271 010001c0d587090101ff91f401
00000000000100003a98 010501c0d587091e01ff91f401
00000000000200004e20 010144332211
00000000000200004e21 0101ccbbaa99
00000000000300075305 010144332211
0000000000030007531e 0101ccbbaa99
01000000080000000271 010001c0d587090101ff91f401
01000000080100003a98 010501c0d587091e01ff91f401
01000000080200004e20 010144332211
01000000080200004e21 0101ccbbaa99
02000000030000000271 010001c0d58709
02000000030100003a98 010501c0d58709
02000000030200004e20 010144332211
03000000070000000271 010001c0d587090101ff91f401
03000000070100003a98 010501c0d587091e01ff91f401
03000000070200004e20 010144332211
03000000070200004e21 0101ccbbaa99
f0 0180cc9bb4cb6400
f1 01000100000001030300
f2 01000100000001070500
)");
  SeriesBook again = Restored(rows);
  EXPECT_EQ(Days(again, {SeriesKind::kItem, 7}, 2)[1].amount_micros, -2'000'000);
  EXPECT_EQ(again.newest_ms(), kStartMs + 30 * kHourMs);
  Rows nothing;
  Store(&again, &nothing);
  EXPECT_TRUE(nothing.empty()) << "what was restored has not changed";
}

TEST(SeriesBook, RefusesRowsThatItDoesNotMake) {
  SeriesBook book;
  book.Add({kStartMs, 1, 8, 3, 7, 5});
  Rows rows;
  Store(&book, &rows);
  for (const auto& [key, row] : rows) {
    for (size_t size = 0; size < row.size(); ++size) {
      SeriesBook other;
      // A row of cells may be cut between two cells.
      const absl::Status status = other.RestoreRow(key, absl::string_view(row).substr(0, size));
      EXPECT_TRUE(!status.ok() || size == 1) << absl::BytesToHexString(key) << " " << size;
    }
    SeriesBook other;
    EXPECT_FALSE(other.RestoreRow(key.substr(0, key.size() - 1), row).ok());
    EXPECT_FALSE(other.RestoreRow(key + "x", row).ok());
  }
}

}  // namespace
}  // namespace kindred::series
