#include "node/recommendation_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "node/shared_state.h"

namespace kindred::node {
namespace {

using recommend::SeedKind;
using recommend::Source;

class RecommendationWriterTest : public ::testing::Test {
 protected:
  // Causes whose words are short, at the bounds of what is written in one piece, and long; more of
  // them than a hint can tell apart.
  RecommendationWriterTest() : shared_(SharedOptions()) {
    for (size_t i = 0; i < kCauses; ++i) {
      const ItemId item(shared_.items.names().Intern(absl::StrCat("item-", i)));
      causes_.push_back(item);
      if (i % 3 == 0) continue;
      shared_.index.SetAttributes(item, {.title = std::string(1 + i % 150, 't')});
    }
  }

  void Add(Source source, SeedKind kind, ItemId seed, float amount) {
    answer_.contributions.push_back(
        {.source = source, .seed_kind = kind, .seed = seed, .amount = amount});
  }
  void End(ItemId item) {
    const uint32_t first = answer_.items.empty() ? 0
                                                 : answer_.items.back().first_contribution +
                                                       answer_.items.back().contribution_count;
    recommend::RankedItem ranked;
    ranked.item = item;
    ranked.first_contribution = first;
    ranked.contribution_count = static_cast<uint32_t>(answer_.contributions.size()) - first;
    answer_.items.push_back(ranked);
  }
  v1::RecommendResponse Written() {
    WireBuffer out;
    const std::vector<recommend::ControlNote> notes(answer_.items.size());
    RecommendationWriter(&shared_, &out)
        .Write(answer_, notes, v1::RecommendResponse::kRecommendationsFieldNumber);
    v1::RecommendResponse read;
    EXPECT_TRUE(read.ParseFromString(std::string(out.bytes())));
    EXPECT_EQ(read.SerializeAsString(), out.bytes());
    return read;
  }

  static constexpr size_t kCauses = 400;
  SharedState shared_;
  std::vector<ItemId> causes_;
  recommend::Answer answer_;
};

TEST_F(RecommendationWriterTest, CausesOfAnyLengthAreNamedAgainAndAgain) {
  // Each cause twice with one kind, once with another: first written field by field, then at once.
  float amount = 1000;
  for (const ItemId cause : causes_) {
    Add(Source::kSimilar, SeedKind::kViewed, cause, amount -= 0.5f);
    Add(Source::kNext, SeedKind::kViewed, cause, amount -= 0.5f);
    Add(Source::kSimilar, SeedKind::kBought, cause, amount -= 0.5f);
  }
  Add(Source::kRepeat, SeedKind::kNone, ItemId(0), amount -= 0.5f);
  Add(Source::kPopular, SeedKind::kNone, ItemId(0), 0);
  End(causes_[0]);
  const v1::RecommendResponse response = Written();
  const v1::Recommendation& written = response.recommendations(0);
  ASSERT_EQ(written.contributions_size(), static_cast<int>(answer_.contributions.size()));
  for (size_t i = 0; i < answer_.contributions.size(); ++i) {
    const recommend::Contribution& from = answer_.contributions[i];
    const v1::Contribution& to = written.contributions(static_cast<int>(i));
    EXPECT_EQ(to.source(), SourceOf(from.source));
    EXPECT_EQ(to.amount(), from.amount);
    EXPECT_EQ(to.because_item_id(), shared_.items.names().Name(from.seed.value()));
    EXPECT_EQ(to.because_title(), shared_.index.Title(from.seed));
    EXPECT_EQ(to.because_type(), from.seed.value() == 0 ? event::v1::EVENT_TYPE_UNSPECIFIED
                                 : from.seed_kind == SeedKind::kViewed
                                     ? event::v1::EVENT_TYPE_VIEW
                                     : event::v1::EVENT_TYPE_PURCHASE);
  }
}

TEST_F(RecommendationWriterTest, LargestPartsComeFirstWhateverTheirSign) {
  Add(Source::kSimilar, SeedKind::kViewed, causes_[1], 0.25f);
  Add(Source::kRule, SeedKind::kNone, ItemId(0), -2);
  Add(Source::kNext, SeedKind::kViewed, causes_[2], 0.25f);
  End(causes_[0]);
  const v1::RecommendResponse response = Written();
  const v1::Recommendation& written = response.recommendations(0);
  ASSERT_EQ(written.contributions_size(), 3);
  EXPECT_EQ(written.contributions(0).source(), v1::SOURCE_RULE);
  EXPECT_EQ(written.contributions(1).because_item_id(), "item-1");
  EXPECT_EQ(written.contributions(2).because_item_id(), "item-2");
}

}  // namespace
}  // namespace kindred::node
