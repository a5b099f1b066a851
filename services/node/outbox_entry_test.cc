#include "node/outbox_entry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dead_letter.h"

namespace kindred::node {
namespace {

OutboxEntry Sample() {
  OutboxEntry entry;
  entry.kind = OutboxKind::kAudienceChange;
  entry.id = "tea-lovers/u-7/3";
  entry.key = "u-7";
  entry.value = std::string("{\0}", 3);
  entry.headers = {{"content-type", "application/json"}};
  return entry;
}

TEST(OutboxEntryTest, CarriesItsId) {
  EXPECT_THAT(Sample().AllHeaders(),
              testing::ElementsAre(testing::Pair("content-type", "application/json"),
                                   testing::Pair("kindred-outbox-id", "tea-lovers/u-7/3")));
}

TEST(OutboxEntryTest, EncodingReadsBackAndRefusesDamage) {
  const std::string bytes = EncodeOutboxEntry(Sample());
  const absl::StatusOr<OutboxEntry> read = DecodeOutboxEntry(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeOutboxEntry(absl::string_view(bytes).substr(0, size)).ok());
  }
  EXPECT_FALSE(DecodeOutboxEntry(bytes + "x").ok());
}

TEST(OutboxEntryTest, KindsAreToldApartByTheirBytes) {
  EXPECT_EQ(StoredKind(EncodeOutboxEntry(Sample())).value(), OutboxKind::kAudienceChange);
  EXPECT_EQ(StoredKind(EncodeDeadLetter(DeadLetter())).value(), OutboxKind::kDeadLetter);
  EXPECT_FALSE(StoredKind("").ok());
  EXPECT_FALSE(StoredKind("\x02").ok());
  EXPECT_FALSE(StoredKind(std::string("\x02\x00", 2)).ok()) << "dead letters have another form";
  EXPECT_FALSE(StoredKind("\x02\x63").ok());
  EXPECT_FALSE(StoredKind("\x09").ok());
}

}  // namespace
}  // namespace kindred::node
