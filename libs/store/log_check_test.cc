#include "store/log_check.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace kindred::store {
namespace {

std::string LittleEndian(uint32_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::string Record(const std::string& payload, char type = 1) {
  const uint32_t crc = ExtendCrc32c(0, type + payload);
  return LittleEndian(((crc >> 15) | (crc << 17)) + 0xa282ead8u, 4) +
         LittleEndian(static_cast<uint32_t>(payload.size()), 2) + type + payload;
}

constexpr LogKind kKinds[] = {LogKind::kWriteAheadLog, LogKind::kManifest};

TEST(LogCheckTest, TheChecksumIsCrc32c) {
  // RFC 3720, B.4.
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, "1234"), "56789"), 0xe3069283u);
}

TEST(LogCheckTest, WholeAndCutOffFilesPass) {
  const std::string bytes = Record("first") + Record(std::string(300, 'x'), 2) + Record("", 4);
  for (const LogKind kind : kKinds) {
    for (size_t size = 0; size <= bytes.size(); ++size) {
      EXPECT_TRUE(CheckLogBlock(kind, bytes.substr(0, size)).ok()) << size;
    }
    EXPECT_TRUE(CheckLogBlock(kind, Record(std::string((32 << 10) - 7, 'x'))).ok());
    EXPECT_TRUE(CheckLogBlock(kind, std::string(32 << 10, '\0')).ok());
  }
}

TEST(LogCheckTest, ALengthThatReachesBeyondTheEndOfTheManifestIsFound) {
  const std::string first = Record("first");
  const std::string bytes = first + Record(std::string(300, 'x')) + Record("last");
  for (const size_t at : {size_t{0}, first.size()}) {
    std::string damaged = bytes;
    damaged[at + 5] = static_cast<char>(damaged[at + 5] ^ 0x40);
    EXPECT_TRUE(absl::IsDataLoss(CheckLogBlock(LogKind::kManifest, damaged))) << at;
    // RocksDB stops there by itself.
    EXPECT_TRUE(CheckLogBlock(LogKind::kWriteAheadLog, damaged).ok()) << at;
  }
}

TEST(LogCheckTest, ATypeOfAFileUsedBeforeIsFound) {
  const std::string first = Record("first");
  const std::string bytes = first + Record("second", 2);
  for (const LogKind kind : kKinds) {
    for (const size_t at : {size_t{0}, first.size()}) {
      for (const char type : {5, 6, 7, 8}) {
        std::string damaged = bytes;
        damaged[at + 6] = type;
        EXPECT_TRUE(absl::IsDataLoss(CheckLogBlock(kind, damaged))) << at << "/" << +type;
      }
      // Any other type fails its checksum, which RocksDB sees.
      std::string damaged = bytes;
      damaged[at + 6] = 9;
      EXPECT_TRUE(CheckLogBlock(kind, damaged).ok());
    }
  }
}

}  // namespace
}  // namespace kindred::store
