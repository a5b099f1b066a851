// Profile::Undo: Apply() backwards, part by part.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "profile/bounded_sets.h"
#include "profile/profile.h"

namespace kindred::profile {
namespace {

using event::EventType;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kMaxTimeMs = (int64_t{1} << 47) - 1;
// What rounding leaves of a sum whose parts are gone.
constexpr double kRounding = 1e-9;

template <typename T, typename Match>
size_t Find(const PackedVector<T>& entries, Match match) {
  return static_cast<size_t>(std::find_if(entries.begin(), entries.end(), match) - entries.begin());
}

// Takes one from an entry's count; an entry without a count leaves.
template <typename T, typename Match>
bool TakeOne(PackedVector<T>& entries, Match match) {
  const size_t at = Find(entries, match);
  if (at == entries.size()) return false;
  if (--entries[at].count == 0) entries.erase(at);
  return true;
}

void TakeAffinity(PackedVector<AffinitySum>& sums, TermId term, double amount) {
  const size_t at = Find(sums, [term](const AffinitySum& entry) { return entry.term == term; });
  if (at == sums.size()) return;
  const double left = AddSums(sums[at].sum(), -amount);
  if (std::abs(left) <= std::abs(amount) * kRounding) {
    sums.erase(at);
  } else {
    sums[at].set_sum(left);
  }
}

uint32_t Less(uint32_t count) { return count == 0 ? 0 : count - 1; }

}  // namespace

bool Profile::Undo(const clean::CleanEvent& event, const ApplyContext& context) {
  const int64_t time_ms = std::clamp<int64_t>(event.event_time_ms, 1, kMaxTimeMs);
  if (!TakeOne(types_, [&event](const TypeCount& entry) { return entry.type == event.type; })) {
    return false;
  }
  if (types_.empty()) {
    // Links are no events: they stay.
    std::unique_ptr<LinkSet> links = std::move(links_);
    *this = Profile();
    links_ = std::move(links);
    return true;
  }
  UndoTime(time_ms);
  TakeOne(channels_, [&](const TermCount& entry) {
    return context.channel.value() != 0 && entry.term == context.channel;
  });
  TakeOne(devices_, [&](const TermCount& entry) {
    return context.device.value() != 0 && entry.term == context.device;
  });
  if (geography_ != nullptr && context.country.value() != 0) {
    TakeOne(geography_->countries,
            [&](const CountryCount& entry) { return entry.term == context.country; });
  }
  const double amount = AffinityWeight(event.type) * context.affinity_decay->Weight(time_ms);
  if (amount != 0) {
    TakeAffinity(categories_, context.category, amount);
    TakeAffinity(brands_, context.brand, amount);
  }
  const size_t recent = Find(recent_, [&](const RecentItem& entry) {
    return entry.time_ms == time_ms && entry.item == context.item && entry.type == event.type;
  });
  if (recent != recent_.size()) {
    recent_.erase(recent);
  } else {
    TakeOne(days_, [&](const DayCount& entry) {
      return entry.day == time_ms / kDayMs && entry.type == event.type &&
             entry.category == context.category;
    });
  }
  if (purchases_ != nullptr) {
    if (event.type == EventType::kPurchase) UndoPurchase(event, context, time_ms);
    if (event.type == EventType::kRefund) UndoRefund(event, context);
  }
  if (event.type == EventType::kDislike && rarities_ != nullptr) {
    UndoDislike({time_ms, context.item});
  }
  if (event.type == EventType::kRating && event.has_rating && rarities_ != nullptr) {
    rarities_->ratings = Less(rarities_->ratings);
    rarities_->rating_sum_micros = AddMicros(rarities_->rating_sum_micros, -ToMicros(event.rating));
  }
  return true;
}

// The one before it counts again, as far as the recent items reach.
void Profile::UndoDislike(Dislike undone) {
  std::vector<Dislike>& dislikes = rarities_->dislikes;
  if (std::erase(dislikes, undone) == 0) return;
  for (const RecentItem& entry : recent_) {
    if (entry.type == EventType::kDislike && entry.item == undone.item) {
      AddDislike(dislikes, {entry.time_ms, entry.item});
    }
  }
  if (*rarities_ == Rarities()) rarities_.reset();
}

void Profile::UndoTime(int64_t time_ms) {
  for (const int slot : {static_cast<int>(time_ms / kHourMs % 24),
                         24 + static_cast<int>((time_ms / kDayMs + 3) % 7)}) {
    if (calendar_[slot] > 0) {
      --calendar_[slot];
    } else if (calendar_high_ != nullptr && (*calendar_high_)[slot] > 0) {
      --(*calendar_high_)[slot];
      calendar_[slot] = 255;
    }
  }
  const size_t at = Find(sessions_, [time_ms](const Session& session) {
    return session.start_ms <= time_ms && time_ms <= session.end_ms;
  });
  if (at == sessions_.size()) return;
  if (sessions_[at].events > 1) {
    --sessions_[at].events;
  } else if (sessions_.size() > 1) {
    sessions_.erase(at);
  }
}

void Profile::UndoPurchase(const clean::CleanEvent& event, const ApplyContext& context,
                           int64_t time_ms) {
  Purchases& purchases = *purchases_;
  if (purchases.lines == 0) return;
  const uint32_t refund_lines = purchases.refund_lines;
  const int64_t refunded_micros = purchases.refunded_micros;
  --purchases.lines;
  const int64_t micros = event.has_amount ? ToMicros(event.amount) : 0;
  const bool other_currency =
      context.currency.value() != 0 && context.currency != context.default_currency;
  if (other_currency && rarities_ != nullptr) {
    AddCurrency(rarities_->other_currencies, {context.currency, -micros, 0});
  }
  if (purchases.lines == 0) {
    // Nothing was bought: what remains is what was given back.
    purchases = Purchases();
    purchases.refund_lines = refund_lines;
    purchases.refunded_micros = refunded_micros;
    if (refund_lines == 0) purchases_.reset();
    return;
  }
  purchases.quantity_micros = AddMicros(purchases.quantity_micros, -ToMicros(event.quantity));
  if (!other_currency) {
    purchases.total_micros = AddMicros(purchases.total_micros, -micros);
    const size_t last = Find(purchases.last_amounts, [&](const TimedAmount& entry) {
      return entry.time_ms == time_ms && entry.micros == micros;
    });
    if (last != purchases.last_amounts.size()) purchases.last_amounts.erase(last);
  }
  UndoPurchaseTime(time_ms);
  const size_t item =
      Find(purchases.items, [&](const PurchasedItem& entry) { return entry.item == context.item; });
  if (item == purchases.items.size()) return;
  PurchasedItem bought = purchases.items[item];
  purchases.items.erase(item);
  if (--bought.count == 0) return;
  if (bought.last_ms == time_ms) {
    // When it was bought before, as far as the recent items reach; else the purchase before.
    int64_t before_ms = purchases.times.front();
    for (const int64_t other : purchases.times) {
      if (other < time_ms) before_ms = other;
    }
    for (const RecentItem& entry : recent_) {
      if (entry.item == context.item && entry.type == EventType::kPurchase) {
        before_ms = entry.time_ms;
      }
    }
    bought.last_ms = std::min(before_ms, bought.last_ms);
  }
  AddPurchasedItem(purchases.items, bought);
}

// A time stays while another line of the same order has it.
void Profile::UndoPurchaseTime(int64_t time_ms) {
  PackedVector<int64_t>& times = purchases_->times;
  const bool shared = std::any_of(recent_.begin(), recent_.end(), [&](const RecentItem& entry) {
    return entry.type == EventType::kPurchase && entry.time_ms == time_ms;
  });
  const size_t at = Find(times, [time_ms](int64_t time) { return time == time_ms; });
  if (shared || at == times.size() || times.size() == 1) return;
  times.erase(at);
  if (purchases_->folded_times == 0) purchases_->first_ms = times.front();
}

void Profile::UndoRefund(const clean::CleanEvent& event, const ApplyContext& context) {
  Purchases& purchases = *purchases_;
  purchases.refund_lines = Less(purchases.refund_lines);
  if (!event.has_amount) return;
  const int64_t micros = ToMicros(event.amount);
  if (context.currency.value() != 0 && context.currency != context.default_currency) {
    if (rarities_ != nullptr) {
      AddCurrency(rarities_->other_currencies, {context.currency, 0, -micros});
    }
    return;
  }
  purchases.refunded_micros = AddMicros(purchases.refunded_micros, -micros);
}

}  // namespace kindred::profile
