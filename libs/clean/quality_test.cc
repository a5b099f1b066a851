#include "clean/quality.h"

#include <string>

#include "clean/cleaner.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

using event::EventType;

constexpr int64_t kNow = 1763805600000;

QualityCounts Some() {
  QualityCounts counts;
  Cleaner cleaner;
  event::Event event;
  event.event_id = "e-1";
  event.user_id = " u-1";
  event.type = EventType::kPurchase;
  event.item_id = "i-1";
  event.brand = "b";
  event.event_time_ms = kNow - 48 * 3600 * 1000LL;
  event.quantity = 1;
  counts.CountAccepted(*cleaner.Clean(event, kNow).event);
  event.type = EventType::kIdentify;
  counts.CountAccepted(*cleaner.Clean(event, kNow).event);
  counts.CountDuplicate();
  counts.CountRejected(RejectReason::kOutlier);
  counts.CountDecodeFailure(event::DecodeFailure::kTooManyEvents);
  counts.stray_records = 3;
  counts.skipped_offsets = uint64_t{1} << 60;
  return counts;
}

TEST(QualityCountsTest, AddUpToWhatWasRead) {
  const QualityCounts counts = Some();
  EXPECT_EQ(counts.read, 5u);
  EXPECT_EQ(counts.accepted, 2u);
  EXPECT_EQ(counts.rejected_total(), 2u);
  EXPECT_EQ(counts.read, counts.accepted + counts.duplicates + counts.rejected_total());
  EXPECT_EQ(counts.late(), 2u);
  EXPECT_EQ(counts.corrected[0], 2u);  // trimmed_id
  EXPECT_EQ(counts.accepted_by_type[static_cast<size_t>(EventType::kPurchase)], 1u);
}

TEST(QualityCountsTest, NamesWhatIsMissingByType) {
  const QualityCounts counts = Some();
  const auto missing = [&](MissingField field) {
    return counts.missing[static_cast<size_t>(field)];
  };
  EXPECT_EQ(missing(MissingField::kCategory), 2u);  // both name an item
  EXPECT_EQ(missing(MissingField::kBrand), 0u);
  EXPECT_EQ(missing(MissingField::kPrice), 1u);
  EXPECT_EQ(missing(MissingField::kOrderId), 1u);
  EXPECT_EQ(missing(MissingField::kQuery), 0u);
  EXPECT_EQ(missing(MissingField::kCountry), 1u);  // identify is not behaviour
}

TEST(QualityCountsTest, SurviveARestart) {
  const QualityCounts counts = Some();
  const auto decoded = QualityCounts::Decode(counts.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, counts);
  QualityCounts twice = counts;
  twice += *decoded;
  EXPECT_EQ(twice.read, 10u);
  EXPECT_EQ(twice.rejected_total(), 4u);
}

TEST(QualityCountsTest, ReadsAnEarlierVersionWithFewerReasons) {
  // Version, five counts, then: one decode failure kind, and no others.
  const std::string earlier("\x01\x05\x02\x01\x00\x00\x01\x07\x00\x00\x00\x00\x00", 13);
  const auto decoded = QualityCounts::Decode(earlier);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->read, 5u);
  EXPECT_EQ(decoded->decode_failures[0], 7u);
}

TEST(QualityCountsTest, RefusesOtherBytes) {
  const std::string bytes = Some().Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(QualityCounts::Decode(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(QualityCounts::Decode(bytes + "x").ok());
  EXPECT_FALSE(QualityCounts::Decode("\x02" + bytes.substr(1)).ok());
}

TEST(QualityNamesTest, EveryValueHasItsOwnName) {
  std::string all;
  const auto check = [&all](absl::string_view name) {
    EXPECT_NE(name, "unknown");
    EXPECT_EQ(all.find(" " + std::string(name) + " "), std::string::npos) << name;
    all += " " + std::string(name) + " ";
  };
  for (int i = 0; i < kRejectReasons; ++i) check(RejectReasonName(static_cast<RejectReason>(i)));
  for (int i = 0; i < kCorrections; ++i) check(CorrectionName(static_cast<Correction>(1u << i)));
  for (int i = 0; i < kFlags; ++i) check(FlagName(static_cast<Flag>(1u << i)));
  for (int i = 0; i < kMissingFields; ++i) check(MissingFieldName(static_cast<MissingField>(i)));
  EXPECT_EQ(RejectReasonName(static_cast<RejectReason>(kRejectReasons)), "unknown");
  EXPECT_EQ(CorrectionName(static_cast<Correction>(1u << kCorrections)), "unknown");
  EXPECT_EQ(FlagName(static_cast<Flag>(1u << kFlags)), "unknown");
  EXPECT_NE(event::DecodeFailureName(static_cast<event::DecodeFailure>(kDecodeFailures - 1)),
            event::DecodeFailureName(event::DecodeFailure::kNone));
}

}  // namespace
}  // namespace kindred::clean
