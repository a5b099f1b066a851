#include "clean/quality_book.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"

namespace kindred::clean {
namespace {

constexpr uint8_t kVersion = 1;
constexpr absl::string_view kSourcesKey = "sources";  // after "hours/…"
static_assert(QualityCell::kCounts <= 64, "a cell's row has a bit for each count");

constexpr uint32_t kOutlierFlags = static_cast<uint32_t>(Flag::kOutlierPrice) |
                                   static_cast<uint32_t>(Flag::kOutlierAmount) |
                                   static_cast<uint32_t>(Flag::kOutlierRate);

// At least 1: no event is older than 1990.
int64_t HourOf(int64_t time_ms) { return std::max<int64_t>(1, time_ms / kQualityHourMs); }

size_t DelayOf(int64_t delay_ms) {
  constexpr std::array<int64_t, kDelays - 1> kLimits = {60'000, 3'600'000, 86'400'000};
  size_t delay = 0;
  while (delay < kLimits.size() && delay_ms > kLimits[delay]) ++delay;
  return delay;
}

size_t AmountOf(double amount) {
  if (!(amount >= 1)) return 0;
  return std::min<size_t>(kAmounts - 1, static_cast<size_t>(std::ilogb(amount)) + 1);
}

// Ordered as the hours are.
std::string HourKey(int64_t hour) {
  std::string key(QualityBook::kRowPrefix);
  const uint64_t value = static_cast<uint64_t>(hour) ^ (uint64_t{1} << 63);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
  return key;
}

void EncodeCell(const QualityCell& cell, base::ByteWriter* out) {
  uint64_t there = 0;
  for (size_t i = 0; i < cell.counts.size(); ++i) {
    if (cell.counts[i] != 0) there |= uint64_t{1} << i;
  }
  out->Varint(there);
  for (const uint32_t count : cell.counts) {
    if (count != 0) out->Varint(count);
  }
}

bool DecodeCell(base::ByteReader* in, QualityCell* cell) {
  const uint64_t there = in->Varint();
  if (there >> QualityCell::kCounts != 0) return false;
  for (uint64_t bits = there; bits != 0; bits &= bits - 1) {
    const uint64_t count = in->Varint();
    if (count == 0 || count > UINT32_MAX) return false;
    cell->counts[static_cast<size_t>(std::countr_zero(bits))] = static_cast<uint32_t>(count);
  }
  return in->ok();
}

}  // namespace

QualityCell& QualityCell::operator+=(const QualityCell& other) {
  for (size_t i = 0; i < counts.size(); ++i) Add(i, other.counts[i]);
  return *this;
}

size_t QualityBook::SourceOf(absl::string_view channel, bool may_add) {
  if (channel.empty()) return 0;
  channel = channel.substr(0, kLongestSource);
  for (size_t i = 2; i < sources_.size(); ++i) {
    if (sources_[i] == channel) return i;
  }
  if (!may_add || sources_.size() >= 2 + kMostSources || channel == kNoSource ||
      channel == kOtherSources) {
    return 1;
  }
  sources_.emplace_back(channel);
  sources_dirty_ = true;
  return sources_.size() - 1;
}

// Null when the hour is older than what is kept.
QualityCell* QualityBook::CellOf(size_t source, int64_t hour) {
  if (newest_hour_ != 0 && hour <= newest_hour_ - kQualityHours) return nullptr;
  if (newest_hour_ == 0 || hour > newest_hour_) {
    newest_hour_ = hour;
    while (!hours_.empty() && hours_.begin()->first <= hour - kQualityHours) {
      removed_.push_back(hours_.begin()->first);
      dirty_.erase(hours_.begin()->first);
      hours_.erase(hours_.begin());
    }
  }
  Hour& cells = hours_[hour];
  if (cells.size() <= source) cells.resize(source + 1);
  dirty_.insert(hour);
  return &cells[source];
}

void QualityBook::CountAccepted(const CleanEvent& event) {
  // A log may have no times of arrival.
  const int64_t time_ms =
      event.arrival_ms > 0 ? std::min(event.event_time_ms, event.arrival_ms) : event.event_time_ms;
  newest_ms_ = std::max(newest_ms_, time_ms);
  QualityCell* const cell = CellOf(SourceOf(event.channel, true), HourOf(time_ms));
  if (cell == nullptr) return;
  cell->Add(QualityCell::kAccepted);
  if (event.corrections != 0) cell->Add(QualityCell::kCorrected);
  if ((event.flags & kOutlierFlags) != 0) cell->Add(QualityCell::kOutlying);
  for (uint32_t bits = MissingFieldsOf(event); bits != 0; bits &= bits - 1) {
    cell->Add(QualityCell::kMissing + static_cast<size_t>(std::countr_zero(bits)));
  }
  for (uint32_t bits = CalledForFieldsOf(event); bits != 0; bits &= bits - 1) {
    cell->Add(QualityCell::kCalledFor + static_cast<size_t>(std::countr_zero(bits)));
  }
  cell->Add(QualityCell::kDelay + DelayOf(event.arrival_ms - event.event_time_ms));
  if (event.type == event::EventType::kPurchase && event.has_amount) {
    cell->Add(QualityCell::kAmount + AmountOf(event.amount));
  }
  cell->Add(QualityCell::kType + static_cast<size_t>(event.type));
}

void QualityBook::CountAtNewest(absl::string_view channel, size_t count) {
  if (newest_hour_ == 0) return;
  CellOf(SourceOf(channel, false), newest_hour_)->Add(count);
}

void QualityBook::AddTo(QualityHours* sum) const {
  for (const auto& [hour, cells] : hours_) {
    for (size_t source = 0; source < cells.size(); ++source) {
      if (cells[source] == QualityCell()) continue;
      (*sum)[sources_[source]][hour] += cells[source];
    }
  }
}

size_t QualityBook::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [_, cells] : hours_) bytes += 64 + cells.capacity() * sizeof(QualityCell);
  return bytes;
}

void QualityBook::TakeChanges(
    absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
    absl::FunctionRef<void(absl::string_view key)> remove) {
  std::string row;
  if (sources_dirty_) {
    base::ByteWriter writer(&row);
    writer.U8(kVersion);
    writer.Varint(sources_.size() - 2);
    for (size_t i = 2; i < sources_.size(); ++i) writer.Bytes(sources_[i]);
    put(kSourcesKey, row);
    sources_dirty_ = false;
  }
  for (const int64_t hour : removed_) remove(HourKey(hour));
  removed_.clear();
  for (const int64_t hour : dirty_) {
    row.clear();
    base::ByteWriter writer(&row);
    writer.U8(kVersion);
    const Hour& cells = hours_.find(hour)->second;
    writer.Varint(cells.size());
    for (const QualityCell& cell : cells) EncodeCell(cell, &writer);
    put(HourKey(hour), row);
  }
  dirty_.clear();
}

absl::Status QualityBook::RestoreSources(absl::string_view row) {
  base::ByteReader in(row);
  bool valid = in.U8() == kVersion;
  const size_t count = in.Count();
  valid = valid && count <= kMostSources && sources_.size() == 2;
  for (size_t i = 0; valid && i < count; ++i) {
    const absl::string_view name = in.Bytes();
    valid = !name.empty() && name.size() <= kLongestSource &&
            std::find(sources_.begin(), sources_.end(), name) == sources_.end();
    sources_.emplace_back(name);
  }
  if (!valid || !in.Done()) return absl::DataLossError("stored sources of events: malformed");
  return absl::OkStatus();
}

absl::Status QualityBook::FinishRestore() const {
  for (const auto& [_, cells] : hours_) {
    if (cells.size() > sources_.size()) {
      return absl::DataLossError("stored hour of events: of an unknown source");
    }
  }
  return absl::OkStatus();
}

absl::Status QualityBook::RestoreRow(absl::string_view key, absl::string_view row) {
  if (key == kSourcesKey) return RestoreSources(row);
  uint64_t value = 0;
  bool valid = absl::ConsumePrefix(&key, kRowPrefix) && key.size() == 8;
  for (const char byte : key.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(byte);
  const auto hour = static_cast<int64_t>(value ^ (uint64_t{1} << 63));
  // Any time that a cleaner lets pass, with room to spare; in order, and within what is kept.
  constexpr int64_t kFarthestHour = 10'000'000;
  valid = valid && hour > 0 && hour < kFarthestHour && (newest_hour_ == 0 || hour > newest_hour_) &&
          (hours_.empty() || hours_.begin()->first > hour - kQualityHours);
  base::ByteReader in(row);
  valid = valid && in.U8() == kVersion;
  const size_t count = in.Count();
  valid = valid && count >= 1 && count <= 2 + kMostSources;
  if (!valid) return absl::DataLossError("stored hour of events: malformed");
  Hour cells(count);
  for (QualityCell& cell : cells) valid = valid && DecodeCell(&in, &cell);
  if (!valid || !in.Done()) return absl::DataLossError("stored hour of events: malformed");
  hours_[hour] = std::move(cells);
  newest_hour_ = hour;
  newest_ms_ = hour * kQualityHourMs;
  return absl::OkStatus();
}

}  // namespace kindred::clean
