#include "node/partition.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/attribution_token.h"
#include "node/dead_letter.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

SharedOptions OnePartition() {
  SharedOptions options;
  options.partition_count = 1;
  return options;
}

std::string Purchase(const std::string& id, const std::string& user, const std::string& item,
                     double price, int64_t time_ms) {
  return TestEvent(id, user, "purchase", time_ms,
                   absl::StrCat("\"item_id\":\"", item, "\",\"quantity\":1,\"price\":", price,
                                ",\"currency\":\"USD\",\"category\":\"tea\",\"brand\":\"b",
                                item.size(), "\",\"channel\":\"web\""));
}

std::string View(const std::string& id, const std::string& user, const std::string& item,
                 int64_t time_ms) {
  return TestEvent(id, user, "view", time_ms, absl::StrCat("\"item_id\":\"", item, "\""));
}

std::vector<DeadLetter> StoredDeadLetters(const store::Store& store, int32_t partition = 0) {
  std::vector<DeadLetter> letters;
  const absl::Status status = store.ForEachOutbox(PartitionId(partition), 0, 1000,
                                                  [&](uint64_t sequence, absl::string_view bytes) {
                                                    EXPECT_EQ(sequence, letters.size() + 1);
                                                    auto letter = DecodeDeadLetter(bytes);
                                                    if (letter.ok())
                                                      letters.push_back(*std::move(letter));
                                                    return letter.status();
                                                  });
  EXPECT_TRUE(status.ok()) << status;
  return letters;
}

// Everything stored of a partition and the node, as read back.
std::map<std::string, std::string> Dump(const store::Store& store, int32_t partition = 0) {
  std::map<std::string, std::string> dump;
  for (const store::Table table : store::kAllTables) {
    if (table == store::Table::kStore) continue;
    for (const PartitionId scope : {PartitionId(partition), store::kNodeScope}) {
      const store::Scope allowed = store::ScopeOf(table);
      if (allowed == store::Scope::kNode && scope != store::kNodeScope) continue;
      if (allowed == store::Scope::kPartition && scope == store::kNodeScope) continue;
      const absl::Status status =
          store.ForEach(table, scope, [&](absl::string_view id, absl::string_view value) {
            dump[absl::StrCat(store::TableName(table), "/", scope.value(), "/", id)] =
                std::string(value);
            return absl::OkStatus();
          });
      EXPECT_TRUE(status.ok()) << status;
    }
  }
  return dump;
}

class PartitionTest : public ::testing::Test {
 protected:
  void Restart(size_t profile_bytes = SIZE_MAX) {
    state_.reset();
    state_ = std::make_unique<TestState>(options_, environment_, profile_bytes);
  }
  TestState& state() {
    if (state_ == nullptr) Restart();
    return *state_;
  }

  SharedOptions options_ = OnePartition();
  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  std::unique_ptr<TestState> state_;
};

TEST_F(PartitionTest, RecordsBecomeAProfile) {
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs - 2000));
  state().Feed("u-1", Purchase("e-2", "u-1", "sku-1", 9.5, kTestTimeMs - 1000));
  bool visited = false;
  const auto found = state().partition().Visit(
      "u-1", profile::CustomerMap::Hash("u-1"), *state().cold,
      [&](const profile::Profile& profile) {
        visited = true;
        EXPECT_EQ(profile.event_count(), 2u);
        EXPECT_EQ(profile.event_count(event::EventType::kPurchase), 1u);
        EXPECT_EQ(profile.purchases().total_micros, 9'500'000);
        EXPECT_EQ(profile.first_seen_ms(), kTestTimeMs - 2000);
        EXPECT_EQ(profile.last_seen_ms(), kTestTimeMs - 1000);
        ASSERT_THAT(profile.recent_items(), SizeIs(2));
        EXPECT_EQ(state().shared->items.names().Name(profile.recent_items()[0].item.value()),
                  "sku-1");
      });
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(*found && visited);
  EXPECT_EQ(state().partition().next_offset().value(), 2);
  EXPECT_EQ(state().partition().newest_event_ms(), kTestTimeMs - 1000);
  EXPECT_EQ(state().quality().accepted, 2u);
  EXPECT_EQ(state().Bytes("stranger"), "");
}

TEST_F(PartitionTest, RejectedRecordsWaitInTheOutboxWithTheirOriginalBytes) {
  state().Feed("u-1", "{\"event_id\": truncated");
  state().Feed("u-1", TestEvent("e-2", "u-1", "view", kTestTimeMs, ""));
  state().Feed("u-1", View("e-3", "u-1", "sku-1", kTestTimeMs));
  EXPECT_EQ(state().partition().figures().outbox_pending, 2u);
  EXPECT_THAT(StoredDeadLetters(*state().store), SizeIs(0)) << "nothing before the checkpoint";
  ASSERT_TRUE(state().Checkpoint());
  const std::vector<DeadLetter> letters = StoredDeadLetters(*state().store);
  ASSERT_THAT(letters, SizeIs(2));
  EXPECT_EQ(letters[0].reason, "malformed");
  EXPECT_EQ(letters[0].stage, "decode");
  EXPECT_EQ(letters[0].value, "{\"event_id\": truncated");
  EXPECT_EQ(letters[0].key, "u-1");
  EXPECT_THAT(letters[0].headers, ElementsAre(Pair("trace", "t-1")));
  EXPECT_EQ(letters[0].Id(), "events/0/0/0");
  EXPECT_EQ(letters[1].reason, "missing_item");
  EXPECT_EQ(letters[1].stage, "clean");
  EXPECT_EQ(letters[1].offset.value(), 1);
  EXPECT_EQ(state().quality().rejected_total(), 2u);
  EXPECT_EQ(state().quality().read, 3u);

  Restart();
  EXPECT_EQ(state().partition().figures().outbox_pending, 2u) << "still not acknowledged";
  const uint64_t first[] = {1};
  ASSERT_TRUE(state().store->DeleteOutbox(PartitionId(0), first).ok());
  Restart();
  EXPECT_EQ(state().partition().figures().outbox_pending, 1u);
}

TEST_F(PartitionTest, CopiesAreDroppedAlsoAfterARestart) {
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  EXPECT_EQ(state().quality().duplicates, 1u);
  state().Checkpoint();
  const std::string before = state().Bytes("u-1");
  Restart();
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  EXPECT_EQ(state().quality().duplicates, 2u);
  EXPECT_EQ(state().quality().accepted, 1u);
  EXPECT_EQ(state().Bytes("u-1"), before);
  // A day and more later the id is forgotten.
  const int64_t later = kTestTimeMs + 26 * 3'600'000;
  for (int i = 0; i < 70; ++i) {
    state().Feed("u-2", View(absl::StrCat("f-", i), "u-2", "sku-1", later), 0, later);
  }
  state().Feed("u-1", View("e-1", "u-1", "sku-1", later), 0, later);
  EXPECT_EQ(state().quality().duplicates, 2u);
}

TEST_F(PartitionTest, ARejectionIsToldOnceAndAMendedEventCounts) {
  state().Feed("u-1", TestEvent("e-1", "u-1", "view", kTestTimeMs, ""));
  ASSERT_TRUE(state().Checkpoint());
  Restart();
  state().Feed("u-1", TestEvent("e-1", "u-1", "view", kTestTimeMs, ""));
  EXPECT_EQ(state().quality().rejected_total(), 1u);
  EXPECT_EQ(state().quality().duplicates, 1u);
  ASSERT_TRUE(state().Checkpoint());
  EXPECT_THAT(StoredDeadLetters(*state().store), SizeIs(1));
  // Another fault under the same id is news; so is the event when it is in order.
  state().Feed("u-1", TestEvent("e-1", "u-1", "", kTestTimeMs, ""));
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  EXPECT_EQ(state().quality().rejected_total(), 2u);
  EXPECT_EQ(state().quality().duplicates, 1u);
  EXPECT_EQ(state().quality().accepted, 1u);
}

TEST_F(PartitionTest, RedeliveredOffsetsAreDroppedAndGapsCounted) {
  std::vector<stream::RawRecord> records;
  for (const int64_t offset : {100, 101, 105}) {
    records.push_back(TestRecord(
        0, offset, "u-1", View(absl::StrCat("e-", offset), "u-1", "sku-1", kTestTimeMs + offset)));
  }
  ASSERT_TRUE(state().Apply(records).ok());
  EXPECT_EQ(state().partition().next_offset().value(), 106);
  EXPECT_EQ(state().quality().skipped_offsets, 3u) << "where the log begins is no gap";
  const std::string before = state().Bytes("u-1");
  const clean::QualityCounts counts = state().quality();
  ASSERT_TRUE(state().Apply(records).ok());
  EXPECT_EQ(state().Bytes("u-1"), before);
  EXPECT_EQ(state().quality(), counts) << "a redelivered record is not even read";
  EXPECT_EQ(state().partition().next_offset().value(), 106);
}

// A mixed history; the same for the same `begin`.
void FeedHistory(TestState* state, int begin, int end) {
  for (int i = begin; i < end; ++i) {
    const std::string user = absl::StrCat("u-", i * 7 % 13);
    const std::string item = absl::StrCat("sku-", i * 5 % 11);
    const int64_t time = kTestTimeMs + i * 60'000;
    if (i % 17 == 3) {
      state->Feed(user, "not json at all", 0, time);
    } else if (i % 11 == 5) {
      // A copy of an earlier event.
      state->Feed(user,
                  View(absl::StrCat("e-", i - 4), absl::StrCat("u-", (i - 4) * 7 % 13), item, time),
                  0, time);
    } else if (i % 3 == 0) {
      // Now and then a price that is far from usual.
      const double price = i % 39 == 0 ? 900 : 10 + i % 3;
      state->Feed(user, Purchase(absl::StrCat("e-", i), user, item, price, time), 0, time);
    } else if (i % 97 == 50) {
      state->Feed(user, TestEvent(absl::StrCat("e-", i), user, "delete", time, ""), 0, time);
    } else if (i % 13 == 4) {
      state->Feed(user,
                  TestEvent(absl::StrCat("e-", i), user, "rating", time,
                            absl::StrCat("\"item_id\":\"", item, "\",\"rating\":", i % 5 + 1)),
                  0, time);
    } else if (i % 13 == 7) {
      AttributionToken token;
      token.time_ms = time;
      token.variant = "b";
      token.items.push_back({AttributionMark(item), 1});
      state->Feed(user,
                  TestEvent(absl::StrCat("e-", i), user, "click", time,
                            absl::StrCat("\"item_id\":\"", item,
                                         "\",\"properties\":{\"attribution_token\":\"",
                                         EncodeAttributionToken(token), "\"}")),
                  0, time);
    } else {
      state->Feed(user, View(absl::StrCat("e-", i), user, item, time), 0, time);
    }
  }
}

TEST_F(PartitionTest, RestoredStateGoesOnExactlyAsIfNothingHadHappened) {
  TestState steady(options_, store::NewMemoryEnvironment());
  FeedHistory(&steady, 0, 400);
  steady.Checkpoint();
  for (const int stop : {60, 61, 200, 333}) {
    FeedHistory(&state(), static_cast<int>(state().partition().next_offset().value()), stop);
    state().Checkpoint();
    Restart();
    EXPECT_EQ(state().partition().next_offset().value(), stop);
    EXPECT_EQ(state().partition().stored_offset().value(), stop);
  }
  FeedHistory(&state(), 333, 350);
  Restart();  // without a checkpoint: state and position go back together
  EXPECT_EQ(state().partition().next_offset().value(), 333);
  FeedHistory(&state(), 333, 400);
  state().Checkpoint();
  EXPECT_EQ(state().quality(), steady.quality());
  EXPECT_GT(steady.quality().duplicates, 0u);
  EXPECT_GT(steady.quality().rejected_total(), 0u);
  EXPECT_GT(steady.quality().flagged[1], 0u) << "outlier prices: the price book is restored too";
  EXPECT_EQ(state().partition().figures().customers, steady.partition().figures().customers);
  // Profiles, duplicates, prices, relations, series, sample, hours of data quality, ratings, what
  // recommendations led to, names, outbox, head: byte for byte.
  const auto expected = Dump(*steady.store);
  for (const char* kind : {"series/0/", "meta/0/sample/", "quality/0/hours/", "quality/0/sources",
                           "meta/0/ratings/", "meta/0/attribution/"}) {
    EXPECT_THAT(expected, Contains(Pair(HasSubstr(kind), ::testing::_))) << kind;
  }
  const auto actual = Dump(*state().store);
  ASSERT_EQ(expected.size(), actual.size());
  for (const auto& [key, value] : expected) {
    ASSERT_TRUE(actual.count(key) != 0) << key;
    EXPECT_TRUE(actual.at(key) == value) << key;
  }
  EXPECT_THAT(expected, Contains(Pair(HasSubstr("profile/0/u-1"), ::testing::_)));
}

TEST_F(PartitionTest, TheSampleIsTheSameWhateverWasInMemoryAndWhenItStopped) {
  // A year of purchases; one node never stops nor evicts, the other does both all the time.
  constexpr int64_t kDayMs = 86'400'000;
  const auto feed = [](TestState* to, int i) {
    const std::string user = absl::StrCat("u-", i % 23);
    const int64_t time = kTestTimeMs + i * kDayMs;
    if (i % 97 == 96) {
      to->Feed(user, TestEvent(absl::StrCat("d-", i), user, "delete", time, ""), 0, time);
    } else {
      to->Feed(user,
               Purchase(absl::StrCat("e-", i), user, absl::StrCat("sku-", i % 5), 5 + i % 3, time),
               0, time);
    }
  };
  TestState steady(options_, store::NewMemoryEnvironment());
  for (int i = 0; i < 365; ++i) {
    feed(&steady, i);
    feed(&state(), i);
    if (i % 5 == 0) {
      state().Checkpoint();
      state().partition().Evict(0);
    }
    if (i % 60 == 59) {
      state().Checkpoint();
      Restart(/*profile_bytes=*/0);
    }
  }
  steady.Checkpoint();
  state().Checkpoint();
  EXPECT_EQ(state().partition().outcomes_known_ms(), steady.partition().outcomes_known_ms());
  const auto rows = [](const TestState& of) {
    std::map<std::string, std::string> kept;
    for (const auto& [key, value] : Dump(*of.store)) {
      if (key.find("/sample/") != std::string::npos) kept[key] = value;
    }
    return kept;
  };
  EXPECT_THAT(rows(steady), SizeIs(::testing::Ge(20u)));
  EXPECT_EQ(rows(state()), rows(steady));
  // A step that needs a customer who cannot be read changes nothing, and may be repeated.
  state().Checkpoint();
  state().partition().Evict(0);
  state().cold->failure = absl::UnavailableError("disk");
  const int64_t later = kTestTimeMs + 400 * kDayMs;
  std::vector<stream::RawRecord> records;
  records.push_back(TestRecord(0, state().partition().next_offset().value(), "new",
                               View("e-new", "new", "sku-1", later), later));
  const int64_t known_ms = state().partition().outcomes_known_ms();
  EXPECT_FALSE(state().Apply(records).ok());
  EXPECT_EQ(state().partition().outcomes_known_ms(), known_ms);
  state().cold->failure = absl::OkStatus();
  EXPECT_TRUE(state().Apply(records).ok());
  EXPECT_GT(state().partition().outcomes_known_ms(), known_ms);
}

TEST_F(PartitionTest, EvictedCustomersAreReadBack) {
  for (int i = 0; i < 50; ++i) {
    const std::string user = absl::StrCat("u-", i);
    state().Feed(user, Purchase(absl::StrCat("e-", i), user, "sku-1", 5, kTestTimeMs));
  }
  const std::string before = state().Bytes("u-7");
  state().Checkpoint();
  state().partition().Evict(0);
  EXPECT_EQ(state().partition().figures().customers_in_memory, 0u);
  EXPECT_EQ(state().partition().figures().customers, 50u);
  EXPECT_EQ(state().Bytes("u-7"), before);
  EXPECT_FALSE(state().partition().InMemory("u-7", profile::CustomerMap::Hash("u-7")))
      << "a look from outside must not fill memory";
  state().Feed("u-7", Purchase("late", "u-7", "sku-2", 5, kTestTimeMs));
  EXPECT_TRUE(state().partition().InMemory("u-7", profile::CustomerMap::Hash("u-7")));
  EXPECT_EQ(state().partition().figures().customers, 50u);
  const auto check = [](const profile::Profile& profile) {
    EXPECT_EQ(profile.purchases().lines, 2u);
  };
  ASSERT_TRUE(
      *state().partition().Visit("u-7", profile::CustomerMap::Hash("u-7"), *state().cold, check));
  // A start with room for none of them.
  state().Checkpoint();
  Restart(/*profile_bytes=*/0);
  EXPECT_EQ(state().partition().figures().customers_in_memory, 0u);
  ASSERT_TRUE(
      *state().partition().Visit("u-7", profile::CustomerMap::Hash("u-7"), *state().cold, check));
  state().Feed("u-8", Purchase("later", "u-8", "sku-2", 5, kTestTimeMs));
  EXPECT_EQ(state().partition().figures().customers, 50u);
}

TEST_F(PartitionTest, AnUnreadableCustomerStopsBeforeItsRecordAndMayBeRepeated) {
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  state().Feed("u-2", View("e-2", "u-2", "sku-1", kTestTimeMs));
  state().Checkpoint();
  state().partition().Evict(0);
  // A record of several events whose customers are not those of its key.
  const std::string order =
      R"({"type":"track","event":"Order Completed","messageId":"m-1","userId":"u-2",)"
      R"("timestamp":"2025-10-09T08:00:00Z","properties":{"order_id":"o-1","currency":"USD",)"
      R"("products":[{"product_id":"a","price":1,"quantity":1},)"
      R"({"product_id":"b","price":2,"quantity":1}]}})";
  std::vector<stream::RawRecord> records;
  records.push_back(TestRecord(0, 2, "u-9", View("e-3", "u-9", "sku-1", kTestTimeMs)));
  records.push_back(TestRecord(0, 3, "u-9", order));
  state().cold->failure = absl::UnavailableError("disk");
  EXPECT_TRUE(absl::IsUnavailable(state().Apply(records)));
  EXPECT_EQ(state().partition().next_offset().value(), 3) << "the first one is applied";
  const clean::QualityCounts stopped = state().quality();
  EXPECT_EQ(stopped.read, 3u);
  EXPECT_TRUE(absl::IsUnavailable(state().Apply(records)));
  EXPECT_EQ(state().quality(), stopped) << "nothing is counted twice";
  state().cold->failure = absl::OkStatus();
  ASSERT_TRUE(state().Apply(records).ok());
  EXPECT_EQ(state().partition().next_offset().value(), 4);
  EXPECT_EQ(state().quality().duplicates, 0u);
  EXPECT_EQ(state().quality().accepted, 5u);
}

TEST_F(PartitionTest, ARecordOfSeveralEventsAppliesWholeOrNotAtAll) {
  state().Feed("u-2", View("e-2", "u-2", "sku-1", kTestTimeMs));
  state().Checkpoint();
  state().partition().Evict(0);
  // The first line is rejected, the second needs the customer.
  const std::string order =
      R"({"type":"track","event":"Order Completed","messageId":"m-1","userId":"u-2",)"
      R"("timestamp":"2025-10-09T08:00:00Z","properties":{"order_id":"o-1","currency":"USD",)"
      R"("products":[{"product_id":"a","price":0,"quantity":1},)"
      R"({"product_id":"b","price":2,"quantity":1}]}})";
  std::vector<stream::RawRecord> records;
  records.push_back(TestRecord(0, 1, "another key", order));
  state().cold->failure = absl::UnavailableError("disk");
  EXPECT_TRUE(absl::IsUnavailable(state().Apply(records)));
  EXPECT_EQ(state().quality().read, 1u);
  EXPECT_EQ(state().partition().figures().outbox_pending, 0u);
  state().cold->failure = absl::OkStatus();
  ASSERT_TRUE(state().Apply(records).ok());
  EXPECT_EQ(state().quality().accepted, 2u);
  EXPECT_EQ(state().quality().rejected_total(), 1u) << "rejected once, however often repeated";
  EXPECT_EQ(state().partition().figures().outbox_pending, 1u);
}

TEST_F(PartitionTest, DeleteForgetsTheCustomerWhereverItIs) {
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  state().Feed("u-2", View("e-2", "u-2", "sku-1", kTestTimeMs));
  state().Feed("u-3", View("e-3", "u-3", "sku-1", kTestTimeMs));
  state().Checkpoint();
  state().Feed("u-1", TestEvent("d-1", "u-1", "delete", kTestTimeMs, ""));
  state().partition().Evict(0);  // u-2 and u-3 are in the store alone
  state().Feed("u-2", TestEvent("d-2", "u-2", "delete", kTestTimeMs, ""));
  state().Feed("nobody", TestEvent("d-3", "nobody", "delete", kTestTimeMs, ""));
  EXPECT_EQ(state().Bytes("u-1"), "");
  EXPECT_EQ(state().Bytes("u-2"), "");
  EXPECT_NE(state().Bytes("u-3"), "");
  EXPECT_EQ(state().partition().figures().customers, 1u);
  state().Checkpoint();
  Restart();
  EXPECT_EQ(state().Bytes("u-1"), "");
  EXPECT_EQ(state().partition().figures().customers, 1u);
  state().Feed("u-1", View("e-9", "u-1", "sku-1", kTestTimeMs));
  EXPECT_EQ(state().partition().figures().customers, 2u);
  EXPECT_EQ(state().quality().accepted, 7u);
}

TEST_F(PartitionTest, StraysAreKnownAlsoAfterARestart) {
  options_.partition_count = 2;
  std::string user = "u-0";
  for (int i = 1; base::PartitionOf(user, 2) != 0; ++i) user = absl::StrCat("u-", i);
  const uint64_t hash = profile::CustomerMap::Hash(user);
  state().Feed(user, View("e-1", user, "sku-1", kTestTimeMs), 0);
  EXPECT_THAT(state().shared->strays.Find(hash), SizeIs(0));
  state().Feed(user, View("e-2", user, "sku-1", kTestTimeMs), 1);
  EXPECT_THAT(state().shared->strays.Find(hash), ElementsAre(PartitionId(1)));
  EXPECT_EQ(state().quality(1).stray_records, 1u);
  state().Checkpoint(0);
  state().Checkpoint(1);
  Restart();
  EXPECT_THAT(state().shared->strays.Find(hash), ElementsAre(PartitionId(1)));
  EXPECT_NE(state().Bytes(user, 0), "");
  EXPECT_NE(state().Bytes(user, 1), "");
}

}  // namespace
}  // namespace kindred::node
