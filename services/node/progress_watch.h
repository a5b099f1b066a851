// Tells a thread that is stuck from one that has nothing to do.
#ifndef KINDRED_NODE_PROGRESS_WATCH_H_
#define KINDRED_NODE_PROGRESS_WATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace kindred::node {

// Threads: one.
class ProgressWatch {
 public:
  struct Part {
    std::string name;
    uint64_t progress = 0;  // changes whenever the part gets something done
    bool idle = false;      // it has nothing to do, or waits for something else
  };

  // A part may stand still for this long.
  explicit ProgressWatch(absl::Duration limit) : limit_(limit) {}

  // The same parts in the same order at every call. Unavailable names the first that is stuck.
  absl::Status Check(absl::Time now, absl::Span<const Part> parts);

 private:
  struct Seen {
    uint64_t progress = 0;
    absl::Time moved;
  };
  const absl::Duration limit_;
  std::vector<Seen> seen_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PROGRESS_WATCH_H_
