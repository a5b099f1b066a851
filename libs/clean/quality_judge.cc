#include "clean/quality_judge.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "clean/stability_index.h"

namespace kindred::clean {
namespace {

constexpr int64_t kLongestWindow = 24;
constexpr uint64_t kEnough = 200;        // events that a window should have
constexpr uint64_t kEnoughBefore = 500;  // that a baseline must have
constexpr uint64_t kEnoughForDrift = 500;
constexpr uint64_t kEnoughInStretch =
    50;  // that a part of a baseline must have, to tell how it varies
constexpr size_t kLeastDays = 3;
constexpr double kLeastShare = 0.02;     // what a share must be worse by to matter
constexpr double kToDeviation = 1.4826;  // of a normal distribution: deviation over MAD

using Hours = std::map<int64_t, QualityCell>;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double Spread(const std::vector<double>& values) {
  const double median = Median(values);
  std::vector<double> off;
  for (const double value : values) off.push_back(std::abs(value - median));
  return kToDeviation * Median(std::move(off));
}

QualityCell SumOf(const Hours& hours, int64_t begin, int64_t end) {
  QualityCell sum;
  for (auto it = hours.lower_bound(begin); it != hours.end() && it->first < end; ++it) {
    sum += it->second;
  }
  return sum;
}

uint64_t Number(const QualityCell& cell, size_t count) { return cell.counts[count]; }

uint64_t Seen(const QualityCell& cell) {
  return Number(cell, QualityCell::kAccepted) + Number(cell, QualityCell::kDuplicates) +
         Number(cell, QualityCell::kRejected);
}

// A share that is better the lower it is: `part` of `whole` of a cell.
struct Share {
  absl::string_view measure;
  absl::string_view field;
  uint64_t (*part)(const QualityCell&, size_t);
  uint64_t (*whole)(const QualityCell&, size_t);
  size_t argument;
  absl::string_view what;  // happened to the events
  absl::string_view look;  // where to look
};

uint64_t Accepted(const QualityCell& cell, size_t) { return Number(cell, QualityCell::kAccepted); }

uint64_t Late(const QualityCell& cell, size_t) {
  return Number(cell, QualityCell::kDelay + 2) + Number(cell, QualityCell::kDelay + 3);
}

std::vector<Share> Shares() {
  std::vector<Share> shares;
  for (size_t field = 0; field < size_t{kMissingFields}; ++field) {
    shares.push_back(
        {"completeness", MissingFieldName(static_cast<MissingField>(field)),
         [](const QualityCell& cell, size_t i) { return Number(cell, QualityCell::kMissing + i); },
         [](const QualityCell& cell, size_t i) {
           return Number(cell, QualityCell::kCalledFor + i);
         },
         field, "lack it", "look at what its producer, or the catalogue, changed then"});
  }
  const auto seen = [](const QualityCell& cell, size_t) { return Seen(cell); };
  const auto count = [](const QualityCell& cell, size_t i) { return Number(cell, i); };
  shares.push_back({"validity", "rejected", count, seen, QualityCell::kRejected, "were rejected",
                    "the dead letters say why, one by one"});
  shares.push_back({"validity", "corrected", count, Accepted, QualityCell::kCorrected,
                    "had to be corrected", "kindred_events_corrected_total says in what"});
  shares.push_back({"validity", "outliers", count, Accepted, QualityCell::kOutlying,
                    "were outliers of price, amount or rate",
                    "kindred_events_flagged_total says of what; look for a wrong unit or a robot"});
  shares.push_back({"uniqueness", "duplicates", count, seen, QualityCell::kDuplicates,
                    "were copies of events seen before",
                    "a producer sends again what was acknowledged, or is run twice"});
  shares.push_back({"timeliness", "late", Late, Accepted, 0,
                    "arrived an hour or more after they happened",
                    "look for a queue before Kafka that lags, or a wrong clock or time zone"});
  return shares;
}

std::string TimeText(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%MZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string Subject(const QualityMeasure& measure) {
  const std::string source =
      measure.source == kAllSources ? "of all sources" : absl::StrCat("of source ", measure.source);
  return absl::StrCat(source, " from ", TimeText(measure.from_ms), " to ", TimeText(measure.to_ms));
}

// One source's hours and the window in them.
class Judge {
 public:
  Judge(std::string source, const Hours& hours, int64_t end, QualityReport* report)
      : source_(std::move(source)), hours_(hours), end_(end), report_(*report) {
    first_ = hours.empty() ? end : hours.begin()->first;
    begin_ = end;
    uint64_t seen = 0;
    while (begin_ > end_ - kLongestWindow && (begin_ == end_ || seen < kEnough)) {
      --begin_;
      seen += Seen(SumOf(hours_, begin_, begin_ + 1));
    }
    window_ = SumOf(hours_, begin_, end_);
  }

  void Run() {
    static const std::vector<Share>* const kShares = new std::vector<Share>(Shares());
    for (const Share& share : *kShares) JudgeShare(share);
    JudgeVolume();
    JudgeDrift("event_types", QualityCell::kType, event::kEventTypes, [](size_t i) {
      return std::string(event::EventTypeName(static_cast<event::EventType>(i)));
    });
    JudgeDrift("amount", QualityCell::kAmount, kAmounts, [](size_t i) {
      return i == 0 ? std::string("amounts below 1")
                    : absl::StrCat("amounts from ", 1 << (i - 1), " on");
    });
    JudgeDrift("delay", QualityCell::kDelay, kDelays, [](size_t i) {
      constexpr std::array<absl::string_view, kDelays> kNames = {
          "arrival within a minute", "within an hour", "within a day", "later than a day"};
      return std::string(kNames[i]);
    });
  }

 private:
  QualityMeasure* New(absl::string_view measure, absl::string_view field, int64_t begin) {
    QualityMeasure& one = report_.measures.emplace_back();
    one.source = source_;
    one.measure = std::string(measure);
    one.field = std::string(field);
    one.from_ms = begin * kQualityHourMs;
    one.to_ms = end_ * kQualityHourMs;
    return &one;
  }

  void JudgeShare(const Share& share) {
    const uint64_t whole = share.whole(window_, share.argument);
    const QualityCell before = SumOf(hours_, first_, begin_);
    const uint64_t whole_before = share.whole(before, share.argument);
    if (whole == 0 && whole_before == 0) return;
    QualityMeasure* const one = New(share.measure, share.field, begin_);
    one->events = whole;
    if (whole > 0) {
      one->value =
          static_cast<double>(share.part(window_, share.argument)) / static_cast<double>(whole);
    }
    if (whole_before < kEnoughBefore) return;
    one->has_baseline = true;
    // How much the share varies from one stretch as long as the window to the next.
    std::vector<double> stretches;
    for (int64_t end = begin_; end - (end_ - begin_) >= first_; end -= end_ - begin_) {
      const QualityCell cell = SumOf(hours_, end - (end_ - begin_), end);
      const uint64_t n = share.whole(cell, share.argument);
      if (n < kEnoughInStretch) continue;
      stretches.push_back(static_cast<double>(share.part(cell, share.argument)) /
                          static_cast<double>(n));
    }
    const double pooled =
        static_cast<double>(share.part(before, share.argument)) / static_cast<double>(whole_before);
    one->baseline = stretches.size() < kLeastDays ? pooled : Median(stretches);
    if (whole == 0) return;
    const double p =
        (pooled * static_cast<double>(whole_before) + 1) / (static_cast<double>(whole_before) + 2);
    const double chance = p * (1 - p) / static_cast<double>(whole);
    const double spread = Spread(stretches);
    one->score = (one->value - one->baseline) / std::sqrt(chance + spread * spread);
    if (one->score <= kAlertScore || one->value - one->baseline < kLeastShare) return;
    one->alert = true;
    one->reason = absl::StrFormat("%s: %.1f %% of %d events %s %s; usual is %.1f %%: %s",
                                  share.field, 100 * one->value, whole, Subject(*one), share.what,
                                  100 * one->baseline, share.look);
  }

  // Against the same hours of the days before.
  void JudgeVolume() {
    const int64_t width = end_ - begin_;
    QualityMeasure* const one = New("volume", "events", begin_);
    one->events = Accepted(window_, 0);
    one->value = static_cast<double>(one->events) / static_cast<double>(width);
    std::vector<double> days;
    for (int64_t back = 24; begin_ - back >= first_; back += 24) {
      days.push_back(static_cast<double>(Accepted(SumOf(hours_, begin_ - back, end_ - back), 0)));
    }
    if (days.size() < kLeastDays) return;
    one->has_baseline = true;
    const double usual = Median(days);
    const double spread = Spread(days);
    const double count = static_cast<double>(one->events);
    one->baseline = usual / static_cast<double>(width);
    one->score = (count - usual) / std::sqrt(spread * spread + usual + 1);
    if (std::abs(one->score) <= kAlertScore || (count > usual / 2 && count < usual * 2)) return;
    one->alert = true;
    one->reason = absl::StrFormat(
        "events: %d accepted %s; usual at that time of day is %.0f: %s", one->events, Subject(*one),
        usual,
        count < usual ? "is its producer running, and does it reach Kafka?"
                      : "a campaign, a history that is loaded, or a producer that repeats itself");
  }

  template <typename Name>
  void JudgeDrift(absl::string_view field, size_t first_count, size_t bins, Name name) {
    const int64_t begin = end_ - kLongestWindow;
    const QualityCell now = SumOf(hours_, begin, end_);
    const QualityCell before = SumOf(hours_, first_, begin);
    const auto bins_now = absl::MakeConstSpan(now.counts).subspan(first_count, bins);
    const auto bins_before = absl::MakeConstSpan(before.counts).subspan(first_count, bins);
    const uint64_t n = std::accumulate(bins_now.begin(), bins_now.end(), uint64_t{0});
    const uint64_t n_before = std::accumulate(bins_before.begin(), bins_before.end(), uint64_t{0});
    if (n == 0) return;
    QualityMeasure* const one = New("drift", field, begin);
    one->events = n;
    if (n < kEnoughForDrift || n_before < kEnoughForDrift) return;
    one->has_baseline = true;
    const StabilityIndex index = StabilityIndexOf(bins_now, bins_before);
    one->value = index.value;
    one->score = one->value / kAlertPsi;
    if (one->value <= kAlertPsi) return;
    one->alert = true;
    one->reason = absl::StrFormat(
        "%s: the distribution %s is not what it was (stability index %.2f, above %.2f; most by "
        "%s: %.1f %%, before %.1f %%): "
        "models and rules were made for another mix; look at what the source began or ceased to "
        "send",
        field, Subject(*one), one->value, kAlertPsi, name(index.largest), 100 * index.share,
        100 * index.usual);
  }

  const std::string source_;
  const Hours& hours_;
  const int64_t end_;  // the first hour after the window
  QualityReport& report_;
  int64_t first_ = 0;  // hour with events
  int64_t begin_ = 0;  // of the window
  QualityCell window_;
};

}  // namespace

QualityReport JudgeQuality(const QualityHours& hours) {
  QualityReport report;
  Hours all;
  for (const auto& [_, cells] : hours) {
    for (const auto& [hour, cell] : cells) all[hour] += cell;
  }
  if (all.size() < 2) return report;  // no whole hour yet
  const int64_t end = all.rbegin()->first;
  report.as_of_ms = end * kQualityHourMs;
  Judge(std::string(kAllSources), all, end, &report).Run();
  for (const auto& [source, cells] : hours) Judge(source, cells, end, &report).Run();
  return report;
}

}  // namespace kindred::clean
