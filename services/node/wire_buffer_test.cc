#include "node/wire_buffer.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kindred/v1/profile.pb.h"
#include "kindred/v1/recommendation.pb.h"

namespace kindred::node {
namespace {

using ::kindred::v1::Contribution;
using ::kindred::v1::Recommendation;

std::string Written(const Contribution& from) {
  WireBuffer out;
  out.Int(Contribution::kSourceFieldNumber, from.source());
  out.Double(Contribution::kAmountFieldNumber, from.amount());
  out.String(Contribution::kBecauseItemIdFieldNumber, from.because_item_id());
  out.String(Contribution::kBecauseTitleFieldNumber, from.because_title());
  out.Int(Contribution::kBecauseTypeFieldNumber, from.because_type());
  return std::string(out.bytes());
}

TEST(WireBufferTest, FieldsAreWrittenAsProtobufWritesThem) {
  const double amounts[] = {0.0,
                            -0.0,
                            1.5,
                            -1e300,
                            std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::denorm_min()};
  const int numbers[] = {0, 1, 127, 128, 300, -1, std::numeric_limits<int>::min()};
  const size_t lengths[] = {0, 1, 127, 128, 16'383, 16'384, 100'000};
  for (const double amount : amounts) {
    for (const int number : numbers) {
      for (const size_t length : lengths) {
        Contribution from;
        from.set_source(static_cast<v1::Source>(number));
        from.set_amount(amount);
        from.set_because_title(std::string(length, 'x'));
        EXPECT_EQ(Written(from), from.SerializeAsString()) << amount << " " << number;
      }
    }
  }
}

TEST(WireBufferTest, MessagesInMessagesHaveTheirLengthWhateverItIs) {
  WireBuffer out;
  for (const size_t length : {0, 1, 120, 126, 127, 128, 16'370, 16'380, 16'384, 3'000'000}) {
    Recommendation from;
    from.set_item_id("item");
    from.set_price(0);  // there, though it is 0
    from.set_pinned(true);
    from.add_contributions()->set_because_title(std::string(length, 'x'));
    v1::RecommendResponse whole;
    *whole.add_recommendations() = from;
    *whole.add_recommendations() = from;
    out.clear();
    for (int i = 0; i < 2; ++i) {
      const size_t begin = out.Begin(v1::RecommendResponse::kRecommendationsFieldNumber);
      out.String(Recommendation::kItemIdFieldNumber, "item");
      out.PresentDouble(Recommendation::kPriceFieldNumber, 0);
      const size_t inner = i == 0 ? out.Begin(Recommendation::kContributionsFieldNumber)
                                  : out.BeginShort(Recommendation::kContributionsFieldNumber);
      out.String(Contribution::kBecauseTitleFieldNumber, std::string(length, 'x'));
      i == 0 ? out.End(inner) : out.EndShort(inner);
      out.Bool(Recommendation::kPinnedFieldNumber, true);
      out.Bool(Recommendation::kBuriedFieldNumber, false);
      out.End(begin);
    }
    EXPECT_EQ(out.bytes(), whole.SerializeAsString()) << length;
  }
}

TEST(WireBufferTest, ListsOfDoublesArePacked) {
  v1::Profile from;
  WireBuffer out;
  std::vector<double> values;
  for (const size_t size : {0, 1, 24, 3000}) {
    values.resize(size, 1.0 / 3);
    from.mutable_hour_shares()->Assign(values.begin(), values.end());
    out.clear();
    out.Doubles(v1::Profile::kHourSharesFieldNumber, values);
    EXPECT_EQ(out.bytes(), from.SerializeAsString()) << size;
  }
}

TEST(WireBufferTest, NumbersOfFieldsMayBeLarge) {
  WireBuffer out;
  out.Varint(1000, 5);
  out.Raw(absl::string_view("\xc0\x3e\x05", 3));
  EXPECT_EQ(out.bytes(), absl::string_view("\xc0\x3e\x05\xc0\x3e\x05", 6));
}

}  // namespace
}  // namespace kindred::node
