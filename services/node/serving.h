// Answers to calls, whatever transport they came by. Reads the live state; what
// it writes is an event, produced to the log.
#ifndef KINDRED_NODE_SERVING_H_
#define KINDRED_NODE_SERVING_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kindred/v1/identity.pb.h"
#include "kindred/v1/insight.pb.h"
#include "kindred/v1/profile.pb.h"
#include "kindred/v1/recommendation.pb.h"
#include "kindred/v1/segment.pb.h"
#include "kindred/v1/status.pb.h"
#include "node/wire_buffer.h"

namespace kindred::node {

// Threads: all methods from any thread.
// Errors:  InvalidArgument with field violations; NotFound; Unavailable while a partition is not
//          ready. The answer is unspecified on error.
class Serving {
 public:
  virtual ~Serving() = default;

  virtual absl::Status GetProfile(const v1::GetProfileRequest& request, v1::Profile* profile) = 0;
  // The same as the bytes of a Profile, added to `profile`.
  virtual absl::Status GetProfileBytes(const v1::GetProfileRequest& request,
                                       WireBuffer* profile) = 0;
  virtual absl::Status BatchGetProfiles(const v1::BatchGetProfilesRequest& request,
                                        v1::BatchGetProfilesResponse* response) = 0;
  virtual absl::Status ListProfiles(const v1::ListProfilesRequest& request,
                                    v1::ListProfilesResponse* response) = 0;
  // A number that changes with every event applied to the customer; 0 while it is unknown.
  virtual absl::StatusOr<int64_t> ProfileVersion(absl::string_view customer_id) = 0;
  virtual absl::Status GetIdentity(const v1::GetIdentityRequest& request,
                                   v1::CustomerIdentity* identity) = 0;
  // Calls `done` once, from any thread, when the unlink is in the log and applied; does not wait
  // for it. `request` and `identity` must live until then.
  virtual void UnlinkIds(const v1::UnlinkIdsRequest& request, v1::CustomerIdentity* identity,
                         std::function<void(const absl::Status&)> done) = 0;
  virtual absl::Status Recommend(const v1::RecommendRequest& request,
                                 v1::RecommendResponse* response) = 0;
  // The same as the bytes of a RecommendResponse, added to `response`.
  virtual absl::Status RecommendBytes(const v1::RecommendRequest& request,
                                      WireBuffer* response) = 0;
  virtual absl::Status SimilarItems(const v1::SimilarItemsRequest& request,
                                    v1::SimilarItemsResponse* response) = 0;
  virtual absl::Status SimilarCustomers(const v1::SimilarCustomersRequest& request,
                                        v1::SimilarCustomersResponse* response) = 0;
  virtual absl::Status QueryPerformance(const v1::QueryPerformanceRequest& request,
                                        v1::QueryPerformanceResponse* response) = 0;
  virtual absl::Status ListSegments(const v1::ListSegmentsRequest& request,
                                    v1::ListSegmentsResponse* response) = 0;
  virtual absl::Status GetSegment(const v1::GetSegmentRequest& request, v1::Segment* segment) = 0;
  virtual absl::Status ListSeries(const v1::ListSeriesRequest& request,
                                  v1::ListSeriesResponse* response) = 0;
  virtual absl::Status GetSeries(const v1::GetSeriesRequest& request, v1::Series* series) = 0;
  virtual absl::Status Forecast(const v1::ForecastRequest& request,
                                v1::ForecastResponse* response) = 0;
  virtual absl::Status GetDataQuality(const v1::GetDataQualityRequest& request,
                                      v1::DataQuality* quality) = 0;
  virtual absl::Status Explore(const v1::ExploreRequest& request,
                               v1::ExploreResponse* response) = 0;
  virtual absl::Status GetStatus(const v1::GetStatusRequest& request, v1::Status* status) = 0;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_SERVING_H_
