#include "series/customer_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace kindred::series {
namespace {

uint64_t Customer(int i) { return base::Fingerprint64(absl::StrCat("u-", i)); }

std::string Bytes(const CustomerSketch& sketch) {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  sketch.Encode(&writer);
  return bytes;
}

TEST(CustomerSketch, IsExactForFew) {
  CustomerSketch sketch;
  EXPECT_EQ(sketch.Estimate(), 0);
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(sketch.Add(Customer(i)));
    EXPECT_FALSE(sketch.Add(Customer(i)));
    EXPECT_EQ(sketch.Estimate(), i + 1);
  }
}

TEST(CustomerSketch, IsNearForMany) {
  // Standard error 6.5 %; of twenty trials the mean square must be about that, and none far off.
  for (const int count : {65, 200, 1000, 20000}) {
    double squares = 0;
    for (int trial = 0; trial < 20; ++trial) {
      CustomerSketch sketch;
      for (int i = 0; i < count; ++i) sketch.Add(Customer(1'000'000 * trial + i));
      const double error = sketch.Estimate() / count - 1;
      EXPECT_LT(std::abs(error), 0.25) << count;
      squares += error * error / 20;
    }
    EXPECT_LT(std::sqrt(squares), 0.1) << count;
  }
}

TEST(CustomerSketch, OrderAndRepetitionDoNotMatterAndSketchesMerge) {
  for (const int count : {10, 64, 65, 500}) {
    CustomerSketch forward;
    CustomerSketch backward;
    CustomerSketch left;
    CustomerSketch right;
    for (int i = 0; i < count; ++i) {
      forward.Add(Customer(i));
      forward.Add(Customer(i / 2));
      backward.Add(Customer(count - 1 - i));
      (i % 3 == 0 ? left : right).Add(Customer(i));
    }
    EXPECT_EQ(forward, backward) << count;
    CustomerSketch merged = left;
    merged.Merge(right);
    EXPECT_EQ(merged, forward) << count;
    CustomerSketch other_way = right;
    other_way.Merge(left);
    EXPECT_EQ(other_way, forward) << count;
    EXPECT_LE(Bytes(forward).size(), 257u);
    CustomerSketch again;
    const std::string bytes = Bytes(forward);
    base::ByteReader in(bytes);
    EXPECT_TRUE(again.Decode(&in) && in.Done());
    EXPECT_EQ(again, forward);
  }
}

TEST(CustomerSketch, RefusesBytesThatItDoesNotMake) {
  CustomerSketch sketch;
  for (const std::string& bytes :
       {std::string(), std::string("\x01\x00\x00", 3), std::string(257, '\x7f'),
        std::string("\x02\x05\x00\x00\x00\x05\x00\x00\x00", 9),
        std::string(1, '\x41') + std::string(256, '\x1a'), std::string(1, '\x42')}) {
    base::ByteReader in(bytes);
    EXPECT_FALSE(sketch.Decode(&in)) << bytes.size();
    EXPECT_TRUE(sketch.empty());
  }
}

TEST(CustomerSketch, TakesCustomersByItsRegistersAlike) {
  CustomerSketch whole;
  CustomerSketch parts;
  for (uint64_t i = 0; i < 20'000; ++i) {
    // Some with the highest rank.
    const uint64_t hash = i % 100 == 7 ? i << 56 : base::Fingerprint64(absl::StrCat("u-", i));
    const bool changed = whole.Add(hash);
    uint8_t* const registers = parts.registers();
    ASSERT_EQ(registers == nullptr, i <= CustomerSketch::kExact);
    ASSERT_EQ(registers == nullptr ? parts.Add(hash) : CustomerSketch::AddTo(registers, hash),
              changed)
        << i;
  }
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace kindred::series
