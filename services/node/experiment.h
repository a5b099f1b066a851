// An experiment on recommendations: named variants of the blend, and who gets which.
#ifndef KINDRED_NODE_EXPERIMENT_H_
#define KINDRED_NODE_EXPERIMENT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "recommend/recommender.h"

namespace kindred::node {

// Threads: const, from any.
class Experiment {
 public:
  struct Variant {
    std::string name;
    double share = 1;  // relative to the others'
    recommend::BlendOptions blend;
  };

  // `variants`: by name, what differs: "share=0.5 next_weight=0.7 shrink=10", by the names of
  // recommend::BlendOptions; what is not named is as in `base`. Without a share: 1. InvalidArgument
  // names the variant and what is wrong with it.
  static absl::StatusOr<std::shared_ptr<const Experiment>> Make(
      absl::string_view name, const std::map<std::string, std::string>& variants,
      const recommend::BlendOptions& base);

  const std::string& name() const { return name_; }
  const std::vector<Variant>& variants() const { return variants_; }
  // A function of the experiment's name and the customer's id alone: the same on every node, after
  // every restart, and independent of other experiments. In proportion to the shares.
  size_t Assign(absl::string_view customer_id) const;
  // variants().size() when there is none of that name.
  size_t Find(absl::string_view variant) const;
  const recommend::Recommender& recommender(size_t variant) const { return recommenders_[variant]; }

  static constexpr size_t kMaxVariants = 16;

 private:
  Experiment() = default;
  std::string name_;
  std::vector<Variant> variants_;  // by name
  std::vector<double> upto_;       // shares summed up, of all
  std::vector<recommend::Recommender> recommenders_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_EXPERIMENT_H_
