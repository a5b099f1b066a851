// Whatever bytes parse to a model must be a usable one: it writes back to the same value, answers,
// and a learner can go on from it.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "learn/covariance.h"
#include "learn/ftrl.h"
#include "learn/linear_regression.h"
#include "learn/moments.h"
#include "learn/online_classifier.h"
#include "learn/segment_learner.h"
#include "learn/segment_model.h"

namespace {

using kindred::learn::Ftrl;
using kindred::learn::LinearRegression;
using kindred::learn::ParseSegmentModel;
using kindred::learn::SegmentLearner;

void UseSegments(absl::string_view bytes) {
  const auto model = ParseSegmentModel(bytes);
  if (!model.ok()) return;
  std::string written;
  AppendSegmentModel(*model, &written);
  const auto again = ParseSegmentModel(written);
  KINDRED_CHECK(again.ok() && *again == *model) << "does not write back";
  const std::vector<double> vector(model->dims(), 1.0);
  KINDRED_CHECK((Assign(*model, vector).segment_id != 0) == !model->empty());
  if (model->dims() == 0 || model->dims() > 64) return;
  SegmentLearner learner(model->dims(), {.segments = 3, .sample_size = 64}, *model);
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < 8; ++i) learner.AddBatch(std::vector<double>(model->dims(), i * 0.5));
    learner.EndPass();
  }
  KINDRED_CHECK(!learner.model().empty());
  for (double value : learner.model().centres.data()) KINDRED_CHECK(std::isfinite(value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  UseSegments(bytes);
  if (const auto ftrl = Ftrl::Parse(bytes, 2, {}); ftrl.ok()) {
    const double p = ftrl->Predict({0.5, -0.5});
    KINDRED_CHECK(p >= 0 && p <= 1);
  }
  if (const auto regression = LinearRegression::Parse(bytes, 1); regression.ok()) {
    regression->Solve();
  }
  if (auto moments = kindred::learn::Moments::Parse(bytes, 2); moments.ok()) {
    moments->Add({1.0, 2.0});
    std::string written;
    moments->Append(&written);
  }
  if (auto classifier = kindred::learn::OnlineClassifier::Parse(bytes, 2, {}); classifier.ok()) {
    classifier->LearnBatch(std::vector<kindred::learn::Labelled>{{{0.5, -0.5}, true}});
    const double p = classifier->Predict({0.5, -0.5});
    KINDRED_CHECK(p >= 0 && p <= 1);
  }
  return 0;
}
