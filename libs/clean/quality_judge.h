// Judges the newest hours of events by the days before them: what is missing, refused, sent twice,
// late, more or less than usual, or distributed otherwise; with words for a person who has to act.
#ifndef KINDRED_CLEAN_QUALITY_JUDGE_H_
#define KINDRED_CLEAN_QUALITY_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clean/quality_book.h"

namespace kindred::clean {

// What all sources together are called in a report.
inline constexpr absl::string_view kAllSources = "(all)";
// A share alerts when it is this many robust deviations above the usual one, and a volume when it
// is so far from it.
inline constexpr double kAlertScore = 5;
inline constexpr double kAlertPsi = 0.25;  // stability_index.h

struct QualityMeasure {
  std::string source;
  // "completeness", "validity", "uniqueness", "timeliness", "volume", "drift"; others add their
  // own.
  std::string measure;
  // completeness: the field that is missing. validity: "rejected", "corrected", "outliers".
  // uniqueness: "duplicates". timeliness: "late" (arrived an hour or more after it happened).
  // volume: "events". drift: "event_types", "amount", "delay".
  std::string field;
  int64_t from_ms = 0;  // the whole hours that were judged
  int64_t to_ms = 0;
  uint64_t events = 0;  // in them, of the kind that can show it
  // Shares of events: lower is better. volume: accepted events an hour. drift: the index.
  double value = 0;
  bool has_baseline = false;  // else there were too few events before to say what is usual
  double baseline = 0;        // the same before. drift: 0
  double score = 0;           // (value - baseline) in robust deviations. drift: value / kAlertPsi
  bool alert = false;
  std::string reason;  // of an alert: what, where, since when, usually, and where to look
};

struct QualityReport {
  int64_t as_of_ms = 0;  // start of the newest hour with an event, which is not judged yet
  // By source ("(all)" first), then in the order above.
  std::vector<QualityMeasure> measures;
};

// Judges the hour before the newest one that has an event, and with it as many hours before as it
// takes to see 200 events, at most 24; for drift always 24. Pure.
QualityReport JudgeQuality(const QualityHours& hours);

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_QUALITY_JUDGE_H_
