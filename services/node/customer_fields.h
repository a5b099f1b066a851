// What expressions may ask of a customer.
#ifndef KINDRED_NODE_CUSTOMER_FIELDS_H_
#define KINDRED_NODE_CUSTOMER_FIELDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/dictionary.h"
#include "expression/program.h"
#include "learn/forward_decay.h"
#include "learn/segment_model.h"
#include "node/rule_set.h"
#include "profile/behaviour.h"
#include "profile/predictor.h"
#include "profile/profile.h"

namespace kindred::node {

// To add one: here, in the schema and in Field() or Call() of the .cc file.
enum class CustomerField : int {
  kCustomerId,
  kFirstSeen,
  kLastSeen,
  kEvents,
  kSessions,
  kPurchaseCount,
  kPurchaseLines,
  kTotal,
  kNet,
  kAverage,
  kRefunds,
  kFirstPurchase,
  kLastPurchase,
  kMeanGap,
  kCountry,
  kLastCountry,
  kRegion,
  kCity,
  kChannel,
  kDevice,
  kTopCategory,
  kTopBrand,
  kMeanRating,
  kSegment,
  kSegmentLabel,
  kTags,
  kBot,
};
enum class CustomerFunction : int {
  kTrait,
  kTraitNumber,
  kConsent,
  kViews,
  kCarts,
  kBuys,
  kActs,
  kLastAct,
  kEventCount,
  kAffinity,
  kBrandAffinity,
  kFeature,
  kPercentile,
  kPrediction,
};

const expression::Schema& CustomerSchema();
// The id of a number field of the schema, or -1.
int NumberFieldByName(absl::string_view name);

// Names that prediction() takes.
absl::Span<const absl::string_view> PredictionNames();

// What a customer is seen with. All must outlive the record.
struct CustomerContext {
  const base::Dictionary* items = nullptr;
  const base::Dictionary* terms = nullptr;
  const learn::ForwardDecay* affinity_decay = nullptr;
  const learn::SegmentModel* segments = nullptr;  // null: none are learned yet
  absl::Span<const std::string> segment_labels;   // of the model's rows
  const profile::Predictor* predictor = nullptr;  // null: nothing is learned yet
  const RuleSet* rules = nullptr;                 // for tags; null: none
  const Percentiles* percentiles = nullptr;       // null: none
};

// One customer after the other, as of one moment. Names that calls mention are looked up once.
// Threads: one. Values are views that the next Look() ends.
class CustomerRecord final : public expression::Record {
 public:
  explicit CustomerRecord(const CustomerContext& context) : context_(context) {}

  void Look(absl::string_view customer_id, const profile::Profile& profile, int64_t now_ms);
  expression::Value Field(int id) const override;
  expression::Value Call(const expression::CallSite& call) const override;
  // Indexes of the tag rules that are true.
  absl::Span<const size_t> Tags() const;

 private:
  using Value = expression::Value;
  struct Lookup {
    profile::BehaviourFilter filter;
    bool unknown = false;  // names something that no event has named yet
  };
  Value PurchaseField(int id) const;
  Value PlaceField(int id) const;
  Value SegmentField(int id) const;
  Value Term(TermId id) const;
  Value MostUsed(absl::Span<const profile::TermCount> counts) const;
  Value Trait(absl::string_view name) const;
  Value Behaviour(const expression::CallSite& call) const;
  Value Affinity(const expression::CallSite& call) const;
  Value Percentile(const expression::CallSite& call) const;
  Value Prediction(const expression::CallSite& call) const;
  const Lookup& LookUp(const expression::CallSite& call) const;
  void JudgeTags() const;

  const CustomerContext context_;
  absl::string_view customer_id_;
  const profile::Profile* profile_ = nullptr;
  int64_t now_ms_ = 0;
  mutable absl::flat_hash_map<const expression::CallSite*, Lookup> lookups_;
  mutable std::string scratch_;
  mutable bool predictions_known_ = false;
  mutable std::vector<profile::Prediction> predictions_;
  mutable bool tags_known_ = false;
  mutable int64_t tags_until_ms_ = 0;
  mutable std::vector<size_t> tags_;
  mutable std::vector<absl::string_view> tag_names_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CUSTOMER_FIELDS_H_
