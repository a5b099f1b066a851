#include "clean/outliers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/hash.h"

namespace kindred::clean {
namespace {

constexpr uint8_t kVersion = 1;
constexpr double kMadToDeviation = 1.4826;  // of a normal distribution

// AmountHistory: the lower edge of bin 0 is 2^kLowestBin.
constexpr int kLowestBin = -3;
constexpr uint8_t kEmptyHistory = 0;
constexpr uint8_t kUsedHistory = 1;

constexpr double kMinuteMs = 60000;
// However fast a machine was, it is forgiven after about an hour.
constexpr float kMaxLevel = 10000;

// PriceBook: the first guess of a price's spread, and the least the estimate may sink to, in
// doublings (a quarter, and one hundredth).
constexpr float kFirstSpread = 0.32f;
constexpr float kMinSpread = 0.015f;
// A step is this share of the spread at the start, and falls with the square root of the count to a
// floor, so that the estimate follows a drift.
constexpr float kFirstStep = 1.0f;
constexpr float kLastStep = 0.05f;
constexpr int kStreakToRestart = 10;
constexpr int kPageKeyBytes = 2;
constexpr size_t kEntryBytes = 8 + 4 + 4 + 2 + 1;

absl::Status Corrupt() { return absl::DataLossError("stored price book: malformed"); }

}  // namespace

int AmountHistory::BinOf(double amount) {
  if (!(amount > 0)) return 0;
  // ilogb() of infinity is the greatest integer.
  return std::clamp(std::ilogb(amount), kLowestBin, kLowestBin + kBins - 1) - kLowestBin;
}

void AmountHistory::Update(double amount) {
  uint8_t& count = counts_[static_cast<size_t>(BinOf(amount))];
  if (count == std::numeric_limits<uint8_t>::max()) Halve();
  ++count;
}

void AmountHistory::Halve() {
  for (uint8_t& count : counts_) count = static_cast<uint8_t>((count + 1) / 2);
}

bool AmountHistory::IsOutlier(double amount, const OutlierRules& rules) const {
  uint32_t total = 0;
  for (const uint8_t count : counts_) total += count;
  if (total == 0 || total < rules.min_observations || !(amount > 0)) return false;
  int median = 0;
  for (uint32_t below = counts_[0]; below * 2 < total;) {
    below += counts_[static_cast<size_t>(++median)];
  }
  // Bins away from the median, until half of all amounts are within.
  int mad = 0;
  const auto at = [this](int bin) {
    return bin >= 0 && bin < kBins ? counts_[static_cast<size_t>(bin)] : 0u;
  };
  for (uint32_t within = at(median); within * 2 < total;) {
    ++mad;
    within += at(median - mad) + at(median + mad);
  }
  const double middle = median + kLowestBin + 0.5;
  // Half a bin: what the bins hide.
  const double limit = std::max(rules.deviations * kMadToDeviation * (mad + 0.5),
                                std::log2(std::max(1.0, rules.amount_factor)));
  return std::log2(amount) - middle > limit;
}

void AmountHistory::Add(const AmountHistory& other) {
  AmountHistory addend = other;
  const auto overflows = [&] {
    for (size_t i = 0; i < kBins; ++i) {
      if (counts_[i] + addend.counts_[i] > std::numeric_limits<uint8_t>::max()) return true;
    }
    return false;
  };
  while (overflows()) {
    Halve();
    addend.Halve();
  }
  for (size_t i = 0; i < kBins; ++i) {
    counts_[i] = static_cast<uint8_t>(counts_[i] + addend.counts_[i]);
  }
}

bool AmountHistory::empty() const { return counts_ == decltype(counts_){}; }

void AmountHistory::Encode(base::ByteWriter* out) const {
  uint32_t used = 0;
  for (size_t i = 0; i < kBins; ++i) used |= counts_[i] != 0 ? 1u << i : 0u;
  out->Varint(used);
  for (const uint8_t count : counts_) {
    if (count != 0) out->U8(count);
  }
}

AmountHistory AmountHistory::Decode(base::ByteReader* in) {
  AmountHistory history;
  const uint64_t used = in->Varint();
  for (size_t i = 0; i < kBins; ++i) {
    if ((used >> i & 1) != 0) history.counts_[i] = in->U8();
  }
  return history;
}

float RateHistory::LevelAt(int64_t event_time_ms, const OutlierRules& rules) const {
  const double leaked =
      static_cast<double>(event_time_ms - last_ms_) / kMinuteMs * rules.events_per_minute;
  return static_cast<float>(std::max(0.0, level_ - std::max(0.0, leaked)));
}

void RateHistory::Update(int64_t event_time_ms, const OutlierRules& rules) {
  if (!empty() && (event_time_ms == last_ms_ || event_time_ms < last_ms_ - kMinuteMs)) return;
  level_ = std::min(kMaxLevel, LevelAt(event_time_ms, rules) + 1);
  last_ms_ = std::max(last_ms_, event_time_ms);
}

bool RateHistory::IsOutlier(int64_t event_time_ms, const OutlierRules& rules) const {
  if (empty() || event_time_ms < last_ms_ - kMinuteMs) return false;
  const float one = event_time_ms == last_ms_ ? 0.0f : 1.0f;
  return LevelAt(event_time_ms, rules) + one > 2 * rules.events_per_minute;
}

void RateHistory::Add(const RateHistory& other, const OutlierRules& rules) {
  if (other.empty()) return;
  const int64_t last_ms = empty() ? other.last_ms_ : std::max(last_ms_, other.last_ms_);
  level_ = std::min(kMaxLevel, LevelAt(last_ms, rules) + other.LevelAt(last_ms, rules));
  last_ms_ = last_ms;
}

void RateHistory::Encode(base::ByteWriter* out) const {
  out->U8(empty() ? kEmptyHistory : kUsedHistory);
  if (empty()) return;
  out->Signed(last_ms_);
  out->F32(level_);
}

RateHistory RateHistory::Decode(base::ByteReader* in) {
  RateHistory history;
  if (in->U8() == kEmptyHistory) return history;
  constexpr int64_t kMaxTimeMs = int64_t{1} << 48;
  history.last_ms_ = std::clamp<int64_t>(in->Signed(), 0, kMaxTimeMs);
  const float level = in->F32();
  // Also turns NaN into 0.
  history.level_ = level > 0 ? std::min(level, kMaxLevel) : 0;
  if (history.level_ == 0) history.last_ms_ = 0;
  return history;
}

PriceBook::PriceBook(uint32_t max_items) : max_items_(max_items) {}

uint64_t PriceBook::FingerprintOf(absl::string_view item_id, absl::string_view currency) {
  uint64_t seed = 0;
  for (const char c : currency) seed = seed << 8 | static_cast<uint8_t>(c);
  return base::Fingerprint64(item_id, seed);
}

const PriceBook::Entry* PriceBook::Find(uint64_t fingerprint) const {
  if (pages_.empty()) return nullptr;
  const Page& page = pages_[fingerprint >> (64 - kPageBits)];
  const auto found =
      std::lower_bound(page.begin(), page.end(), fingerprint,
                       [](const Entry& entry, uint64_t key) { return entry.fingerprint < key; });
  return found != page.end() && found->fingerprint == fingerprint ? &*found : nullptr;
}

bool PriceBook::Judge(const Entry& entry, float log_price, const OutlierRules& rules) {
  if (entry.count < rules.min_observations) return false;
  const double limit = std::max(rules.deviations * kMadToDeviation * entry.spread,
                                std::log2(std::max(1.0, rules.price_factor)));
  return std::abs(log_price - entry.median) > limit;
}

void PriceBook::Learn(float log_price, bool outlier, Entry* entry) {
  const float distance = log_price - entry->median;
  if (!outlier) {
    entry->streak = 0;
  } else if (distance > 0) {
    entry->streak = static_cast<int8_t>(std::max<int>(entry->streak, 0) + 1);
  } else {
    entry->streak = static_cast<int8_t>(std::min<int>(entry->streak, 0) - 1);
  }
  if (entry->count == 0 || std::abs(entry->streak) >= kStreakToRestart) {
    *entry = {entry->fingerprint, log_price, kFirstSpread, 1, 0};
    return;
  }
  if (entry->count < std::numeric_limits<uint16_t>::max()) ++entry->count;
  const float step =
      entry->spread * std::max(kLastStep, kFirstStep / std::sqrt(static_cast<float>(entry->count)));
  // A step never leads past the observation.
  entry->median += std::clamp(distance, -step, step);
  entry->spread += std::clamp(std::abs(distance) - entry->spread, -step, step);
  entry->spread = std::max(entry->spread, kMinSpread);
}

bool PriceBook::IsOutlier(absl::string_view item_id, absl::string_view currency, double price,
                          const OutlierRules& rules) const {
  const Entry* entry = Find(FingerprintOf(item_id, currency));
  return entry != nullptr && price > 0 &&
         Judge(*entry, static_cast<float>(std::log2(price)), rules);
}

bool PriceBook::Observe(absl::string_view item_id, absl::string_view currency, double price,
                        const OutlierRules& rules) {
  if (!(price > 0)) return false;
  if (pages_.empty()) {
    pages_.resize(1u << kPageBits);
    dirty_.resize(pages_.size());
  }
  const uint64_t fingerprint = FingerprintOf(item_id, currency);
  const auto page_number = static_cast<uint32_t>(fingerprint >> (64 - kPageBits));
  Page& page = pages_[page_number];
  auto found =
      std::lower_bound(page.begin(), page.end(), fingerprint,
                       [](const Entry& entry, uint64_t key) { return entry.fingerprint < key; });
  if (found == page.end() || found->fingerprint != fingerprint) {
    if (size_ >= max_items_) {
      ++untracked_;
      return false;
    }
    ++size_;
    found = page.insert(found, Entry{fingerprint});
  }
  const float log_price = static_cast<float>(std::log2(price));
  const bool outlier = Judge(*found, log_price, rules);
  Learn(log_price, outlier, &*found);
  if (!dirty_[page_number]) {
    dirty_[page_number] = true;
    dirty_pages_.push_back(page_number);
  }
  return outlier;
}

size_t PriceBook::memory_bytes() const {
  // Vectors are half to wholly full.
  return sizeof(*this) + pages_.size() * sizeof(Page) + size_ * sizeof(Entry) * 4 / 3;
}

RowChanges PriceBook::TakeChanges() {
  RowChanges changes;
  std::sort(dirty_pages_.begin(), dirty_pages_.end());
  for (const uint32_t page_number : dirty_pages_) {
    StoredRow row;
    row.key = {static_cast<char>(page_number >> 8), static_cast<char>(page_number)};
    row.value.reserve(1 + pages_[page_number].size() * kEntryBytes);
    base::ByteWriter writer(&row.value);
    writer.U8(kVersion);
    for (const Entry& entry : pages_[page_number]) {
      writer.U64(entry.fingerprint);
      writer.F32(entry.median);
      writer.F32(entry.spread);
      writer.U8(static_cast<uint8_t>(entry.count));
      writer.U8(static_cast<uint8_t>(entry.count >> 8));
      writer.U8(static_cast<uint8_t>(entry.streak));
    }
    changes.puts.push_back(std::move(row));
    dirty_[page_number] = false;
  }
  dirty_pages_.clear();
  return changes;
}

absl::Status PriceBook::RestoreRow(absl::string_view key, absl::string_view value) {
  if (key.size() != kPageKeyBytes) return Corrupt();
  const size_t page_number =
      static_cast<size_t>(static_cast<uint8_t>(key[0])) << 8 | static_cast<uint8_t>(key[1]);
  if (page_number >= 1u << kPageBits) return Corrupt();
  base::ByteReader reader(value);
  if (reader.U8() != kVersion || reader.remaining() % kEntryBytes != 0) return Corrupt();
  Page page(reader.remaining() / kEntryBytes);
  uint64_t last = 0;
  for (Entry& entry : page) {
    entry.fingerprint = reader.U64();
    entry.median = reader.F32();
    entry.spread = reader.F32();
    const uint32_t low = reader.U8();
    entry.count = static_cast<uint16_t>(low | static_cast<uint32_t>(reader.U8()) << 8);
    entry.streak = static_cast<int8_t>(reader.U8());
    const bool ordered = &entry == page.data() || entry.fingerprint > last;
    if (!ordered || entry.fingerprint >> (64 - kPageBits) != page_number ||
        !std::isfinite(entry.median) || !(entry.spread >= kMinSpread) || !(entry.spread < 1e6f) ||
        std::abs(entry.streak) >= kStreakToRestart) {
      return Corrupt();
    }
    last = entry.fingerprint;
  }
  if (pages_.empty()) {
    pages_.resize(1u << kPageBits);
    dirty_.resize(pages_.size());
  }
  if (!pages_[page_number].empty()) return Corrupt();
  size_ += static_cast<uint32_t>(page.size());
  pages_[page_number] = std::move(page);
  return absl::OkStatus();
}

}  // namespace kindred::clean
