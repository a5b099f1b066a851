// Whether the process lives and whether it may be asked: named conditions, each with the reason why
// it does not hold.
#ifndef KINDRED_TELEMETRY_HEALTH_H_
#define KINDRED_TELEMETRY_HEALTH_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kindred::telemetry {

// Liveness fails: restart the process. Readiness fails: send no calls for now.
enum class Probe { kLiveness, kReadiness };

// Threads: all methods from any thread.
class HealthState {
 public:
  // Adds a condition, or changes one. A condition that is added as an error ("starting") holds the
  // probe back until it is set to OK. Names are static text ("store", "partitions").
  void Set(Probe probe, absl::string_view name, absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);
  // No longer asked for.
  void Remove(Probe probe, absl::string_view name) ABSL_LOCKS_EXCLUDED(mutex_);

  // OK when every condition of the probe is; else Unavailable with "name: reason; name: reason".
  // A process that is not alive is not ready either.
  absl::Status Check(Probe probe) const ABSL_LOCKS_EXCLUDED(mutex_);

  struct Condition {
    Probe probe;
    std::string name;
    absl::Status status;
  };
  // All conditions, by probe and name.
  std::vector<Condition> Conditions() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::map<std::pair<Probe, std::string>, absl::Status> conditions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::telemetry

#endif  // KINDRED_TELEMETRY_HEALTH_H_
