#include "profile/features.h"

#include <algorithm>
#include <cmath>

namespace kindred::profile {
namespace {

constexpr double kDayMs = 86'400'000;

constexpr std::array<FeatureInfo, kFeatureCount> kInfos = {{
    {"purchase_frequency", "purchases", "frequent", "infrequent", true,
     "Distinct times at which the customer bought."},
    {"total_spend", "currency", "high spend", "low spend", true,
     "Amount bought less amount refunded, in the node's currency."},
    {"average_order_amount", "currency", "large orders", "small orders", true,
     "Amount bought per distinct purchase time."},
    {"items_per_order", "lines", "many items an order", "few items an order", true,
     "Purchase lines per distinct purchase time."},
    {"mean_gap_days", "days", "long between purchases", "short between purchases", true,
     "Mean time between distinct purchase times; 0 with fewer than two."},
    {"days_since_last_purchase", "days", "no recent purchase", "recent purchase", true,
     "Time since the newest purchase, or since the first event without one."},
    {"days_since_last_event", "days", "inactive", "active lately", true,
     "Time since the newest event."},
    {"tenure_days", "days", "long-standing", "new", true, "Time since the first event."},
    {"views", "events", "views a lot", "views little", true, "View and click events."},
    {"carts", "events", "fills carts", "few carts", true, "Add-to-cart events."},
    {"cart_to_purchase", "share", "buys what is in the cart", "leaves carts", false,
     "Purchase lines over purchase lines and add-to-cart events."},
    {"sessions", "sessions", "many visits", "few visits", true,
     "Visits, cut at 30 minutes without an event."},
    {"refund_share", "share", "many refunds", "few refunds", false,
     "Amount refunded over amount bought, at most 1."},
    {"category_breadth", "categories", "broad interests", "narrow interests", true,
     "Effective number of categories: the exponential of the entropy of category affinities."},
    {"weekend_share", "share", "weekend", "weekday", false,
     "Share of events on Saturday and Sunday, UTC."},
    {"evening_share", "share", "evening", "daytime", false,
     "Share of events between 18:00 and 24:00, UTC."},
}};

double Days(int64_t from_ms, int64_t to_ms) {
  return to_ms <= from_ms ? 0 : static_cast<double>(to_ms - from_ms) / kDayMs;
}

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// exp(-Σ p log p) = total · exp(-Σ s log s / total) over the sums s.
double EffectiveNumber(absl::Span<const AffinitySum> sums) {
  double largest = 0;
  for (const AffinitySum& entry : sums) largest = std::max(largest, entry.sum());
  if (largest <= 0) return 0;
  double total = 0;
  double weighted_logs = 0;
  for (const AffinitySum& entry : sums) {
    const double part = entry.sum() / largest;  // forward-decayed sums are huge
    if (part <= 1e-12) continue;
    total += part;
    weighted_logs += part * std::log(part);
  }
  return total * std::exp(-weighted_logs / total);
}

}  // namespace

const FeatureInfo& GetFeatureInfo(size_t dimension) { return kInfos[dimension]; }

int FeatureByName(absl::string_view name) {
  for (size_t i = 0; i < kInfos.size(); ++i) {
    if (kInfos[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

FeatureVector Features(const Profile& profile, int64_t as_of_ms) {
  FeatureVector values{};
  if (profile.empty()) return values;
  const auto set = [&values](FeatureId id, double value) {
    values[static_cast<size_t>(id)] = value;
  };
  const int64_t now_ms = std::max(as_of_ms, profile.last_seen_ms());
  const Purchases& purchases = profile.purchases();
  const double frequency = static_cast<double>(purchases.frequency());
  const double bought = static_cast<double>(purchases.total_micros) / kMicros;
  const double refunded = static_cast<double>(purchases.refunded_micros) / kMicros;
  set(FeatureId::kPurchaseFrequency, frequency);
  set(FeatureId::kTotalSpend, bought - refunded);
  set(FeatureId::kAverageOrderAmount, Ratio(bought, frequency));
  set(FeatureId::kItemsPerOrder, Ratio(purchases.lines, frequency));
  set(FeatureId::kMeanGapDays, Ratio(Days(purchases.first_ms, purchases.last_ms()), frequency - 1));
  const bool never = purchases.lines == 0;
  set(FeatureId::kDaysSinceLastPurchase,
      Days(never ? profile.first_seen_ms() : purchases.last_ms(), now_ms));
  set(FeatureId::kDaysSinceLastEvent, Days(profile.last_seen_ms(), now_ms));
  set(FeatureId::kTenureDays, Days(profile.first_seen_ms(), now_ms));

  double events = 0;
  double views = 0;
  double carts = 0;
  for (const TypeCount& entry : profile.type_counts()) {
    events += entry.count;
    if (entry.type == event::EventType::kView || entry.type == event::EventType::kClick) {
      views += entry.count;
    } else if (entry.type == event::EventType::kAddToCart) {
      carts += entry.count;
    }
  }
  set(FeatureId::kViews, views);
  set(FeatureId::kCarts, carts);
  set(FeatureId::kCartToPurchase, Ratio(purchases.lines, purchases.lines + carts));
  set(FeatureId::kSessions, static_cast<double>(profile.session_count()));
  set(FeatureId::kRefundShare,
      refunded > 0 ? std::min(1.0, bought > 0 ? refunded / bought : 1.0) : 0.0);
  set(FeatureId::kCategoryBreadth, EffectiveNumber(profile.category_sums()));
  double evening = 0;
  for (int hour = 18; hour < 24; ++hour) evening += static_cast<double>(profile.HourCount(hour));
  const double weekend = static_cast<double>(profile.WeekdayCount(5) + profile.WeekdayCount(6));
  set(FeatureId::kWeekendShare, std::min(1.0, Ratio(weekend, events)));
  set(FeatureId::kEveningShare, std::min(1.0, Ratio(evening, events)));
  return values;
}

double Transform(size_t dimension, double value) {
  return kInfos[dimension].log1p ? std::copysign(std::log1p(std::abs(value)), value) : value;
}

double Untransform(size_t dimension, double value) {
  return kInfos[dimension].log1p ? std::copysign(std::expm1(std::abs(value)), value) : value;
}

FeatureVector Transformed(const FeatureVector& values) {
  FeatureVector transformed;
  for (size_t i = 0; i < kFeatureCount; ++i) transformed[i] = Transform(i, values[i]);
  return transformed;
}

}  // namespace kindred::profile
