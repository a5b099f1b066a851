#include "node/prediction_learner.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "base/thread_priority.h"

namespace kindred::node {
namespace {

constexpr absl::string_view kModelKey = "predictions";
// The purchase models are fitted again when the sample has grown by this share …
constexpr double kGrowth = 0.05;
// … or event time has gone on by this much.
constexpr int64_t kFitEveryMs = 4 * profile::kGridMs;

}  // namespace

PredictionLearner::PredictionLearner(const PredictionOptions& options,
                                     const PartitionSet* partitions, const ColdReader* cold,
                                     store::Store* store, telemetry::Registry* registry)
    : options_(options),
      partitions_(*partitions),
      cold_(*cold),
      store_(*store),
      examples_(registry->GetGauge("kindred_prediction_examples",
                                   "Outcomes that predictions have learned from, all models.")),
      churn_auc_(registry->GetGauge("kindred_prediction_churn_auc",
                                    "How well churn was ranked on outcomes not learned yet: 0.5 by "
                                    "chance, 1 perfectly. 0.5 while nothing is known.")),
      predictor_(options.predictor) {}

PredictionLearner::~PredictionLearner() { Stop(); }

absl::Status PredictionLearner::Start() {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                           store_.Get(store::Table::kModel, store::kNodeScope, kModelKey));
  if (stored.has_value()) {
    absl::StatusOr<profile::Predictor> parsed =
        profile::Predictor::Parse(*stored, options_.predictor);
    if (parsed.ok()) {
      predictor_ = *std::move(parsed);
      saved_version_ = predictor_.version();
      absl::MutexLock lock(&mutex_);
      current_ = std::make_shared<const profile::Predictor>(predictor_);
    } else {
      // Another horizon, or an older form: what the samples hold is learned anew.
      base::LogInfo("predictions", "stored models are not used", {{"reason", parsed.status()}});
    }
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void PredictionLearner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const profile::Predictor> PredictionLearner::Current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

void PredictionLearner::Run() {
  base::NameThread("learn-predict");
  base::LowerThreadPriority(base::ThreadRole::kLearns);
  while (true) {
    if (Step()) Save();
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), options_.interval)) break;
  }
  Save();
}

bool PredictionLearner::Step() {
  const uint64_t before = predictor_.version();
  partitions_.ForEach([this](const PartitionSlot& slot) {
    const int32_t id = slot.state->id().value();
    const int64_t known_ms = slot.state->outcomes_known_ms();
    int64_t& until_ms = gathered_until_[id];
    if (known_ms == until_ms) return;
    until_ms = known_ms;
    slot.state->VisitSample(
        [this, id](const profile::OutcomeSample& sample) { predictor_.Gather(id, sample); });
  });
  predictor_.LearnGathered();
  MaybeFit();
  if (predictor_.version() == before) return false;
  auto published = std::make_shared<const profile::Predictor>(predictor_);
  examples_.Set(static_cast<double>(published->examples()));
  churn_auc_.Set(published->churn_reliability().value);
  absl::MutexLock lock(&mutex_);
  current_ = std::move(published);
  return true;
}

bool PredictionLearner::MaybeFit() {
  size_t members = 0;
  int64_t known_ms = 0;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    known_ms = std::max(known_ms, slot.state->outcomes_known_ms());
    slot.state->VisitSample(
        [&members](const profile::OutcomeSample& sample) { members += sample.members().size(); });
  });
  const bool grown =
      static_cast<double>(members) >= static_cast<double>(fitted_members_) * (1 + kGrowth);
  if (members == 0 || (members == fitted_members_ && known_ms == fitted_ms_) ||
      !(grown || known_ms >= fitted_ms_ + kFitEveryMs)) {
    return false;
  }
  fitted_members_ = members;
  fitted_ms_ = known_ms;
  const int64_t as_of_ms = partitions_.newest_event_ms();
  std::vector<profile::PurchaseHistory> histories;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    std::vector<std::string> ids;
    slot.state->VisitSample([&ids](const profile::OutcomeSample& sample) {
      for (const auto& [_, member] : sample.members()) ids.push_back(member.id);
    });
    for (const std::string& id : ids) {
      const absl::StatusOr<bool> found = slot.state->Visit(
          id, profile::CustomerMap::Hash(id), cold_, [&](const profile::Profile& profile) {
            histories.push_back(profile::HistoryOf(profile, as_of_ms));
          });
      if (!found.ok()) return;  // the store does not answer now: fewer take part
    }
  });
  predictor_.FitPurchaseModels(histories);
  return true;
}

void PredictionLearner::Save() {
  if (predictor_.version() == saved_version_) return;
  std::string bytes;
  predictor_.Append(&bytes);
  store::Checkpoint checkpoint = store_.NewCheckpoint(store::kNodeScope);
  checkpoint.Put(store::Table::kModel, kModelKey, bytes);
  const absl::Status status = store_.Write(std::move(checkpoint));
  if (status.ok()) {
    saved_version_ = predictor_.version();
  } else {
    base::LogWarning("predictions", "models could not be stored; it will be tried again",
                     {{"error", status}});
  }
}

}  // namespace kindred::node
