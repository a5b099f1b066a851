#include "profile/prediction_inputs.h"

#include <algorithm>
#include <cmath>

#include "profile/features.h"

namespace kindred::profile {
namespace {

constexpr int64_t kDayMs = 86'400'000;

constexpr std::array<InputInfo, kInputCount> kInfos = {{
    {"purchase_frequency", "purchases"},
    {"one_time_buyer", "share", false},
    {"never_bought", "share", false},
    {"days_since_purchase", "days"},
    {"days_since_event", "days"},
    {"days_since_first_purchase", "days"},
    {"mean_gap_days", "days"},
    {"gap_spread_days", "days"},
    {"overdue", "log ratio", false},
    {"purchases_7", "purchases"},
    {"purchases_30", "purchases"},
    {"purchases_90", "purchases"},
    {"purchases_180", "purchases"},
    {"total_spend", "currency"},
    {"average_amount", "currency"},
    {"last_amount", "currency"},
    {"items_per_order", "lines"},
    {"refund_share", "share", false},
    {"views", "events"},
    {"carts", "events"},
    {"sessions", "sessions"},
    {"recent_acts", "events"},
    {"category_breadth", "categories"},
    {"weekend_share", "share", false},
}};

double Days(int64_t from_ms, int64_t to_ms) {
  return to_ms <= from_ms ? 0 : static_cast<double>(to_ms - from_ms) / static_cast<double>(kDayMs);
}

size_t TimesSince(const PackedVector<int64_t>& times, int64_t from_ms) {
  return static_cast<size_t>(times.end() - std::lower_bound(times.begin(), times.end(), from_ms));
}

// Of the newest purchases, at most 32.
double GapDeviation(const PackedVector<int64_t>& times) {
  constexpr size_t kMost = 32;
  const size_t first = times.size() > kMost ? times.size() - kMost : 0;
  if (times.size() - first < 3) return 0;
  const double count = static_cast<double>(times.size() - first - 1);
  const double mean = Days(times[first], times.back()) / count;
  double squares = 0;
  for (size_t i = first + 1; i < times.size(); ++i) {
    const double off = Days(times[i - 1], times[i]) - mean;
    squares += off * off;
  }
  return std::sqrt(squares / count);
}

}  // namespace

const InputInfo& GetInputInfo(size_t input) { return kInfos[input]; }

double InputValue(size_t input, float seen) {
  return kInfos[input].log1p ? std::copysign(std::expm1(std::abs(double{seen})), double{seen})
                             : double{seen};
}

InputVector PredictionInputs(const Profile& profile, int64_t as_of_ms) {
  InputVector inputs{};
  if (profile.empty()) return inputs;
  const auto set = [&inputs](InputId id, double value) {
    const size_t i = static_cast<size_t>(id);
    inputs[i] = static_cast<float>(
        kInfos[i].log1p ? std::copysign(std::log1p(std::abs(value)), value) : value);
  };
  const int64_t now_ms = std::max(as_of_ms, profile.last_seen_ms());
  const FeatureVector features = Features(profile, now_ms);
  const auto feature = [&features](FeatureId id) { return features[static_cast<size_t>(id)]; };
  const Purchases& purchases = profile.purchases();
  const double frequency = feature(FeatureId::kPurchaseFrequency);
  const double since = feature(FeatureId::kDaysSinceLastPurchase);
  const double since_first = purchases.lines == 0 ? 0 : Days(purchases.first_ms, now_ms);
  const double gap = frequency > 1 ? feature(FeatureId::kMeanGapDays) : since_first;
  set(InputId::kPurchaseFrequency, frequency);
  set(InputId::kOneTimeBuyer, frequency == 1 ? 1 : 0);
  set(InputId::kNeverBought, frequency == 0 ? 1 : 0);
  set(InputId::kSincePurchase, since);
  set(InputId::kSinceEvent, feature(FeatureId::kDaysSinceLastEvent));
  set(InputId::kSinceFirstPurchase, since_first);
  set(InputId::kMeanGap, gap);
  set(InputId::kGapSpread, GapDeviation(purchases.times));
  set(InputId::kOverdue, frequency > 1 ? std::log1p(since) - std::log1p(gap) : 0);
  const auto bought_within = [&](int64_t days) {
    return static_cast<double>(TimesSince(purchases.times, now_ms - days * kDayMs));
  };
  set(InputId::kPurchases7, bought_within(7));
  set(InputId::kPurchases30, bought_within(30));
  set(InputId::kPurchases90, bought_within(90));
  set(InputId::kPurchases180, bought_within(180));
  set(InputId::kTotalSpend, feature(FeatureId::kTotalSpend));
  set(InputId::kAverageAmount, feature(FeatureId::kAverageOrderAmount));
  double lines = 0;
  for (const TimedAmount& amount : purchases.last_amounts) {
    lines += static_cast<double>(amount.micros) / kMicros;
  }
  const double count = static_cast<double>(purchases.last_amounts.size());
  set(InputId::kLastAmount, count > 0 ? lines / count : 0);
  set(InputId::kItemsPerOrder, feature(FeatureId::kItemsPerOrder));
  set(InputId::kRefundShare, feature(FeatureId::kRefundShare));
  set(InputId::kViews, feature(FeatureId::kViews));
  set(InputId::kCarts, feature(FeatureId::kCarts));
  set(InputId::kSessions, feature(FeatureId::kSessions));
  double acts = 0;
  for (const RecentItem& item : profile.recent_items()) {
    if (item.time_ms >= now_ms - 7 * kDayMs) ++acts;
  }
  set(InputId::kRecentActs, acts);
  set(InputId::kCategoryBreadth, feature(FeatureId::kCategoryBreadth));
  set(InputId::kWeekendShare, feature(FeatureId::kWeekendShare));
  return inputs;
}

std::vector<CategoryInput> CategoryInputs(const Profile& profile, const learn::ForwardDecay& decay,
                                          int64_t as_of_ms) {
  std::vector<CategoryInput> categories;
  for (const AffinityShare& share : profile.CategoryAffinities(
           decay, std::max(as_of_ms, profile.last_seen_ms()), kMaxCategoryInputs)) {
    CategoryInput& category = categories.emplace_back();
    category.term = share.term;
    category.values = {static_cast<float>(std::log1p(std::max(0.0, share.weight))),
                       static_cast<float>(share.share),
                       static_cast<float>(std::log1p(static_cast<double>(categories.size() - 1)))};
  }
  return categories;
}

}  // namespace kindred::profile
