#include "recommend/pair_table.h"

#include <malloc.h>

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

constexpr int64_t kDay = 86'400'000;
constexpr int64_t kStart = 20'000 * kDay;

// A customer that touches items one minute apart.
class Customer {
 public:
  explicit Customer(int64_t time_ms) : time_ms_(time_ms) {}
  void Touches(PairTable& table, std::initializer_list<uint32_t> items) {
    for (uint32_t item : items) Touches(table, item);
  }
  void Touches(PairTable& table, uint32_t item, Interaction kind = Interaction::kView) {
    const Touch touch{.item = ItemId(item), .kind = kind, .time_ms = time_ms_};
    table.AddEvent(touch, recent_);
    recent_.insert(recent_.begin(), touch);
    if (recent_.size() > 20) recent_.pop_back();
    time_ms_ += 60'000;
  }
  void Wait(int64_t ms) { time_ms_ += ms; }
  const std::vector<Touch>& recent() const { return recent_; }

 private:
  int64_t time_ms_;
  std::vector<Touch> recent_;
};

struct Pair {
  float symmetric = 0, directed = 0;
};

Pair PairOf(const ItemIndex& index, const PairTable& table, uint32_t item, uint32_t neighbour) {
  const Reclaimer::ReadGuard guard(index.reclaimer());
  const RowView row = table.Row(item);
  for (uint32_t i = 0; i < row.size; ++i) {
    if (row.neighbours[i] == neighbour) {
      return {RowView::Load(row.symmetric + i), RowView::Load(row.directed + i)};
    }
  }
  return {};
}

DecayOptions NoDecay() {
  return {.relation_half_life_days = 10'000, .popularity_half_life_days = 10'000};
}

std::map<uint32_t, std::string> Rows(const PairTable& table) {
  std::map<uint32_t, std::string> rows;
  table.ForEachRow(
      [&](ItemId item, absl::string_view bytes) { rows[item.value()] = std::string(bytes); });
  return rows;
}

TEST(PairTableTest, SumsEqualThoseOfWholeSessions) {
  std::mt19937 random(7);
  ItemIndex index(NoDecay());
  PairTable table(PartitionId(0), {}, &index);
  std::map<std::pair<uint32_t, uint32_t>, double> together, directed;
  std::map<uint32_t, double> sessions_with;
  for (int s = 0; s < 500; ++s) {
    Customer customer(kStart + s * 1000);
    std::vector<uint32_t> session(2 + random() % 10);
    for (uint32_t& item : session) item = 1 + random() % 30;
    for (uint32_t item : session) customer.Touches(table, item);
    const std::set<uint32_t> distinct(session.begin(), session.end());
    for (uint32_t a : distinct) {
      ++sessions_with[a];
      for (uint32_t b : distinct) {
        if (a != b) ++together[{a, b}];
      }
    }
    for (size_t i = 0; i < session.size(); ++i) {
      for (size_t gap = 1; gap <= 8 && i + gap < session.size(); ++gap) {
        const uint32_t a = session[i], b = session[i + gap];
        if (a != b) directed[{a, b}] += 1.0 / static_cast<double>(gap);
      }
    }
  }
  const double weight = index.RelationWeight(kStart);
  for (uint32_t a = 1; a <= 30; ++a) {
    EXPECT_NEAR(index.Support(ItemId(a), kStart), sessions_with[a], 0.01);
    for (uint32_t b = 1; b <= 30; ++b) {
      if (a == b) continue;
      const Pair pair = PairOf(index, table, a, b);
      EXPECT_NEAR(pair.symmetric / weight, (together[{a, b}]), 0.01) << a << ' ' << b;
      EXPECT_NEAR(pair.directed / weight, (directed[{a, b}]), 0.01) << a << ' ' << b;
    }
  }
}

TEST(PairTableTest, WithoutPairsAllElseIsTheSame) {
  const auto learn = [](bool pairs, ItemIndex* index) {
    PairOptions options;
    options.learn_pairs = pairs;
    auto table = std::make_unique<PairTable>(PartitionId(0), options, index);
    std::mt19937 random(11);
    for (int s = 0; s < 200; ++s) {
      Customer customer(kStart + s * 1000);
      for (uint32_t i = 0; i < 2 + random() % 10; ++i) customer.Touches(*table, 1 + random() % 30);
    }
    return table;
  };
  ItemIndex index, index_without;
  const auto with = learn(true, &index);
  const auto without = learn(false, &index_without);
  for (uint32_t item = 1; item <= 30; ++item) {
    EXPECT_GT(with->Row(item).size, 0u) << item;
    EXPECT_EQ(without->Row(item).size, 0u) << item;
    EXPECT_EQ(index_without.Support(ItemId(item), kStart), index.Support(ItemId(item), kStart));
    EXPECT_EQ(index_without.Popularity(ItemId(item), kStart),
              index.Popularity(ItemId(item), kStart));
  }
  EXPECT_EQ(without->events(), with->events());
  EXPECT_LT(without->memory_bytes(), with->memory_bytes());
}

TEST(PairTableTest, ANewVisitStartsANewSession) {
  ItemIndex index(NoDecay());
  PairTable table(PartitionId(0), {}, &index);
  Customer customer(kStart);
  customer.Touches(table, {1, 2});
  customer.Wait(31 * 60'000);
  customer.Touches(table, {3, 2});
  EXPECT_GT(PairOf(index, table, 1, 2).symmetric, 0);
  EXPECT_EQ(PairOf(index, table, 1, 3).symmetric, 0);
  EXPECT_EQ(PairOf(index, table, 1, 3).directed, 0);
  EXPECT_NEAR(index.Support(ItemId(2), kStart), 2, 0.01);
}

TEST(PairTableTest, AnEventOfOneHalfLifeLaterWeighsTwice) {
  ItemIndex index({.relation_half_life_days = 30, .popularity_half_life_days = 10});
  PairTable table(PartitionId(0), {}, &index);
  Customer(kStart).Touches(table, {1, 2});
  Customer(kStart + 30 * kDay).Touches(table, {3, 4});
  EXPECT_FLOAT_EQ(PairOf(index, table, 3, 4).symmetric, 2 * PairOf(index, table, 1, 2).symmetric);
  EXPECT_NEAR(index.Support(ItemId(1), kStart + 30 * kDay), 0.5, 1e-3);
  EXPECT_NEAR(index.Popularity(ItemId(1), kStart + 30 * kDay), 0.125, 1e-3);
}

TEST(PairTableTest, RestoredRowsAreTheSameAndGoOnTheSame) {
  ItemIndex index, restored_index;
  PairTable table(PartitionId(3), {.max_neighbours = 16}, &index);
  std::map<uint32_t, std::string> stored;
  const auto put = [&](ItemId item, absl::string_view bytes) {
    stored[item.value()] = std::string(bytes);
  };
  std::mt19937 random(11);
  const auto play = [](PairTable& to, std::mt19937& dice, int sessions) {
    for (int s = 0; s < sessions; ++s) {
      Customer customer(kStart + static_cast<int64_t>(dice() % 100) * kDay);
      for (int i = 0; i < 6; ++i) customer.Touches(to, 1 + dice() % 120);
    }
  };
  play(table, random, 300);
  table.TakeDirty(put);
  EXPECT_FALSE(table.has_dirty());
  play(table, random, 300);
  table.TakeDirty(put);
  EXPECT_EQ(stored, Rows(table));
  EXPECT_GT(table.pruned_pairs(), 0u);

  PairTable restored(PartitionId(3), {.max_neighbours = 16}, &restored_index);
  ASSERT_TRUE(restored.RestoreHeader(table.EncodeHeader()).ok());
  for (const auto& [item, bytes] : stored) {
    ASSERT_TRUE(restored.RestoreRow(ItemId(item), bytes).ok());
  }
  EXPECT_FALSE(restored.has_dirty());
  EXPECT_EQ(Rows(restored), stored);
  std::mt19937 same = random;
  play(table, random, 200);
  play(restored, same, 200);
  EXPECT_EQ(Rows(restored), Rows(table));
  EXPECT_EQ(restored.EncodeHeader(), table.EncodeHeader());
  EXPECT_NEAR(restored_index.Support(ItemId(5), kStart), index.Support(ItemId(5), kStart), 1e-6);
}

// A partition's rows are a function of its own events: neither what other partitions brought before
// nor a restart in between shows in them.
TEST(PairTableTest, StoredRowsDoNotKnowTheOtherPartitions) {
  const auto play = [](PairTable& to, uint32_t seed) {
    std::mt19937 dice(seed);
    for (int s = 0; s < 200; ++s) {
      Customer customer(kStart + static_cast<int64_t>(dice() % 400) * kDay / 3);
      for (int i = 0; i < 6; ++i) customer.Touches(to, 1 + dice() % 90);
    }
  };
  ItemIndex alone_index;
  PairTable alone(PartitionId(1), {.max_neighbours = 16}, &alone_index);
  alone.AddEvent({.item = ItemId(3), .time_ms = kStart}, {});
  alone.AddEvent({.item = ItemId(3), .time_ms = kStart}, {}, -1);
  play(alone, 1);
  play(alone, 2);
  for (const int64_t days : {-2000, -97, 1, 3000}) {
    ItemIndex index;
    PairTable other(PartitionId(0), {}, &index),
        table(PartitionId(1), {.max_neighbours = 16}, &index);
    Customer(kStart + days * kDay + 12'345).Touches(other, {7, 8});
    // Nothing but zeros in sums says nothing of the base either.
    ItemIndex first_index;
    PairTable first(PartitionId(1), {.max_neighbours = 16}, &first_index);
    for (PairTable* to : {&first, &table}) to->AddEvent({.item = ItemId(3), .time_ms = kStart}, {});
    EXPECT_EQ(table.EncodeHeader(), first.EncodeHeader());
    for (PairTable* to : {&first, &table}) {
      to->AddEvent({.item = ItemId(3), .time_ms = kStart}, {}, -1);  // taken back
    }
    EXPECT_EQ(Rows(table), Rows(first));
    play(table, 1);
    EXPECT_NE(index.base_ms(), alone_index.base_ms());
    ItemIndex restarted_index;
    restarted_index.SetBase(kStart - 500 * kDay);
    PairTable restarted(PartitionId(1), {.max_neighbours = 16}, &restarted_index);
    ASSERT_TRUE(restarted.RestoreHeader(table.EncodeHeader()).ok());
    for (const auto& [item, bytes] : Rows(table)) {
      ASSERT_TRUE(restarted.RestoreRow(ItemId(item), bytes).ok());
    }
    EXPECT_FALSE(restarted.has_dirty());
    play(restarted, 2);
    EXPECT_EQ(Rows(restarted), Rows(alone)) << days;
    EXPECT_EQ(restarted.EncodeHeader(), alone.EncodeHeader()) << days;
  }
}

TEST(PairTableTest, OtherHalfLivesKeepThePresentWeight) {
  ItemIndex index({.relation_half_life_days = 30, .popularity_half_life_days = 7});
  PairTable table(PartitionId(0), {}, &index);
  Customer(kStart).Touches(table, {1, 2});
  Customer(kStart + 15 * kDay).Touches(table, {1, 3});
  const int64_t newest = kStart + 15 * kDay + 60'000;
  ItemIndex other({.relation_half_life_days = 90, .popularity_half_life_days = 14});
  PairTable moved(PartitionId(0), {}, &other);
  ASSERT_TRUE(moved.RestoreHeader(table.EncodeHeader()).ok());
  for (const auto& [item, bytes] : Rows(table)) {
    ASSERT_TRUE(moved.RestoreRow(ItemId(item), bytes).ok());
  }
  EXPECT_TRUE(moved.has_dirty());
  for (uint32_t item : {1, 2, 3}) {
    EXPECT_NEAR(other.Support(ItemId(item), newest), index.Support(ItemId(item), newest), 1e-6);
    EXPECT_NEAR(other.Popularity(ItemId(item), newest), index.Popularity(ItemId(item), newest),
                1e-6);
  }
  // From here on the new half-life counts.
  EXPECT_NEAR(other.Support(ItemId(3), newest + 90 * kDay), 0.5, 1e-3);
}

TEST(PairTableTest, DamagedBytesAreRefused) {
  ItemIndex index;
  PairTable table(PartitionId(0), {}, &index);
  for (int s = 0; s < 20; ++s) Customer(kStart).Touches(table, {1, 2, 3, 4, 5, 6});
  const std::string header = table.EncodeHeader();
  const std::string row = Rows(table)[1];
  const auto restore = [&](absl::string_view header_bytes, absl::string_view row_bytes) {
    ItemIndex fresh;
    PairTable empty(PartitionId(0), {}, &fresh);
    if (const absl::Status status = empty.RestoreHeader(header_bytes); !status.ok()) return status;
    return empty.RestoreRow(ItemId(1), row_bytes);
  };
  ASSERT_TRUE(restore(header, row).ok());
  for (size_t length = 0; length < header.size(); ++length) {
    EXPECT_EQ(restore(header.substr(0, length), row).code(), absl::StatusCode::kDataLoss);
  }
  for (size_t length = 0; length < row.size(); ++length) {
    EXPECT_EQ(restore(header, row.substr(0, length)).code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(restore(header, row + "x").code(), absl::StatusCode::kDataLoss);
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {  // must not crash, whatever it says
    std::string damaged = row;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    std::string damaged_header = header;
    damaged_header[random() % damaged_header.size()] = static_cast<char>(random());
    restore(header, damaged).IgnoreError();
    restore(damaged_header, row).IgnoreError();
  }
  ItemIndex twice_index;
  PairTable twice(PartitionId(1), {}, &twice_index);
  ASSERT_TRUE(twice.RestoreHeader(header).ok());
  ASSERT_TRUE(twice.RestoreRow(ItemId(1), row).ok());
  EXPECT_EQ(twice.RestoreRow(ItemId(1), row).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(twice.RestoreRow(ItemId(0), row).code(), absl::StatusCode::kDataLoss);
}

TEST(PairTableTest, AFullRowKeepsItsStrongestPairs) {
  ItemIndex index(NoDecay());
  PairTable table(PartitionId(0), {.max_neighbours = 16}, &index);
  for (int s = 0; s < 5; ++s) {
    for (uint32_t friend_item = 2; friend_item < 10; ++friend_item) {
      Customer(kStart).Touches(table, {1, friend_item});
    }
  }
  for (uint32_t item = 100; item < 400; ++item) Customer(kStart).Touches(table, {1, item});
  const Reclaimer::ReadGuard guard(index.reclaimer());
  EXPECT_LE(table.Row(1).size, 32u);
  for (uint32_t friend_item = 2; friend_item < 10; ++friend_item) {
    EXPECT_GT(PairOf(index, table, 1, friend_item).symmetric, 0) << friend_item;
  }
  EXPECT_GT(PairOf(index, table, 1, 399).symmetric, 0) << "the newest pair";
}

// What malloc has handed out and not got back; 0: a sanitizer's malloc, which does not tell.
size_t Allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(PairTableTest, MemoryStaysUnderItsBound) {
  constexpr size_t kBound = 4 << 20;
  ItemIndex index;
  PairTable table(PartitionId(0), {.max_neighbours = 256, .max_bytes = kBound}, &index);
  std::mt19937 random(5);
  size_t most = 0;
  for (int s = 0; s < 40'000; ++s) {
    Customer customer(kStart + s * 1000);
    for (int i = 0; i < 8; ++i) {
      customer.Touches(table, 1 + random() % 3000);
      most = std::max(most, table.memory_bytes());
    }
  }
  EXPECT_LE(most, kBound);
  EXPECT_GT(most, kBound / 2) << "what there is is used";
  EXPECT_GT(table.pruned_pairs(), 0u);
  EXPECT_EQ(Rows(table).size(), 3000u) << "short rows of all";
}

// Rows change, are pruned, leave and come back while a checkpoint is collected.
TEST(PairTableTest, ACheckpointInPiecesIsTheTableAsItWasAtItsBeginning) {
  ItemIndex index;
  PairTable table(PartitionId(0), {.max_neighbours = 64, .max_bytes = 256 << 10}, &index);
  std::mt19937 random(3);
  const auto play = [&](int sessions) {
    for (int s = 0; s < sessions; ++s) {
      Customer customer(kStart + static_cast<int64_t>(table.events()) * 1000);
      const uint32_t theme = 1 + random() % 4000;
      for (int i = 0; i < 6; ++i) customer.Touches(table, theme + random() % 60);
    }
  };
  std::map<uint32_t, std::string> stored;
  size_t gone = 0;
  for (int round = 0; round < 60; ++round) {
    play(40);
    const std::map<uint32_t, std::string> before = Rows(table);
    table.BeginCheckpoint([&](ItemId item, absl::string_view row) {
      gone += row.empty();
      if (row.empty()) {
        stored.erase(item.value());
      } else {
        stored[item.value()] = std::string(row);
      }
    });
    while (table.CollectRows(random() % 50)) play(2);
    ASSERT_EQ(stored, before) << "round " << round;
  }
  EXPECT_GT(gone, 100u);
  EXPECT_GT(table.pruned_pairs(), 0u);
}

TEST(PairTableTest, FarMoreItemsThanTheBoundHoldsLeaveTheNewestAndTheMostMet) {
  constexpr size_t kBound = 1 << 20;
  constexpr uint32_t kItems = 200'000;
  ItemIndex index;
  PairTable table(PartitionId(0), {.max_bytes = kBound}, &index);
  size_t most = 0, stored = 0, deleted = 0;
  for (uint32_t item = 10; item < kItems; item += 2) {
    Customer(kStart + item * 10'000).Touches(table, {1, item, item + 1});
    most = std::max(most, table.memory_bytes());
    if (item % 5000 != 0) continue;
    table.TakeDirty([&](ItemId, absl::string_view row) { ++(row.empty() ? deleted : stored); });
  }
  EXPECT_LE(most, kBound);
  EXPECT_GT(stored, size_t{kItems} / 2);
  EXPECT_GT(deleted, size_t{kItems} / 2);
  const Reclaimer::ReadGuard guard(index.reclaimer());
  EXPECT_GT(table.Row(1).size, 0u) << "in every session";
  EXPECT_GT(table.Row(kItems - 2).size, 0u) << "the newest";
  EXPECT_EQ(table.Row(100).size, 0u);
  EXPECT_FALSE(index.Known(ItemId(100)));
  // What is left is what a restart finds.
  ItemIndex restored_index;
  PairTable restored(PartitionId(0), {.max_bytes = kBound}, &restored_index);
  ASSERT_TRUE(restored.RestoreHeader(table.EncodeHeader()).ok());
  for (const auto& [item, row] : Rows(table)) {
    ASSERT_TRUE(restored.RestoreRow(ItemId(item), row).ok());
  }
  for (uint32_t item = kItems; item < kItems + 20'000; item += 2) {
    for (PairTable* one : {&table, &restored}) {
      Customer(kStart + item * 10'000).Touches(*one, {1, item, item + 1});
    }
  }
  EXPECT_EQ(Rows(table), Rows(restored));
}

TEST(PairTableTest, MemoryIsWhatWasAllocated) {
  const size_t before = Allocated();
  auto index = std::make_unique<ItemIndex>();
  auto table = std::make_unique<PairTable>(PartitionId(0), PairOptions{}, index.get());
  std::mt19937 random(5);
  for (int s = 0; s < 20'000; ++s) {
    Customer customer(kStart + s * 1000);
    for (int i = 0; i < 6; ++i) customer.Touches(*table, 1 + random() % 5000);
  }
  const size_t counted = table->memory_bytes() + index->memory_bytes();
  const size_t allocated = before == 0 ? counted : Allocated() - before;
  EXPECT_GT(counted, size_t{5} << 20);
  EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(allocated), 0.1 * allocated);
}

TEST(PairTableTest, APartitionThatLeavesTakesItsSumsAlong) {
  ItemIndex index;
  auto stays = std::make_shared<PairTable>(PartitionId(0), PairOptions{}, &index);
  auto leaves = std::make_shared<PairTable>(PartitionId(1), PairOptions{}, &index);
  index.Attach(stays);
  index.Attach(leaves);
  Customer(kStart).Touches(*stays, {1, 2});
  const double support = index.Support(ItemId(1), kStart);
  const double popularity = index.Popularity(ItemId(1), kStart);
  for (int i = 0; i < 10; ++i) Customer(kStart).Touches(*leaves, {1, 3});
  EXPECT_NEAR(index.Support(ItemId(1), kStart), 11 * support, 0.01);
  index.Detach(PartitionId(1));
  EXPECT_NEAR(index.Support(ItemId(1), kStart), support, 1e-9);
  EXPECT_NEAR(index.Popularity(ItemId(1), kStart), popularity, 1e-9);
  EXPECT_EQ(index.Support(ItemId(3), kStart), 0);
  EXPECT_EQ(index.tables()->size(), 1u);
}

TEST(PairTableTest, ReadersNeverSeeBrokenRowsWhileTheWriterGrowsThem) {
  ItemIndex index;
  auto table =
      std::make_shared<PairTable>(PartitionId(0), PairOptions{.max_neighbours = 16}, &index);
  index.Attach(table);
  Customer(kStart).Touches(*table, {1, 2});
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  const Recommender recommender;
  std::atomic<uint64_t> answers{0};
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      Answer answer;
      const Touch seen[] = {{.item = ItemId(1), .kind = Interaction::kView, .time_ms = kStart}};
      while (!stop.load()) {
        recommender.Recommend({.now_ms = kStart, .recent = seen}, index, &answer);
        ASSERT_FALSE(answer.items.empty());
        for (const RankedItem& ranked : answer.items) {
          ASSERT_GT(ranked.item.value(), 0u);
          ASSERT_LE(ranked.item.value(), 200u);
          ASSERT_TRUE(std::isfinite(ranked.score));
        }
        answers.fetch_add(1);
      }
    });
  }
  std::mt19937 random(1);
  for (int s = 0; s < 20'000 || answers.load() < 100; ++s) {
    Customer(kStart).Touches(*table, {1, static_cast<uint32_t>(2 + random() % 199)});
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace kindred::recommend
