// What became of events hour by hour and source by source: what data quality over time is judged
// by. A source is a channel ("web", "app"), as producers name it.
//
// In event time, with the newest 14 days kept: an accepted event counts at its own time, or at that
// of its arrival if it claims to come from the future, so that one wrong clock does not move all; a
// copy or a rejected event, whose time cannot be trusted, at that of the newest event. So the book
// is a function of the partition's log, and books add.
#ifndef KINDRED_CLEAN_QUALITY_BOOK_H_
#define KINDRED_CLEAN_QUALITY_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clean/clean_event.h"
#include "clean/quality.h"
#include "event/event_type.h"

namespace kindred::clean {

inline constexpr int64_t kQualityHourMs = 3'600'000;
inline constexpr int64_t kQualityHours = 14 * 24;
inline constexpr int kDelays = 4;    // arrived within a minute, an hour, a day, or later
inline constexpr int kAmounts = 12;  // of purchases: below 1, below 2, below 4, …, 1024 and more

// One source's hour. Counts stop at 2^32 - 1.
struct QualityCell {
  // Stored: never reorder.
  enum : size_t {
    kAccepted,
    kDuplicates,
    kRejected,
    kCorrected,                              // of the accepted
    kOutlying,                               // of the accepted: an outlier of price, amount or rate
    kMissing,                                // [MissingField], of those that
    kCalledFor = kMissing + kMissingFields,  // [MissingField] should have it
    kDelay = kCalledFor + kMissingFields,
    kAmount = kDelay + kDelays,
    kType = kAmount + kAmounts,  // [EventType]
    kCounts = kType + event::kEventTypes,
  };
  std::array<uint32_t, kCounts> counts{};

  void Add(size_t count, uint32_t more = 1) {
    counts[count] = more > UINT32_MAX - counts[count] ? UINT32_MAX : counts[count] + more;
  }
  QualityCell& operator+=(const QualityCell& other);
  friend bool operator==(const QualityCell&, const QualityCell&) = default;
};

// By source, then by hour since 1970.
using QualityHours = std::map<std::string, std::map<int64_t, QualityCell>>;

// Threads: none; the owner guards it. Bounded: 18 sources of 336 hours, about 1.5 MB.
class QualityBook {
 public:
  // The first so many channels have cells of their own; events of others are of kOtherSources.
  static constexpr size_t kMostSources = 16;
  static constexpr size_t kLongestSource = 64;
  static constexpr absl::string_view kNoSource = "(none)";  // events that name no channel
  static constexpr absl::string_view kOtherSources = "(other)";

  void CountAccepted(const CleanEvent& event);
  // Not counted before the first accepted event. `channel` may be any bytes.
  void CountDuplicate(absl::string_view channel) {
    CountAtNewest(channel, QualityCell::kDuplicates);
  }
  void CountRejected(absl::string_view channel) { CountAtNewest(channel, QualityCell::kRejected); }

  // Time of the newest event, as above; after a restart the start of its hour. 0: none yet.
  int64_t newest_ms() const { return newest_ms_; }
  void AddTo(QualityHours* sum) const;
  size_t memory_bytes() const;

  // Rows for a store: all that changed since the last call.
  void TakeChanges(absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
                   absl::FunctionRef<void(absl::string_view key)> remove);
  static constexpr absl::string_view kRowPrefix = "hours/";
  // In the order of their keys. DataLoss for anything TakeChanges() cannot have written.
  absl::Status RestoreRow(absl::string_view key, absl::string_view row);
  // After the last row, before anything else. DataLoss as above.
  absl::Status FinishRestore() const;

 private:
  using Hour = std::vector<QualityCell>;  // by source, as far as there was anything

  size_t SourceOf(absl::string_view channel, bool may_add);
  QualityCell* CellOf(size_t source, int64_t hour);
  void CountAtNewest(absl::string_view channel, size_t count);
  absl::Status RestoreSources(absl::string_view row);

  // 0: kNoSource, 1: kOtherSources, then as they came.
  std::vector<std::string> sources_ = {std::string(kNoSource), std::string(kOtherSources)};
  bool sources_dirty_ = false;
  int64_t newest_hour_ = 0;  // 0: nothing yet
  int64_t newest_ms_ = 0;
  std::map<int64_t, Hour> hours_;
  std::set<int64_t> dirty_;
  std::vector<int64_t> removed_;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_QUALITY_BOOK_H_
