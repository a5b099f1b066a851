#include "node/experiment.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "node/attribution_token.h"

namespace kindred::node {
namespace {

constexpr uint64_t kAssignSeed = 0x6578706572696d65;

absl::StatusOr<Experiment::Variant> ParseVariant(const std::string& name, absl::string_view text,
                                                 const recommend::BlendOptions& base) {
  if (name.empty() || name.size() > AttributionToken::kMaxLabelBytes) {
    return absl::InvalidArgumentError("a variant's name has 1 to 64 bytes");
  }
  Experiment::Variant variant{name, 1, base};
  for (const absl::string_view setting : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(setting, absl::MaxSplits('=', 1));
    double value = 0;
    if (!absl::SimpleAtod(parts.second, &value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", setting, "\": expected parameter=number"));
    }
    if (parts.first == "share") {
      if (!(value >= 0 && value <= 1e6)) {
        return absl::InvalidArgumentError("share: expected 0 to 1,000,000");
      }
      variant.share = value;
      continue;
    }
    KINDRED_RETURN_IF_ERROR(recommend::SetByName(parts.first, value, &variant.blend));
  }
  KINDRED_RETURN_IF_ERROR(recommend::Validate(variant.blend));
  return variant;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Experiment>> Experiment::Make(
    absl::string_view name, const std::map<std::string, std::string>& variants,
    const recommend::BlendOptions& base) {
  auto experiment = absl::WrapUnique(new Experiment);
  experiment->name_ = std::string(name);
  if (variants.size() > kMaxVariants) {
    return absl::InvalidArgumentError("recommend.variants: expected at most 16");
  }
  double sum = 0;
  for (const auto& [variant_name, text] : variants) {
    absl::StatusOr<Variant> variant = ParseVariant(variant_name, text, base);
    if (!variant.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("recommend.variants.", variant_name, ": ", variant.status().message()));
    }
    sum += variant->share;
    experiment->upto_.push_back(sum);
    experiment->recommenders_.emplace_back(variant->blend);
    experiment->variants_.push_back(*std::move(variant));
  }
  if (!variants.empty() && !(sum > 0)) {
    return absl::InvalidArgumentError("recommend.variants: the shares are all 0");
  }
  return std::shared_ptr<const Experiment>(std::move(experiment));
}

size_t Experiment::Assign(absl::string_view customer_id) const {
  const uint64_t seed = base::Fingerprint64(name_, kAssignSeed);
  const double point =
      std::ldexp(static_cast<double>(base::Fingerprint64(customer_id, seed) >> 11), -53) *
      (upto_.empty() ? 0 : upto_.back());
  const size_t variant =
      static_cast<size_t>(std::upper_bound(upto_.begin(), upto_.end(), point) - upto_.begin());
  return std::min(variant, upto_.empty() ? 0 : upto_.size() - 1);
}

size_t Experiment::Find(absl::string_view variant) const {
  const auto found = std::find_if(variants_.begin(), variants_.end(),
                                  [variant](const Variant& v) { return v.name == variant; });
  return static_cast<size_t>(found - variants_.begin());
}

}  // namespace kindred::node
