// tests/golden/clean: what becomes of events as producers send them. After a change of rules run
// this with KINDRED_UPDATE_GOLDEN=1 and look at the difference.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/testing/source_tree.h"
#include "clean/cleaner.h"
#include "clean/duplicates.h"
#include "clean/quality.h"
#include "event/decoder.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

constexpr int64_t kArrivalMs = 1795348800000;  // 2026-11-22T12:00:00Z

template <typename Enum>
std::string Names(uint32_t bits, int count, absl::string_view (*name)(Enum)) {
  std::vector<absl::string_view> names;
  for (int i = 0; i < count; ++i) {
    if ((bits >> i & 1) != 0) names.push_back(name(static_cast<Enum>(1u << i)));
  }
  return absl::StrJoin(names, ",");
}

std::string MissingNames(uint32_t bits) {
  std::vector<absl::string_view> names;
  for (int i = 0; i < kMissingFields; ++i) {
    if ((bits >> i & 1) != 0) names.push_back(MissingFieldName(static_cast<MissingField>(i)));
  }
  return absl::StrJoin(names, ",");
}

std::string Describe(const CleanEvent& event) {
  std::string out = absl::StrCat("accepted ", event::EventTypeName(event.type),
                                 " customer=", event.customer_id, " time=", event.event_time_ms);
  const auto text = [&out](absl::string_view name, absl::string_view value) {
    if (!value.empty()) absl::StrAppend(&out, " ", name, "=", value);
  };
  text("custom_type", event.custom_type);
  text("item", event.item_id);
  text("order", event.order_id);
  if (event.quantity != 1) absl::StrAppend(&out, " quantity=", event.quantity);
  if (event.has_price) absl::StrAppend(&out, " price=", event.price);
  if (event.has_amount) absl::StrAppend(&out, " amount=", event.amount, event.currency);
  if (event.has_rating) absl::StrAppend(&out, " rating=", event.rating);
  text("category", event.category);
  text("brand", event.brand);
  text("country", event.country);
  text("city", event.city);
  text("query", event.query);
  text("previous", event.previous_id);
  text("corrected", Names(event.corrections, kCorrections, &CorrectionName));
  text("flags", Names(event.flags, kFlags, &FlagName));
  text("missing", MissingNames(MissingFieldsOf(event)));
  return out;
}

// One line in, one or more out; lines that begin with # say what follows.
std::string Outcomes(const std::string& input, QualityCounts* counts) {
  event::Decoder decoder;
  Cleaner cleaner;
  DuplicateWindow window;
  std::istringstream lines(input);
  std::string line;
  std::string out;
  std::vector<event::Event> events;
  while (std::getline(lines, line)) {
    if (absl::StartsWith(line, "#")) {
      absl::StrAppend(&out, line, "\n");
      continue;
    }
    event::EncodedRecord record;
    record.value = line;
    record.arrival_ms = kArrivalMs;
    const event::DecodeResult decoded = decoder.Decode(record, &events);
    if (!decoded.ok()) {
      counts->CountDecodeFailure(decoded.failure);
      absl::StrAppend(&out, "undecodable ", event::DecodeFailureName(decoded.failure), "\n");
      continue;
    }
    for (const event::Event& event : events) {
      const Outcome outcome = cleaner.Clean(event, kArrivalMs);
      if (!outcome.ok()) {
        counts->CountRejected(outcome.rejection->reason);
        absl::StrAppend(&out, "rejected ", RejectReasonName(outcome.rejection->reason), ": ",
                        outcome.rejection->detail, "\n");
      } else if (!window.Insert(outcome.event->fingerprint, kArrivalMs)) {
        counts->CountDuplicate();
        absl::StrAppend(&out, "duplicate\n");
      } else {
        counts->CountAccepted(*outcome.event);
        absl::StrAppend(&out, Describe(*outcome.event), "\n");
      }
    }
  }
  return out;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(CleanGoldenTest, EventsInOutcomesOut) {
  const std::string folder = base::SourceTreePath("tests/golden/clean/");
  QualityCounts counts;
  const std::string outcomes = Outcomes(ReadFile(folder + "events.jsonl"), &counts);
  EXPECT_EQ(counts.read, counts.accepted + counts.duplicates + counts.rejected_total());
  EXPECT_GT(counts.accepted, 20u);
  EXPECT_GT(counts.rejected_total(), 15u);
  if (std::getenv("KINDRED_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(folder + "outcomes.txt", std::ios::binary) << outcomes;
  }
  EXPECT_EQ(outcomes, ReadFile(folder + "outcomes.txt"));
}

// Bytes that a later build must still read.
TEST(CleanGoldenTest, StoredRowsOfVersion1) {
  const std::string folder = base::SourceTreePath("tests/golden/clean/");
  const auto quality = QualityCounts::Decode(ReadFile(folder + "quality_v1.bin"));
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_EQ(quality->read, 300u);
  EXPECT_EQ(quality->accepted, 200u);
  EXPECT_EQ(quality->duplicates, 100u);

  DuplicateWindow window;
  const std::string head_key(12, '\0');
  std::string chunk_key(12, '\0');
  chunk_key[7] = 1;
  ASSERT_TRUE(window.RestoreRow(head_key, ReadFile(folder + "duplicates_head_v1.bin")).ok());
  ASSERT_TRUE(window.RestoreRow(chunk_key, ReadFile(folder + "duplicates_chunk_v1.bin")).ok());
  ASSERT_TRUE(window.FinishRestore().ok());
  EXPECT_EQ(window.size(), 3u);
  for (const uint64_t fingerprint : {0, 1, 2}) EXPECT_FALSE(window.Insert(fingerprint, kArrivalMs));
  EXPECT_TRUE(window.Insert(3, kArrivalMs));

  const OutlierRules rules;
  PriceBook book;
  const std::string price_row = ReadFile(folder + "prices_v1.bin");
  ASSERT_GT(price_row.size(), 2u);
  ASSERT_TRUE(book.RestoreRow(price_row.substr(0, 2), price_row.substr(2)).ok());
  EXPECT_TRUE(book.IsOutlier("sku-1", "EUR", 2000, rules));
  EXPECT_FALSE(book.IsOutlier("sku-1", "EUR", 21, rules));
}

}  // namespace
}  // namespace kindred::clean
