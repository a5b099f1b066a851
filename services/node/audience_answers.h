// Answers about audiences, whatever transport they came by.
#ifndef KINDRED_NODE_AUDIENCE_ANSWERS_H_
#define KINDRED_NODE_AUDIENCE_ANSWERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kindred/v1/audience.pb.h"
#include "kindred/v1/profile.pb.h"
#include "node/customer_fields.h"
#include "node/customer_reader.h"
#include "node/learner.h"
#include "node/partition_set.h"
#include "node/prediction_learner.h"
#include "node/shared_state.h"
#include "node/wire_buffer.h"
#include "store/store.h"

namespace kindred::node {

// Threads: any. What is passed in must outlive it.
// Errors:  as Serving.
class AudienceAnswers {
 public:
  // `learner` and `predictions` may be null.
  AudienceAnswers(const SharedState* shared, const PartitionSet* partitions, const ColdReader* cold,
                  const store::Store* store, const Learner* learner,
                  const PredictionLearner* predictions)
      : shared_(*shared),
        partitions_(*partitions),
        cold_(*cold),
        store_(*store),
        learner_(learner),
        predictions_(predictions),
        reader_(shared, partitions, cold, kGroupCacheBytes) {}

  absl::Status List(const v1::ListAudiencesRequest& request,
                    v1::ListAudiencesResponse* response) const;
  absl::Status Get(const v1::GetAudienceRequest& request, v1::Audience* audience) const;
  absl::Status Explain(const v1::ExplainMembershipRequest& request,
                       v1::Membership* membership) const;
  // Where a listing goes on; begins with the default.
  struct Cursor {
    int32_t partition = 0;
    std::string last_id;
  };
  // The next members, at most `limit`. Empty: there are no more.
  absl::StatusOr<std::vector<std::string>> Members(absl::string_view audience_name, size_t limit,
                                                   Cursor* cursor) const;
  // NotFound unless the name ("audiences/{name}") is an audience of the rules in force.
  absl::Status Check(absl::string_view name) const;

 private:
  void Fill(const AudienceRule& rule, v1::Audience* out) const;

  const SharedState& shared_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
  const store::Store& store_;
  const Learner* const learner_;
  static constexpr size_t kGroupCacheBytes = 1 << 20;

  const PredictionLearner* const predictions_;
  const CustomerReader reader_;
};

// What a customer is seen with by rules; all but `shared` must be kept as long.
CustomerContext ContextOf(const SharedState& shared, const PublishedSegments* segments,
                          const profile::Predictor* predictor, const RuleSet* rules,
                          const Percentiles* percentiles);

// Adds the tags of a kindred.v1.Profile, each with the rule that set it.
void WriteTags(absl::string_view customer_id, const profile::Profile& profile,
               const SharedState& shared, const PublishedSegments* segments,
               const profile::Predictor* predictor, int64_t as_of_ms, WireBuffer* out);

}  // namespace kindred::node

#endif  // KINDRED_NODE_AUDIENCE_ANSWERS_H_
