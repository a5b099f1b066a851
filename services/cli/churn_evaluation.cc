#include "cli/churn_evaluation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "learn/calibration.h"
#include "node/partition.h"
#include "node/prepared_record.h"
#include "node/shared_state.h"
#include "profile/features.h"

namespace kindred::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kBatch = 256;
constexpr size_t kDeciles = 10;

// Everything is in memory: there is no store to read from.
class NoStore final : public node::ColdReader {
 public:
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId, absl::Span<const absl::string_view> ids) const override {
    return std::vector<std::optional<std::string>>(ids.size());
  }
};

stream::RawRecord RecordOf(const TimedEvent& event, int64_t offset) {
  stream::RecordParts parts;
  parts.topic = "events";
  parts.offset = Offset(offset);
  parts.key = event.key;
  parts.value = event.json;
  parts.timestamp_ms = event.time_ms;
  return stream::RawRecord(std::move(parts));
}

struct NextPurchase {
  int64_t time_ms = 0;
  double amount = 0;
};

// The first purchase of each customer in the events, by the node's own decoding and cleaning.
std::map<std::string, NextPurchase> FirstPurchases(absl::Span<const TimedEvent> events,
                                                   int64_t until_ms) {
  std::map<std::string, NextPurchase> first;
  node::PreparedRecord prepared{node::SharedOptions()};
  for (const TimedEvent& timed : events) {
    const stream::RawRecord record = RecordOf(timed, 0);
    prepared.Decode(record);
    for (size_t i = 0; i < prepared.events().size(); ++i) {
      const clean::Outcome outcome = prepared.Cleaned(i);
      if (!outcome.ok() || outcome.event->type != event::EventType::kPurchase ||
          outcome.event->event_time_ms >= until_ms) {
        continue;
      }
      NextPurchase& next = first[std::string(outcome.event->customer_id)];
      const int64_t time_ms = outcome.event->event_time_ms;
      if (next.time_ms == 0 || time_ms < next.time_ms) next = {time_ms, 0};
      if (time_ms == next.time_ms) next.amount += outcome.event->amount;
    }
  }
  return first;
}

// A partition and its predictor, trained on the events before the cut.
class Trained {
 public:
  explicit Trained(const ChurnOptions& options)
      : options_(options),
        shared_(SharedOptionsOf(options)),
        partition_(PartitionId(0), &shared_),
        bench_(&shared_),
        predictor_(PredictorOptionsOf(options)) {}

  absl::Status Apply(const std::vector<TimedEvent>& events) {
    const NoStore no_store;
    std::vector<stream::RawRecord> records;
    int64_t known_ms = 0;
    size_t& next = evaluation_.events;
    while (next < events.size() && events[next].time_ms < options_.cut_ms) {
      records.clear();
      for (; next < events.size() && events[next].time_ms < options_.cut_ms &&
             records.size() < kBatch;
           ++next) {
        records.push_back(RecordOf(events[next], static_cast<int64_t>(next)));
      }
      KINDRED_RETURN_IF_ERROR(partition_.Apply(records, no_store, &bench_));
      if (partition_.outcomes_known_ms() == known_ms) continue;
      known_ms = partition_.outcomes_known_ms();
      Learn();
    }
    return absl::OkStatus();
  }

  // Everyone who had bought, by id; without the truth.
  ChurnEvaluation Predict() {
    std::vector<profile::PurchaseHistory> histories;
    double spent = 0;
    double bought = 0;
    partition_.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
      const profile::Purchases& purchases = customer.profile.purchases();
      if (purchases.frequency() == 0) return;
      histories.push_back(profile::HistoryOf(customer.profile, options_.cut_ms));
      spent += static_cast<double>(purchases.total_micros) / profile::kMicros;
      bought += static_cast<double>(purchases.frequency());
    });
    predictor_.FitPurchaseModels(histories);
    evaluation_.population_mean = bought > 0 ? spent / bought : 0;
    evaluation_.model_version = predictor_.version();
    partition_.Walk(0, SIZE_MAX, [this](const profile::Customer& customer) { Ask(customer); });
    std::sort(evaluation_.customers.begin(), evaluation_.customers.end(),
              [](const ChurnCustomer& a, const ChurnCustomer& b) { return a.id < b.id; });
    return std::move(evaluation_);
  }
  // Whether there was a model for everyone.
  const absl::Status& predicted() const { return predicted_; }

 private:
  static node::SharedOptions SharedOptionsOf(const ChurnOptions& options) {
    node::SharedOptions shared;
    shared.sampled_customers = options.sampled_customers;
    return shared;
  }
  static profile::PredictorOptions PredictorOptionsOf(const ChurnOptions& options) {
    profile::PredictorOptions predictor = options.predictor;
    predictor.churn_days = options.horizon_days;
    return predictor;
  }

  void Learn() {
    partition_.VisitSample(
        [this](const profile::OutcomeSample& sample) { predictor_.Gather(0, sample); });
    const auto gathered = predictor_.gathered_for_churn();
    evaluation_.examples.insert(evaluation_.examples.end(), gathered.begin(), gathered.end());
    predictor_.LearnGathered();
  }

  void Ask(const profile::Customer& customer) {
    if (!predicted_.ok() || customer.profile.purchases().frequency() == 0) return;
    ChurnCustomer& one = evaluation_.customers.emplace_back();
    one.id = std::string(customer.id());
    one.inputs = profile::PredictionInputs(customer.profile, options_.cut_ms);
    const absl::StatusOr<double> buys_again = predictor_.BuysAgain(one.inputs);
    if (!buys_again.ok()) {
      predicted_ = buys_again.status();
      return;
    }
    one.buys_again = *buys_again;
    one.amount = predictor_.NextAmount(one.inputs).value_or(0);
    one.own_mean = profile::HistoryOf(customer.profile, options_.cut_ms).mean_amount;
    for (const profile::Prediction& prediction :
         predictor_.Predict(customer.profile, shared_.affinity_decay, options_.cut_ms)) {
      if (prediction.name == "expected_purchases") one.expected_purchases = prediction.value;
    }
  }

  const ChurnOptions options_;
  node::SharedState shared_;
  node::Partition partition_;
  node::Workbench bench_;
  profile::Predictor predictor_;
  ChurnEvaluation evaluation_;
  absl::Status predicted_;
};

}  // namespace

absl::StatusOr<CustomerVectors> VectorsOf(const std::vector<TimedEvent>& events) {
  node::SharedOptions shared_options;
  node::SharedState shared(shared_options);
  node::Partition partition(PartitionId(0), &shared);
  node::Workbench bench(&shared);
  const NoStore no_store;
  std::vector<stream::RawRecord> records;
  for (size_t next = 0; next < events.size();) {
    records.clear();
    for (; next < events.size() && records.size() < kBatch; ++next) {
      records.push_back(RecordOf(events[next], static_cast<int64_t>(next)));
    }
    KINDRED_RETURN_IF_ERROR(partition.Apply(records, no_store, &bench));
  }
  std::map<std::string, profile::FeatureVector> by_id;
  partition.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
    if (customer.profile.empty()) return;
    by_id[std::string(customer.id())] =
        profile::TransformedFeatures(customer.profile, partition.newest_event_ms());
  });
  CustomerVectors vectors;
  for (const auto& [id, vector] : by_id) {
    vectors.ids.push_back(id);
    vectors.rows.AppendRow(vector);
  }
  return vectors;
}

absl::StatusOr<ChurnEvaluation> EvaluateChurn(const std::vector<TimedEvent>& events,
                                              const ChurnOptions& options) {
  Trained trained(options);
  KINDRED_RETURN_IF_ERROR(trained.Apply(events));
  ChurnEvaluation evaluation = trained.Predict();
  if (!trained.predicted().ok()) return trained.predicted();
  if (evaluation.customers.empty()) {
    return absl::FailedPreconditionError("nobody had bought before the cut");
  }
  const std::map<std::string, NextPurchase> truth =
      FirstPurchases(absl::MakeConstSpan(events).subspan(evaluation.events),
                     options.cut_ms + options.horizon_days * kDayMs);
  for (ChurnCustomer& customer : evaluation.customers) {
    const auto found = truth.find(customer.id);
    if (found == truth.end()) continue;
    customer.bought = true;
    customer.next_amount = found->second.amount;
  }
  return evaluation;
}

ChurnFigures Summarise(const ChurnEvaluation& evaluation) {
  ChurnFigures figures;
  const std::vector<ChurnCustomer>& customers = evaluation.customers;
  figures.customers = customers.size();
  const double count = static_cast<double>(customers.size());
  std::vector<double> predicted;
  std::vector<double> recency;
  std::vector<double> expected;
  std::vector<uint8_t> bought;
  double amounts = 0;
  for (const ChurnCustomer& customer : customers) {
    predicted.push_back(customer.buys_again);
    recency.push_back(-customer.inputs[static_cast<size_t>(profile::InputId::kSincePurchase)]);
    expected.push_back(customer.expected_purchases);
    bought.push_back(customer.bought ? 1 : 0);
    const double error = customer.buys_again - (customer.bought ? 1.0 : 0.0);
    figures.brier += error * error / count;
    if (!customer.bought) {
      figures.churned_share += 1 / count;
      continue;
    }
    ++figures.returned;
    if (customer.amount <= 0 || customer.next_amount <= 0) continue;
    amounts += 1;
    figures.amount_mae += std::abs(customer.amount - customer.next_amount);
    figures.own_mean_mae += std::abs(customer.own_mean - customer.next_amount);
    figures.population_mae += std::abs(evaluation.population_mean - customer.next_amount);
  }
  if (amounts > 0) {
    figures.amount_mae /= amounts;
    figures.own_mean_mae /= amounts;
    figures.population_mae /= amounts;
  }
  figures.auc = learn::AreaUnderCurve(predicted, bought);
  figures.recency_auc = learn::AreaUnderCurve(recency, bought);
  figures.expected_purchases_auc = learn::AreaUnderCurve(expected, bought);
  std::vector<size_t> order(customers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return customers[a].buys_again < customers[b].buys_again;
  });
  for (size_t d = 0; d < kDeciles; ++d) {
    Decile decile;
    const size_t begin = d * order.size() / kDeciles;
    const size_t end = (d + 1) * order.size() / kDeciles;
    for (size_t i = begin; i < end; ++i) {
      decile.predicted += predicted[order[i]];
      decile.actual += bought[order[i]];
    }
    decile.customers = end - begin;
    if (decile.customers > 0) {
      decile.predicted /= static_cast<double>(decile.customers);
      decile.actual /= static_cast<double>(decile.customers);
    }
    figures.worst_decile_error =
        std::max(figures.worst_decile_error, std::abs(decile.predicted - decile.actual));
    figures.deciles.push_back(decile);
  }
  return figures;
}

}  // namespace kindred::cli
