#include "store/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/testing/source_tree.h"
#include "store/store_table.h"

namespace kindred::store {
namespace {

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

// Every key and every value of the store's own, byte by byte. A difference means that a data
// directory of yesterday is misread: give it a new kFormatVersion, and a way to read the old one.
std::string Describe() {
  std::ostringstream out;
  out << "format " << kFormatVersion << "\n";
  for (const Table table : kAllTables) {
    const PartitionId partition = ScopeOf(table) == Scope::kNode ? kNodeScope : PartitionId(258);
    out << "table " << TableName(table) << " family " << FamilyName(FamilyOf(table)) << " key "
        << Hex(EncodeKey(table, partition, "id")) << "\n";
  }
  out << "number " << Hex(NumberKey(0x01020304)) << "\n";
  out << "wide " << Hex(WideKey(0x0102030405060708)) << "\n";
  out << "identity key " << Hex(EncodeKey(Table::kStore, kNodeScope, kIdentityId)) << "\n";
  out << "identity " << Hex(EncodeIdentity({1, "cluster", "topic", 300})) << "\n";
  out << "next_offset key " << Hex(EncodeKey(Table::kStore, PartitionId(7), kNextOffsetId)) << "\n";
  out << "next_offset " << Hex(EncodeOffset(Offset(0x0102030405060708))) << "\n";
  out << "deleting key " << Hex(EncodeKey(Table::kStore, PartitionId(7), kDeletingId)) << "\n";
  return out.str();
}

TEST(FormatTest, BytesAreThoseOfTheGoldenFile) {
  std::ifstream file(base::SourceTreePath("libs/store/testdata/format.golden"));
  ASSERT_TRUE(file.is_open());
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(Describe(), golden.str());
}

TEST(FormatTest, KeysComeBack) {
  for (const Table table : kAllTables) {
    const PartitionId partition = ScopeOf(table) == Scope::kNode ? kNodeScope : PartitionId(70000);
    for (const std::string& id : {std::string(), std::string("a\0b\xff", 4)}) {
      const std::string bytes = EncodeKey(table, partition, id);
      const absl::StatusOr<Key> key = DecodeKey(bytes);
      ASSERT_TRUE(key.ok()) << key.status();
      EXPECT_EQ(key->table, table);
      EXPECT_EQ(key->partition, partition);
      EXPECT_EQ(key->id, id);
    }
  }
}

TEST(FormatTest, KeysOfAPartitionAreNeighboursInOrder) {
  const std::vector<std::string> keys = {
      EncodeKey(Table::kProfile, PartitionId(0), "b"),
      EncodeKey(Table::kProfile, PartitionId(1), ""),
      EncodeKey(Table::kProfile, PartitionId(1), NumberKey(255)),
      EncodeKey(Table::kProfile, PartitionId(1), NumberKey(256)),
      EncodeKey(Table::kProfile, PartitionId(256), "a"),
      EncodeKey(Table::kPurchased, PartitionId(0), "a"),
  };
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(FormatTest, TableNumbersAndNamesAreDistinct) {
  std::set<int> numbers;
  std::set<absl::string_view> names;
  for (const Table table : kAllTables) {
    numbers.insert(static_cast<int>(table));
    names.insert(TableName(table));
  }
  EXPECT_EQ(numbers.size(), kAllTables.size());
  EXPECT_EQ(names.size(), kAllTables.size());
}

TEST(FormatTest, DecodeKeyRefusesWhatEncodeKeyCannotMake) {
  for (const std::string& bytes : {
           std::string(),
           std::string("\x10\0\0\0", 4),                  // too short
           std::string("\xee\0\0\0\0id", 7),              // no such table
           EncodeKey(Table::kProfile, kNodeScope, ""),    // belongs to partitions
           EncodeKey(Table::kModel, PartitionId(0), ""),  // belongs to the node
           EncodeKey(Table::kProfile, PartitionId(-2), ""),
       }) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeKey(bytes).status())) << Hex(bytes);
  }
}

TEST(FormatTest, NumbersComeBackAndWrongSizesDoNot) {
  for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{0xfffefdfc}, UINT64_MAX}) {
    EXPECT_EQ(*ParseNumberKey(NumberKey(static_cast<uint32_t>(number))),
              static_cast<uint32_t>(number));
    EXPECT_EQ(*ParseWideKey(WideKey(number)), number);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ParseNumberKey("123").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseWideKey(NumberKey(1)).status()));
}

TEST(FormatTest, IdentityComesBackAndDamageIsSeen) {
  const std::string bytes = EncodeIdentity({1, "c", "t", 12});
  const absl::StatusOr<Identity> identity = DecodeIdentity(bytes);
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->cluster_id, "c");
  EXPECT_EQ(identity->topic, "t");
  EXPECT_EQ(identity->partition_count, 12);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeIdentity(bytes.substr(0, size)).status())) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeIdentity(bytes + "x").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeIdentity(EncodeIdentity({0, "c", "t", 12})).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeIdentity(EncodeIdentity({1, "c", "t", 0})).status()));
}

TEST(FormatTest, OfANewerIdentityOnlyTheVersionIsRead) {
  const absl::StatusOr<Identity> identity =
      DecodeIdentity(absl::StrCat(EncodeIdentity({kFormatVersion + 1, "", "", 1}), "more"));
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->format_version, kFormatVersion + 1);
}

TEST(FormatTest, OffsetsComeBackAndDamageIsSeen) {
  EXPECT_EQ(*DecodeOffset(EncodeOffset(Offset(INT64_MAX))), Offset(INT64_MAX));
  EXPECT_TRUE(absl::IsDataLoss(DecodeOffset("1234567").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeOffset("123456789").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeOffset(EncodeOffset(Offset(-1))).status()));
}

}  // namespace
}  // namespace kindred::store
