// What is special about a segment, for people: its most unusual dimensions and a short label such
// as "high spend, frequent, recent".
#ifndef KINDRED_LEARN_SEGMENT_LABEL_H_
#define KINDRED_LEARN_SEGMENT_LABEL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "learn/segment_model.h"

namespace kindred::learn {

// How to say that a dimension is high or low ("frequent", "rare"). An empty phrase is never said;
// two dimensions that mean the same to a person may share their phrases.
struct DimensionWords {
  std::string name;
  std::string high;
  std::string low;
};

struct UnusualDimension {
  size_t dim = 0;
  double z = 0;  // centre against the population's mean, in the population's standard deviations
};

// The dimensions of a standardised centre that are farthest from the mean, farthest first; at most
// `at_most`, and none closer than `at_least` standard deviations.
std::vector<UnusualDimension> MostUnusual(absl::Span<const double> centre, size_t at_most,
                                          double at_least = 0.4);

// The phrases of the most unusual dimensions, joined by commas; "very " from two standard
// deviations on; "average" if nothing is unusual. `words` has one entry per dimension.
std::string LabelCentre(absl::Span<const double> centre, absl::Span<const DimensionWords> words,
                        size_t at_most = 3);

// One label per segment, in the order of the model, no two alike: where labels would be alike, the
// dimension that tells these segments apart best is added ("rather …"), at last a number.
std::vector<std::string> LabelSegments(const SegmentModel& model,
                                       absl::Span<const DimensionWords> words, size_t at_most = 3);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_SEGMENT_LABEL_H_
