// Notices unusual hours: when an hour of event time is over, it is judged by the days before it.
#ifndef KINDRED_NODE_HOUR_WATCH_H_
#define KINDRED_NODE_HOUR_WATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "node/partition_set.h"
#include "series/series_book.h"
#include "series/unusual_hour.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// Threads: one.
class HourWatch {
 public:
  HourWatch(const PartitionSet* partitions, telemetry::Registry* registry);

  // Judges the newest hour that is over, once; does nothing while there is none. An hour is over
  // when events of a quarter of an hour later have been seen. Hours that pass between two calls are
  // not judged: history that is read fast is no news. Costs some milliseconds when it judges.
  void Check();

 private:
  struct Watched {
    series::SeriesKey key;
    std::string name;  // "all", "purchase"
    bool amount;
    telemetry::Counter& unusual;
    telemetry::Gauge& score;
  };
  void Add(telemetry::Registry* registry, series::SeriesKey key, const std::string& name,
           bool amount);
  void Judge(int64_t hour, Watched* watched);

  const PartitionSet& partitions_;
  std::vector<Watched> watched_;
  int64_t judged_hour_ = 0;  // since 1970
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_HOUR_WATCH_H_
