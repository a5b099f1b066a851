#include "clean/duplicates.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/hash.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

constexpr int64_t kHour = 3600 * 1000;
constexpr int64_t kStart = 1763805600000;

uint64_t Fp(uint64_t i) {
  return base::Fingerprint64(absl::string_view(reinterpret_cast<const char*>(&i), sizeof(i)));
}

using Stored = std::map<std::string, std::string>;

void Write(DuplicateWindow* window, Stored* stored) {
  RowChanges changes = window->TakeChanges();
  for (StoredRow& row : changes.puts) (*stored)[row.key] = std::move(row.value);
  for (const std::string& key : changes.deletes) stored->erase(key);
}

DuplicateWindow Read(const Stored& stored, const DuplicateOptions& options) {
  DuplicateWindow window(options);
  for (const auto& [key, value] : stored) {
    const absl::Status status = window.RestoreRow(key, value);
    EXPECT_TRUE(status.ok()) << status;
  }
  const absl::Status status = window.FinishRestore();
  EXPECT_TRUE(status.ok()) << status;
  return window;
}

TEST(DuplicateWindowTest, FindsCopiesWithinTheWindow) {
  DuplicateWindow window;
  EXPECT_TRUE(window.Insert(1, kStart));
  EXPECT_FALSE(window.Insert(1, kStart));
  EXPECT_FALSE(window.Insert(1, kStart + 12 * kHour));
  EXPECT_FALSE(window.Insert(1, kStart + 24 * kHour));
  EXPECT_TRUE(window.Insert(1, kStart + 26 * kHour));
  EXPECT_FALSE(window.Insert(1, kStart + 26 * kHour));
  EXPECT_EQ(window.size(), 1u);
}

TEST(DuplicateWindowTest, ZeroAndAllOnesAreFingerprintsLikeOthers) {
  DuplicateWindow window;
  for (const uint64_t fingerprint : {uint64_t{0}, ~uint64_t{0}}) {
    EXPECT_TRUE(window.Insert(fingerprint, kStart));
    EXPECT_FALSE(window.Insert(fingerprint, kStart));
  }
}

TEST(DuplicateWindowTest, TimeNeverGoesBackwards) {
  DuplicateWindow window;
  EXPECT_TRUE(window.Insert(1, kStart));
  EXPECT_TRUE(window.Insert(2, kStart + 20 * kHour));
  // Claims to be old; counts as now, so it is still there when its own time is long past.
  EXPECT_TRUE(window.Insert(3, kStart));
  EXPECT_TRUE(window.Insert(4, kStart + 42 * kHour));
  EXPECT_FALSE(window.Insert(3, kStart + 42 * kHour));
}

TEST(DuplicateWindowTest, OneAbsurdTimestampDoesNotMakeItForget) {
  DuplicateWindow window;
  EXPECT_TRUE(window.Insert(1, kStart));
  EXPECT_TRUE(window.Insert(2, std::numeric_limits<int64_t>::max()));
  EXPECT_TRUE(window.Insert(3, std::numeric_limits<int64_t>::min()));
  EXPECT_FALSE(window.Insert(1, kStart));
  // A pause of a week is believed once enough records say so.
  const int64_t later = kStart + 168 * kHour;
  for (uint32_t i = 0; i < DuplicateWindow::kJumpConfirmations; ++i) window.Insert(1, later);
  EXPECT_TRUE(window.Insert(2, later));
  EXPECT_TRUE(window.Insert(3, later));
}

TEST(DuplicateWindowTest, AnAbsurdFirstTimestampDoesNotFreezeIt) {
  DuplicateWindow window;
  EXPECT_TRUE(window.Insert(1, 253370764800000));
  for (uint64_t i = 0; i < 100; ++i) window.Insert(Fp(i), kStart);
  EXPECT_FALSE(window.Insert(1, kStart));
  EXPECT_TRUE(window.Insert(2, kStart + 20 * kHour));
  EXPECT_TRUE(window.Insert(3, kStart + 26 * kHour));
  EXPECT_TRUE(window.Insert(1, kStart + 26 * kHour));
}

TEST(DuplicateWindowTest, TimeToAndFroStaysBounded) {
  DuplicateWindow window;
  for (uint64_t i = 0; i < 200000; ++i) {
    const int64_t era = static_cast<int64_t>(i / 100 % 2) * 1000 * kHour;
    window.Insert(Fp(i), kStart + era + static_cast<int64_t>(i) * 60000);
  }
  EXPECT_LE(window.size(), 200000u);
}

// The same decisions as a map would take, over growth, splits, expiry and reuse of tags.
TEST(DuplicateWindowTest, AgreesWithAnOracle) {
  for (const uint64_t seed : {1, 2, 3}) {
    std::mt19937_64 random(seed);
    DuplicateOptions options;
    options.window_ms = 24 * kHour;
    options.seed = seed;
    DuplicateWindow window(options);
    absl::flat_hash_map<uint64_t, int64_t> oracle;
    int64_t now = kStart;
    uint64_t next = 0;
    std::deque<uint64_t> recent;
    for (int i = 0; i < 600000; ++i) {
      now += static_cast<int64_t>(random() % 8000);  // 600,000 events in 28 days
      const bool copy = !recent.empty() && random() % 4 == 0;
      const uint64_t fingerprint = copy ? recent[random() % recent.size()] : Fp(next++);
      recent.push_back(fingerprint);
      if (recent.size() > 50000) recent.pop_front();
      const auto found = oracle.find(fingerprint);
      const int64_t age = found == oracle.end() ? -1 : now - found->second;
      const bool is_new = window.Insert(fingerprint, now);
      if (age >= 0 && age <= options.window_ms) {
        ASSERT_FALSE(is_new) << "copy missed after " << age;
      } else if (age < 0 || age > options.window_ms + 2 * kHour) {
        ASSERT_TRUE(is_new) << "new event taken for a copy, age " << age;
      }
      if (is_new) oracle[fingerprint] = now;
      if (i % 10000 == 0) window.TakeChanges();
    }
    window.TakeChanges();
    EXPECT_LT(window.memory_bytes(), window.size() * 20 + 50000);
  }
}

TEST(DuplicateWindowTest, ShrinksTheWindowInsteadOfTakingMoreMemory) {
  DuplicateOptions options;
  options.memory_bytes = 1 << 20;
  DuplicateWindow window(options);
  EXPECT_EQ(window.window_in_force_ms(), 24 * kHour);
  constexpr int kEvents = 500000;
  for (int i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(window.Insert(Fp(static_cast<uint64_t>(i)), kStart + i * 100));
    if (i % 1000 == 0) window.TakeChanges();
  }
  EXPECT_LE(window.size(), window.capacity());
  EXPECT_GE(window.size(), window.capacity() * 9 / 10);
  EXPECT_LT(window.memory_bytes(), (1u << 20) * 5 / 4);
  const int64_t in_force = window.window_in_force_ms();
  EXPECT_LT(in_force, 3 * kHour);
  EXPECT_GT(in_force, kHour);
  // What the window in force promises is kept.
  const int64_t now = kStart + kEvents * 100LL;
  for (int i = kEvents - 1; now - (kStart + i * 100LL) < in_force; i -= 97) {
    ASSERT_FALSE(window.Insert(Fp(static_cast<uint64_t>(i)), now - 100));
  }
}

TEST(DuplicateWindowTest, GoesOnExactlyAfterARestart) {
  for (const size_t memory_bytes : {size_t{64} << 20, size_t{300} << 10}) {
    DuplicateOptions options;
    options.memory_bytes = memory_bytes;
    DuplicateWindow steady(options);
    DuplicateWindow restarted(options);
    Stored stored;
    std::mt19937_64 random(7);
    int64_t now = kStart;
    for (int i = 0; i < 200000; ++i) {
      now += static_cast<int64_t>(random() % 1500);
      const uint64_t fingerprint = Fp(random() % 100000);
      // Some timestamps are absurd.
      const int64_t arrival = random() % 1000 == 0 ? static_cast<int64_t>(random()) : now;
      ASSERT_EQ(steady.Insert(fingerprint, arrival), restarted.Insert(fingerprint, arrival)) << i;
      if (random() % 3000 == 0) Write(&restarted, &stored);
      if (random() % 20000 == 0) {
        Write(&restarted, &stored);
        DuplicateOptions other = options;
        other.seed = random();
        restarted = Read(stored, other);
        ASSERT_EQ(restarted.size(), steady.size());
        ASSERT_EQ(restarted.window_in_force_ms(), steady.window_in_force_ms());
        // Nothing changed, so there is nothing to write.
        const RowChanges none = restarted.TakeChanges();
        ASSERT_TRUE(none.puts.empty() && none.deletes.empty());
      }
    }
    Write(&restarted, &stored);
    Read(stored, options);
    // No rows are left over of what expired: a chunk holds 2048, and a bucket ends with a part of
    // one.
    EXPECT_LE(stored.size(), 1 + steady.size() / DuplicateWindow::kChunkSize + 45);
  }
}

TEST(DuplicateWindowTest, OnlyTheLastChunkIsWrittenAgain) {
  DuplicateWindow window;
  Stored stored;
  for (uint64_t i = 0; i < 5000; ++i) window.Insert(Fp(i), kStart);
  EXPECT_EQ(window.TakeChanges().puts.size(), 4u);  // head, two full, a part
  window.Insert(Fp(5000), kStart);
  const RowChanges changes = window.TakeChanges();
  ASSERT_EQ(changes.puts.size(), 2u);
  EXPECT_EQ(changes.puts[0].value.size(), 1 + 8 * (5001 - 2 * DuplicateWindow::kChunkSize));
  EXPECT_TRUE(window.TakeChanges().puts.empty());
  EXPECT_FALSE(window.Insert(Fp(5000), kStart));
  EXPECT_TRUE(window.TakeChanges().puts.empty());
}

TEST(DuplicateWindowTest, RefusesRowsThatItDidNotWrite) {
  DuplicateWindow window;
  Stored stored;
  for (uint64_t i = 0; i < 5000; ++i) window.Insert(Fp(i), kStart + static_cast<int64_t>(i) * 9999);
  Write(&window, &stored);
  const auto refused = [](const Stored& rows) {
    DuplicateWindow other;
    for (const auto& [key, value] : rows) {
      if (!other.RestoreRow(key, value).ok()) return true;
    }
    return !other.FinishRestore().ok();
  };
  ASSERT_FALSE(refused(stored));
  for (const auto& [key, value] : stored) {
    Stored without = stored;
    without.erase(key);
    EXPECT_TRUE(refused(without));
    Stored cut = stored;
    cut[key] = value.substr(0, value.size() - 1);
    EXPECT_TRUE(refused(cut));
    Stored longer = stored;
    longer[key] += "x";
    EXPECT_TRUE(refused(longer));
    Stored version = stored;
    version[key][0] = 9;
    EXPECT_TRUE(refused(version));
  }
  Stored more = stored;
  more[std::string(12, '\x01')] = "x";
  EXPECT_TRUE(refused(more));
  more = stored;
  more["short"] = "x";
  EXPECT_TRUE(refused(more));
}

}  // namespace
}  // namespace kindred::clean
