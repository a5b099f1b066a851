// Serving over the live state of this node's partitions.
#ifndef KINDRED_NODE_LIVE_SERVING_H_
#define KINDRED_NODE_LIVE_SERVING_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "node/checkpointer.h"
#include "node/customer_reader.h"
#include "node/event_writer.h"
#include "node/explore_view.h"
#include "node/learner.h"
#include "node/member_series.h"
#include "node/partition_set.h"
#include "node/prediction_learner.h"
#include "node/request_error.h"
#include "node/serving.h"
#include "node/shared_state.h"
#include "recommend/recommender.h"
#include "series/series_book.h"
#include "telemetry/health.h"

namespace kindred::node {

struct StatusInfo {
  std::string topic;
  std::string group;
  int64_t memory_limit_bytes = 0;
  absl::Time start_time;
};

// What is passed in must outlive it.
class LiveServing final : public Serving {
 public:
  LiveServing(const StatusInfo& info, const SharedState* shared, const PartitionSet* partitions,
              const ColdReader* cold, const store::Store* store, const Learner* learner,
              const PredictionLearner* predictions, const Checkpointer* checkpointer,
              const telemetry::HealthState* health);

  // Before the first call; without one, calls that write are Unavailable.
  void SetWriter(EventWriter* writer) { writer_ = writer; }

  absl::Status GetProfile(const v1::GetProfileRequest& request, v1::Profile* profile) override;
  absl::Status GetProfileBytes(const v1::GetProfileRequest& request, WireBuffer* profile) override;
  absl::Status BatchGetProfiles(const v1::BatchGetProfilesRequest& request,
                                v1::BatchGetProfilesResponse* response) override;
  absl::Status ListProfiles(const v1::ListProfilesRequest& request,
                            v1::ListProfilesResponse* response) override;
  absl::StatusOr<int64_t> ProfileVersion(absl::string_view customer_id) override;
  absl::Status GetIdentity(const v1::GetIdentityRequest& request,
                           v1::CustomerIdentity* identity) override;
  void UnlinkIds(const v1::UnlinkIdsRequest& request, v1::CustomerIdentity* identity,
                 std::function<void(const absl::Status&)> done) override;
  absl::Status Recommend(const v1::RecommendRequest& request,
                         v1::RecommendResponse* response) override;
  absl::Status RecommendBytes(const v1::RecommendRequest& request, WireBuffer* response) override;
  absl::Status SimilarItems(const v1::SimilarItemsRequest& request,
                            v1::SimilarItemsResponse* response) override;
  absl::Status SimilarCustomers(const v1::SimilarCustomersRequest& request,
                                v1::SimilarCustomersResponse* response) override;
  absl::Status QueryPerformance(const v1::QueryPerformanceRequest& request,
                                v1::QueryPerformanceResponse* response) override;
  absl::Status ListSegments(const v1::ListSegmentsRequest& request,
                            v1::ListSegmentsResponse* response) override;
  absl::Status GetSegment(const v1::GetSegmentRequest& request, v1::Segment* segment) override;
  absl::Status ListSeries(const v1::ListSeriesRequest& request,
                          v1::ListSeriesResponse* response) override;
  absl::Status GetSeries(const v1::GetSeriesRequest& request, v1::Series* series) override;
  absl::Status Forecast(const v1::ForecastRequest& request,
                        v1::ForecastResponse* response) override;
  absl::Status GetDataQuality(const v1::GetDataQualityRequest& request,
                              v1::DataQuality* quality) override;
  absl::Status Explore(const v1::ExploreRequest& request, v1::ExploreResponse* response) override;
  absl::Status GetStatus(const v1::GetStatusRequest& request, v1::Status* status) override;

 private:
  // Ok: there is such a link.
  absl::Status CheckUnlink(const v1::UnlinkIdsRequest& request);
  // Calls `visit` with the customer's profile, the sum of its parts. False: never seen.
  absl::StatusOr<bool> Visit(absl::string_view customer_id,
                             absl::FunctionRef<void(const profile::Profile&)> visit) const;
  // `first`: the id is the one that names the customer.
  absl::Status ReadProfile(absl::string_view id, const google::protobuf::FieldMask& mask,
                           v1::Profile* profile, bool* first);
  absl::Status ReadProfileBytes(absl::string_view id, WireBuffer* profile, bool* first);
  // The bytes of one answer, while they are made into a message: empty; the thread's.
  static WireBuffer& ScratchBytes();
  static absl::Status ReadAnswer(const WireBuffer& bytes, google::protobuf::MessageLite* response);
  // The recommender that answers, and the name of its variant; empty without an experiment.
  const recommend::Recommender* ChooseVariant(const v1::RecommendRequest& request,
                                              RequestCheck* check, std::string* name) const;
  // SimilarItems by ratings, and by what the catalogue says. The filters of `numbers` hold.
  void ItemsRatedAlike(ItemId item, const v1::SimilarItemsRequest& request,
                       const recommend::Request& numbers, v1::SimilarItemsResponse* response) const;
  void ItemsAlikeByContent(ItemId item, const v1::SimilarItemsRequest& request,
                           const recommend::Request& numbers,
                           v1::SimilarItemsResponse* response) const;
  void AddAlike(ItemId item, double score, v1::Source source,
                const v1::SimilarItemsRequest& request, v1::SimilarItemsResponse* response) const;
  // Steps of a series, from step `first` on; points before `since_ms` are not whole.
  struct StepsRead {
    std::vector<series::SeriesPoint> points;
    int64_t first = 0;
    int64_t since_ms = 0;
    int64_t walked_ms = 0;  // of a segment: event time of the walk that made it; else 0
  };
  // The newest `count` steps of "series/…".
  absl::Status ReadSeries(absl::string_view name, series::Step step, size_t count,
                          StepsRead* read) const;
  // Leaves out what a forecast cannot learn from, at both ends.
  static void KeepWhole(series::Step step, StepsRead* read);
  // Never null.
  absl::StatusOr<std::shared_ptr<const MemberSeries>> SeriesOfSegment(uint32_t id) const;
  void ListSegmentSeries(v1::ListSeriesResponse* response) const;
  void SumSeries(series::SeriesKey key, series::Step step, int64_t first,
                 std::vector<series::SeriesPoint>* points, int64_t* since_ms) const;
  void WriteFreshness(int field, PartitionId partition, WireBuffer* out) const;

  const StatusInfo info_;
  const SharedState& shared_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
  const store::Store& store_;
  const Learner& learner_;
  const PredictionLearner& predictions_;
  const Checkpointer& checkpointer_;
  const telemetry::HealthState& health_;
  const CustomerReader customers_;
  EventWriter* writer_ = nullptr;
  const recommend::Recommender recommender_;
  std::atomic<int> forecasts_{0};  // being made
  Explorer explorer_;
};

// Bytes of memory the process holds, as the operating system counts them; 0 if it does not tell.
int64_t ResidentBytes();

}  // namespace kindred::node

#endif  // KINDRED_NODE_LIVE_SERVING_H_
