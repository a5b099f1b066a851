// Answers to SegmentService.Explore: another clustering of the customers that the learner last saw.
#ifndef KINDRED_NODE_EXPLORE_VIEW_H_
#define KINDRED_NODE_EXPLORE_VIEW_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "kindred/v1/segment.pb.h"
#include "node/learner.h"

namespace kindred::node {

// Threads: any; one clustering at a time, so that many askers cannot take all cores. The last
// answer is kept while the model stays.
class Explorer {
 public:
  // `segments` may be null. InvalidArgument with field violations; FailedPrecondition until
  // customers have been walked; ResourceExhausted when one is being made.
  absl::Status Explore(const v1::ExploreRequest& request,
                       std::shared_ptr<const PublishedSegments> segments,
                       v1::ExploreResponse* response) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  std::string last_request_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const PublishedSegments> last_segments_ ABSL_GUARDED_BY(mutex_);
  v1::ExploreResponse last_response_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_EXPLORE_VIEW_H_
