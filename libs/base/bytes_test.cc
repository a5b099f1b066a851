#include "base/bytes.h"

#include <limits>
#include <string>

#include "base/hash.h"
#include "gtest/gtest.h"

namespace kindred::base {
namespace {

TEST(BytesTest, EveryKindReadsBackAsWritten) {
  std::string out;
  ByteWriter writer(&out);
  writer.U8(200);
  writer.U32(0xdeadbeef);
  writer.U64(1ull << 63);
  writer.F32(1.5f);
  writer.F64(-2.25);
  writer.Varint(std::numeric_limits<uint64_t>::max());
  writer.Signed(std::numeric_limits<int64_t>::min());
  writer.Bytes("tea");
  ByteReader reader(out);
  EXPECT_EQ(reader.U8(), 200);
  EXPECT_EQ(reader.U32(), 0xdeadbeef);
  EXPECT_EQ(reader.U64(), 1ull << 63);
  EXPECT_EQ(reader.F32(), 1.5f);
  EXPECT_EQ(reader.F64(), -2.25);
  EXPECT_EQ(reader.Varint(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(reader.Signed(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(reader.Bytes(), "tea");
  EXPECT_TRUE(reader.Done());
}

TEST(BytesTest, TruncatedInputFailsForGood) {
  std::string out;
  ByteWriter writer(&out);
  writer.Bytes("tea");
  for (size_t size = 0; size < out.size(); ++size) {
    ByteReader reader(absl::string_view(out).substr(0, size));
    EXPECT_EQ(reader.Bytes(), "");
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.U64(), 0u);
    EXPECT_FALSE(reader.Done());
  }
}

TEST(BytesTest, CountThatInputCannotHoldFails) {
  std::string out;
  ByteWriter(&out).Varint(1ull << 60);
  ByteReader reader(out);
  EXPECT_EQ(reader.Count(8), 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(BytesTest, OverlongVarintFails) {
  ByteReader reader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  EXPECT_EQ(reader.Varint(), 0u);
  EXPECT_FALSE(reader.ok());
}

// The values of Apache Kafka's own UtilsTest.testMurmur2.
TEST(HashTest, Murmur2AgreesWithKafka) {
  EXPECT_EQ(static_cast<int32_t>(Murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
            -58897971);
}

}  // namespace
}  // namespace kindred::base
