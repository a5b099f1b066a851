#include "store/manifest_check.h"

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

std::string Record(const std::string& payload) {
  const uint32_t crc = ExtendCrc32c(0, '\x01' + payload);
  return LittleEndian(((crc >> 15) | (crc << 17)) + 0xa282ead8u, 4) +
         LittleEndian(static_cast<uint32_t>(payload.size()), 2) + '\x01' + payload;
}

TEST(ManifestCheckTest, TheChecksumIsCrc32c) {
  // RFC 3720, B.4.
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, "1234"), "56789"), 0xe3069283u);
}

TEST(ManifestCheckTest, WholeAndCutOffManifestsPass) {
  const std::string bytes = Record("first") + Record(std::string(300, 'x')) + Record("");
  for (size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_TRUE(CheckManifestBytes(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(ManifestCheckTest, ALengthThatReachesBeyondTheEndIsFound) {
  const std::string first = Record("first");
  const std::string bytes = first + Record(std::string(300, 'x')) + Record("last");
  for (const size_t at : {size_t{0}, first.size()}) {
    std::string damaged = bytes;
    damaged[at + 5] = static_cast<char>(damaged[at + 5] ^ 0x40);
    EXPECT_TRUE(absl::IsDataLoss(CheckManifestBytes(damaged))) << at;
  }
}

TEST(ManifestCheckTest, OnlyTheLastBlockIsLookedAt) {
  const std::string block = Record(std::string((32 << 10) - 7, 'x'));
  EXPECT_TRUE(CheckManifestBytes(block).ok());
  EXPECT_TRUE(CheckManifestBytes(block + Record("last")).ok());
  std::string damaged = block + Record("last");
  damaged[block.size() + 5] = '\x40';
  EXPECT_TRUE(absl::IsDataLoss(CheckManifestBytes(damaged)));
}

}  // namespace
}  // namespace kindred::store
