// Whatever bytes are taken for a row of a sample or for models must be usable.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "profile/outcome_sample.h"
#include "profile/predictor.h"
#include "profile/test_events.h"

namespace {

using kindred::profile::OutcomeSample;
using kindred::profile::Predictor;

void UseSample(absl::string_view key, absl::string_view row) {
  OutcomeSample sample(4);
  if (!sample.RestoreRow(key, row).ok()) return;
  KINDRED_CHECK(sample.memory_bytes() < 100'000);
  Predictor predictor(kindred::profile::PredictorOptions{});
  predictor.Gather(0, sample);
  predictor.LearnGathered();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  // A row's key repeats the rank that its bytes begin with.
  std::string key(OutcomeSample::kRowPrefix);
  UseSample(key, bytes);
  if (size > 9) {
    uint64_t rank = 0;
    for (int i = 8; i >= 1; --i) rank = rank << 8 | data[i];
    UseSample(absl::StrCat(key, absl::Hex(rank, absl::kZeroPad16)), bytes);
  }
  const auto predictor = Predictor::Parse(bytes, kindred::profile::PredictorOptions{});
  if (!predictor.ok()) return 0;
  std::string written;
  predictor->Append(&written);
  KINDRED_CHECK(Predictor::Parse(written, kindred::profile::PredictorOptions{}).ok());
  kindred::profile::TestApplier applier;
  kindred::profile::TestEvent event;
  event.type = kindred::event::EventType::kPurchase;
  event.price = 5;
  event.category = "tea";
  const kindred::profile::Profile profile = applier.ApplyAll({event});
  for (const auto& prediction :
       predictor->Predict(profile, applier.decay(), kindred::profile::kTestStartMs)) {
    KINDRED_CHECK(std::isfinite(prediction.value)) << prediction.name;
  }
  return 0;
}
