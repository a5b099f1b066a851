#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/load_generator.h"
#include "cli/load_latency.h"
#include "event/decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

constexpr int64_t kStartMs = 1'700'000'000'000;

TEST(ZipfRanks, FollowsTheLaw) {
  for (const double skew : {0.0, 0.7, 1.0, 1.5}) {
    const ZipfRanks ranks(1000, skew);
    learn::Random random(7);
    std::vector<double> seen(1000);
    constexpr int kDraws = 400'000;
    for (int i = 0; i < kDraws; ++i) seen.at(ranks.Next(&random)) += 1;
    double total = 0;
    for (int k = 1; k <= 1000; ++k) total += std::pow(k, -skew);
    for (const int k : {1, 2, 3, 10, 100}) {
      const double expected = kDraws * std::pow(k, -skew) / total;
      EXPECT_NEAR(seen[k - 1], expected, 5 * std::sqrt(expected) + 1) << skew << " rank " << k;
    }
  }
  learn::Random random(1);
  EXPECT_EQ(ZipfRanks(1, 1.0).Next(&random), 0u);
}

TEST(LoadGenerator, TheSameSeedGivesTheSameRecords) {
  LoadOptions options;
  LoadGenerator a(options), b(options);
  options.seed = 2;
  LoadGenerator other(options);
  int differences = 0;
  for (int i = 0; i < 5000; ++i) {
    const LoadRecord record = a.Next(kStartMs + i);
    const LoadRecord& same = b.Next(kStartMs + i);
    ASSERT_EQ(record.key, same.key);
    ASSERT_EQ(record.value, same.value);
    differences += record.value != other.Next(kStartMs + i).value;
  }
  EXPECT_GT(differences, 4900);
}

TEST(LoadGenerator, SharesAndSizeAreAsSaid) {
  LoadOptions options;
  options.duplicates = 0.1;
  options.late = 0.2;
  options.bad = 0.05;
  LoadGenerator generator(options);
  event::Decoder decoder;
  std::vector<event::Event> events;
  std::map<LoadKind, int> kinds;
  std::set<std::string> ids;
  double bytes = 0;
  constexpr int kRecords = 20'000;
  for (int i = 0; i < kRecords; ++i) {
    const LoadRecord& record = generator.Next(kStartMs + i);
    ++kinds[record.kind];
    if (record.kind == LoadKind::kBad) continue;
    bytes += static_cast<double>(record.value.size());
    event::EncodedRecord encoded;
    encoded.value = record.value;
    ASSERT_TRUE(decoder.Decode(encoded, &events).ok()) << record.value;
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].user_id, record.key);
    const bool fresh = ids.insert(std::string(events[0].event_id)).second;
    EXPECT_EQ(fresh, record.kind != LoadKind::kDuplicate) << record.value;
    const int64_t lag_ms = kStartMs + i - events[0].event_time_ms.value_or(0);
    if (record.kind == LoadKind::kNormal) {
      EXPECT_EQ(lag_ms, 0);
    } else if (record.kind == LoadKind::kLate) {
      EXPECT_GE(lag_ms, 3'600'000);
    }
  }
  EXPECT_NEAR(kinds[LoadKind::kDuplicate], 0.1 * kRecords, 0.01 * kRecords);
  EXPECT_NEAR(kinds[LoadKind::kLate], 0.2 * kRecords, 0.015 * kRecords);
  EXPECT_NEAR(kinds[LoadKind::kBad], 0.05 * kRecords, 0.01 * kRecords);
  EXPECT_THAT(bytes / (kRecords - kinds[LoadKind::kBad]), AllOf(Ge(235), Le(265)));
}

TEST(LoadGenerator, SessionsBuyWhatTheyPutIntoTheCart) {
  for (const LoadFormat format :
       {LoadFormat::kJson, LoadFormat::kSegmentJson, LoadFormat::kProtobuf}) {
    LoadOptions options;
    options.duplicates = 0;
    options.bad = 0;
    options.format = format;
    LoadGenerator generator(options);
    event::Decoder decoder;
    std::vector<event::Event> events;
    std::set<std::string> viewed, carted;
    std::map<event::EventType, int> types;
    for (int i = 0; i < 20'000; ++i) {
      const LoadRecord& record = generator.Next(kStartMs + i);
      event::EncodedRecord encoded;
      encoded.value = record.value;
      ASSERT_TRUE(decoder.Decode(encoded, &events).ok()) << record.value;
      const event::Event& event = events.at(0);
      ++types[event.type];
      const std::string step = absl::StrCat(record.key, "/", event.item_id);
      if (event.type == event::EventType::kView) viewed.insert(step);
      if (event.type == event::EventType::kAddToCart) {
        EXPECT_TRUE(viewed.contains(step)) << step;
        carted.insert(step);
      }
      if (event.type == event::EventType::kPurchase) {
        EXPECT_TRUE(carted.contains(step)) << step;
      }
    }
    EXPECT_GT(types[event::EventType::kView], 10'000);
    EXPECT_GT(types[event::EventType::kAddToCart], types[event::EventType::kPurchase]);
    EXPECT_GT(types[event::EventType::kPurchase], 300);
    EXPECT_GT(types[event::EventType::kSearch], 300);
  }
}

TEST(LoadGenerator, OptionsAreChecked) {
  LoadOptions options;
  options.late = 1.5;
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(options)));
  options = {};
  options.customers = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(options)));
  options = {};
  options.item_skew = std::nan("");
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(options)));
}

TEST(LoadLatency, QuantilesAreWithinABucket) {
  LoadLatency latency, rest;
  for (int i = 1; i <= 50'000; ++i) latency.Add(i * 1000);
  for (int i = 50'001; i <= 100'000; ++i) rest.Add(i * 1000);
  latency.Merge(rest);
  EXPECT_EQ(latency.count(), 100'000u);
  EXPECT_NEAR(latency.QuantileMs(0.5), 50, 50 * 0.017);
  EXPECT_NEAR(latency.QuantileMs(0.99), 99, 99 * 0.017);
  EXPECT_EQ(latency.QuantileMs(1), 100);
  EXPECT_EQ(LoadLatency().QuantileMs(0.5), 0);
  latency.Add(-5);
  latency.Add(INT64_MAX);
  EXPECT_EQ(latency.count(), 100'002u);
}

}  // namespace
}  // namespace kindred::cli
