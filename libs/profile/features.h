// The numbers that models see: sixteen dimensions computed from a profile, when it is read.
#ifndef KINDRED_PROFILE_FEATURES_H_
#define KINDRED_PROFILE_FEATURES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "profile/profile.h"

namespace kindred::profile {

// Stored with the models: never reorder, only append (and raise the models' version).
enum class FeatureId : uint8_t {
  kPurchaseFrequency,      // distinct purchase times
  kTotalSpend,             // purchases less refunds, default currency
  kAverageOrderAmount,     // amount bought / purchase frequency
  kItemsPerOrder,          // purchase lines / purchase frequency
  kMeanGapDays,            // between distinct purchase times; 0 with fewer than two
  kDaysSinceLastPurchase,  // without a purchase: since the first event
  kDaysSinceLastEvent,
  kTenureDays,      // since the first event
  kViews,           // views and clicks
  kCarts,           // add_to_cart
  kCartToPurchase,  // purchase lines / (purchase lines + add_to_cart); 0 without either
  kSessions,
  kRefundShare,      // refunded / bought amount, 0 to 1; 1 if refunds came without purchases
  kCategoryBreadth,  // exp(entropy) of category affinities: how many categories, effectively
  kWeekendShare,     // events on Saturday and Sunday / all
  kEveningShare,     // events from 18:00 to 23:59 UTC / all
};
inline constexpr size_t kFeatureCount = 16;

struct FeatureInfo {
  absl::string_view name;  // "purchase_frequency"
  absl::string_view unit;  // "purchases", "days", "currency", "share" …
  absl::string_view high;  // for labels: "frequent"
  absl::string_view low;   // "infrequent"
  bool log1p = false;      // heavy-tailed: models see sign(x) log(1 + |x|)
  absl::string_view help;  // one sentence
};
const FeatureInfo& GetFeatureInfo(size_t dimension);
// The dimension of a name, or -1.
int FeatureByName(absl::string_view name);

using FeatureVector = std::array<double, kFeatureCount>;

// In original units, always finite. `as_of_ms` before the customer's newest event is taken as that
// event's time.
FeatureVector Features(const Profile& profile, int64_t as_of_ms);

// As the models see them, not yet standardised; and back.
double Transform(size_t dimension, double value);
double Untransform(size_t dimension, double value);
FeatureVector Transformed(const FeatureVector& values);
inline FeatureVector TransformedFeatures(const Profile& profile, int64_t as_of_ms) {
  return Transformed(Features(profile, as_of_ms));
}

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_FEATURES_H_
