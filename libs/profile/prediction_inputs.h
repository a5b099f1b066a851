// What predictions are made from: numbers of a profile as of a moment, on scales that suit a linear
// model. Apart from the sixteen features, so that segments do not move when predictions learn to
// look at something new.
#ifndef KINDRED_PROFILE_PREDICTION_INPUTS_H_
#define KINDRED_PROFILE_PREDICTION_INPUTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "learn/forward_decay.h"
#include "profile/profile.h"

namespace kindred::profile {

// Stored with examples and models: to change the list, raise the versions of both. Times count in
// days and are seen as log(1 + days), as are counts and amounts, unless it says otherwise.
enum class InputId : uint8_t {
  kPurchaseFrequency,  // distinct purchase times
  kOneTimeBuyer,       // 1: exactly one purchase
  kNeverBought,        // 1: none
  kSincePurchase,      // since the newest purchase; without one, since the first event
  kSinceEvent,
  kSinceFirstPurchase,
  kMeanGap,     // between purchases; until there are two, the time since the first
  kGapSpread,   // standard deviation of the gaps between the newest purchases
  kOverdue,     // log of (1 + since purchase) / (1 + mean gap); 0 with fewer than two purchases
  kPurchases7,  // distinct purchase times in the last 7 days
  kPurchases30,
  kPurchases90,
  kPurchases180,
  kTotalSpend,
  kAverageAmount,  // per distinct purchase time
  kLastAmount,     // mean of the newest purchase lines, at most 5
  kItemsPerOrder,
  kRefundShare,  // 0 to 1
  kViews,
  kCarts,
  kSessions,
  kRecentActs,  // items touched in the last 7 days, of the newest 20
  kCategoryBreadth,
  kWeekendShare,  // 0 to 1
};
inline constexpr size_t kInputCount = 24;

// "purchases_30", for those who read a prediction. A unit says how the value is shown.
struct InputInfo {
  absl::string_view name;
  absl::string_view unit;
  bool log1p = true;  // the model sees log(1 + value)
};
const InputInfo& GetInputInfo(size_t input);

// Single precision: what is stored as an example is what is predicted from.
using InputVector = std::array<float, kInputCount>;

// As the models see them, always finite. `as_of_ms` before the newest event is taken as its time.
InputVector PredictionInputs(const Profile& profile, int64_t as_of_ms);
// In the unit of InputInfo.
double InputValue(size_t input, float seen);

// What is known of a customer and one category beside the inputs.
inline constexpr size_t kCategoryInputs = 3;
struct CategoryInput {
  TermId term;
  std::array<float, kCategoryInputs> values{};  // log(1 + weight), share, log(1 + rank)
};
inline constexpr size_t kMaxCategoryInputs = 2;
// The strongest categories, at most kMaxCategoryInputs.
std::vector<CategoryInput> CategoryInputs(const Profile& profile, const learn::ForwardDecay& decay,
                                          int64_t as_of_ms);

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PREDICTION_INPUTS_H_
