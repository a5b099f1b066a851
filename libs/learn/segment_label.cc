#include "learn/segment_label.h"

#include <algorithm>
#include <cmath>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

constexpr double kVery = 2.0;
// Least difference, in standard deviations, worth telling two segments apart by.
constexpr double kTellsApart = 0.1;

const std::string& Phrase(const DimensionWords& words, double z) {
  return z > 0 ? words.high : words.low;
}

// Adds to each of the `group` (rows of the model with equal labels) the phrase that sets it apart.
void TellApart(const SegmentModel& model, absl::Span<const DimensionWords> words,
               absl::Span<const size_t> group, std::vector<std::string>* labels) {
  std::vector<double> mean(model.dims(), 0.0);
  for (size_t c : group) {
    for (size_t d = 0; d < mean.size(); ++d) {
      mean[d] += model.centres(c, d) / static_cast<double>(group.size());
    }
  }
  const std::string shared = (*labels)[group.front()];
  for (size_t c : group) {
    size_t best = model.dims();
    double most = kTellsApart;
    for (size_t d = 0; d < model.dims(); ++d) {
      const double apart = model.centres(c, d) - mean[d];
      const DimensionWords& w = words[d];
      const bool said = (!w.high.empty() && shared.find(w.high) != std::string::npos) ||
                        (!w.low.empty() && shared.find(w.low) != std::string::npos);
      if (said || Phrase(w, apart).empty() || std::abs(apart) <= most) continue;
      most = std::abs(apart);
      best = d;
    }
    if (best == model.dims()) continue;
    const std::string& phrase = Phrase(words[best], model.centres(c, best) - mean[best]);
    absl::StrAppend(&(*labels)[c], ", rather ", phrase);
  }
}

absl::btree_map<std::string, std::vector<size_t>> ByLabel(const std::vector<std::string>& labels) {
  absl::btree_map<std::string, std::vector<size_t>> groups;
  for (size_t c = 0; c < labels.size(); ++c) groups[labels[c]].push_back(c);
  return groups;
}

}  // namespace

std::vector<UnusualDimension> MostUnusual(absl::Span<const double> centre, size_t at_most,
                                          double at_least) {
  std::vector<UnusualDimension> result;
  for (size_t d = 0; d < centre.size(); ++d) {
    if (std::abs(centre[d]) >= at_least) result.push_back({d, centre[d]});
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.z) > std::abs(b.z); });
  if (result.size() > at_most) result.resize(at_most);
  return result;
}

std::string LabelCentre(absl::Span<const double> centre, absl::Span<const DimensionWords> words,
                        size_t at_most) {
  KINDRED_CHECK(words.size() == centre.size()) << "one entry per dimension";
  std::vector<std::string> said;
  std::vector<std::string> phrases;
  for (const UnusualDimension& unusual : MostUnusual(centre, centre.size())) {
    const std::string& phrase = Phrase(words[unusual.dim], unusual.z);
    if (phrase.empty() || std::find(said.begin(), said.end(), phrase) != said.end()) continue;
    said.push_back(phrase);
    phrases.push_back(std::abs(unusual.z) >= kVery ? absl::StrCat("very ", phrase) : phrase);
    if (phrases.size() == at_most) break;
  }
  return phrases.empty() ? "average" : absl::StrJoin(phrases, ", ");
}

std::vector<std::string> LabelSegments(const SegmentModel& model,
                                       absl::Span<const DimensionWords> words, size_t at_most) {
  std::vector<std::string> labels;
  for (size_t c = 0; c < model.size(); ++c) {
    labels.push_back(LabelCentre(model.centres.Row(c), words, at_most));
  }
  for (const auto& [label, group] : ByLabel(labels)) {
    if (group.size() > 1) TellApart(model, words, group, &labels);
  }
  for (const auto& [label, group] : ByLabel(labels)) {
    for (size_t i = 1; i < group.size(); ++i) absl::StrAppend(&labels[group[i]], " (", i + 1, ")");
  }
  return labels;
}

}  // namespace kindred::learn
