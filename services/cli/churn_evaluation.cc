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
#include "node/shared_state.h"

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
                                                   int64_t until_ms, node::Workbench* bench) {
  std::map<std::string, NextPurchase> first;
  for (const TimedEvent& timed : events) {
    event::EncodedRecord record;
    record.key = timed.key;
    record.value = timed.json;
    record.arrival_ms = timed.time_ms;
    if (!bench->decoder.Decode(record, &bench->events).ok()) continue;
    for (const event::Event& event : bench->events) {
      const clean::Outcome outcome = bench->cleaner.Clean(event, timed.time_ms);
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

}  // namespace

absl::StatusOr<ChurnEvaluation> EvaluateChurn(const std::vector<TimedEvent>& events,
                                              const ChurnOptions& options) {
  node::SharedOptions shared_options;
  shared_options.sampled_customers = options.sampled_customers;
  node::SharedState shared(shared_options);
  node::Partition partition(PartitionId(0), &shared);
  node::Workbench bench(shared_options);
  const NoStore no_store;
  profile::PredictorOptions predictor_options = options.predictor;
  predictor_options.churn_days = options.horizon_days;
  profile::Predictor predictor(predictor_options);
  ChurnEvaluation evaluation;
  const auto learn = [&] {
    partition.VisitSample(
        [&](const profile::OutcomeSample& sample) { predictor.Gather(0, sample); });
    const auto gathered = predictor.gathered_for_churn();
    evaluation.examples.insert(evaluation.examples.end(), gathered.begin(), gathered.end());
    predictor.LearnGathered();
  };
  std::vector<stream::RawRecord> records;
  int64_t known_ms = 0;
  size_t next = 0;
  while (next < events.size() && events[next].time_ms < options.cut_ms) {
    records.clear();
    for (; next < events.size() && events[next].time_ms < options.cut_ms &&
           records.size() < kBatch;
         ++next) {
      records.push_back(RecordOf(events[next], static_cast<int64_t>(next)));
    }
    KINDRED_RETURN_IF_ERROR(partition.Apply(records, no_store, &bench));
    if (partition.outcomes_known_ms() == known_ms) continue;
    known_ms = partition.outcomes_known_ms();
    learn();
  }
  evaluation.events = next;

  std::vector<profile::PurchaseHistory> histories;
  double spent = 0;
  double bought = 0;
  partition.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
    const profile::Purchases& purchases = customer.profile.purchases();
    if (purchases.frequency() == 0) return;
    histories.push_back(profile::HistoryOf(customer.profile, options.cut_ms));
    spent += static_cast<double>(purchases.total_micros) / profile::kMicros;
    bought += static_cast<double>(purchases.frequency());
  });
  evaluation.population_mean = bought > 0 ? spent / bought : 0;
  predictor.FitPurchaseModels(histories);
  evaluation.model_version = predictor.version();

  const std::map<std::string, NextPurchase> truth =
      FirstPurchases(absl::MakeConstSpan(events).subspan(next),
                     options.cut_ms + options.horizon_days * kDayMs, &bench);
  absl::Status status;
  partition.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
    if (!status.ok() || customer.profile.purchases().frequency() == 0) return;
    ChurnCustomer& one = evaluation.customers.emplace_back();
    one.id = std::string(customer.id());
    one.inputs = profile::PredictionInputs(customer.profile, options.cut_ms);
    const absl::StatusOr<double> buys_again = predictor.BuysAgain(one.inputs);
    if (!buys_again.ok()) {
      status = buys_again.status();
      return;
    }
    one.buys_again = *buys_again;
    one.amount = predictor.NextAmount(one.inputs).value_or(0);
    for (const profile::Prediction& prediction :
         predictor.Predict(customer.profile, shared.affinity_decay, options.cut_ms)) {
      if (prediction.name == "expected_purchases") one.expected_purchases = prediction.value;
    }
    one.own_mean = histories.empty()
                       ? 0
                       : profile::HistoryOf(customer.profile, options.cut_ms).mean_amount;
    if (const auto found = truth.find(one.id); found != truth.end()) {
      one.bought = true;
      one.next_amount = found->second.amount;
    }
  });
  KINDRED_RETURN_IF_ERROR(status);
  if (evaluation.customers.empty()) {
    return absl::FailedPreconditionError("nobody had bought before the cut");
  }
  std::sort(evaluation.customers.begin(), evaluation.customers.end(),
            [](const ChurnCustomer& a, const ChurnCustomer& b) { return a.id < b.id; });
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
