// How well the node's own predictions foretell who buys again, and for how much: events up to a
// moment go through the node's pipeline, which trains on what was known by then; the events after
// it are the truth.
#ifndef KINDRED_CLI_CHURN_EVALUATION_H_
#define KINDRED_CLI_CHURN_EVALUATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "learn/matrix.h"
#include "profile/prediction_inputs.h"
#include "profile/predictor.h"

namespace kindred::cli {

struct TimedEvent {
  int64_t time_ms = 0;
  std::string key;   // the customer
  std::string json;  // as it would be produced
};

// The customers' features after all events, transformed; ids and rows in the same order, by id.
struct CustomerVectors {
  std::vector<std::string> ids;
  learn::Matrix rows;
};
absl::StatusOr<CustomerVectors> VectorsOf(const std::vector<TimedEvent>& events);

struct ChurnOptions {
  int64_t cut_ms = 0;
  int horizon_days = 90;
  size_t sampled_customers = 16384;
  profile::PredictorOptions predictor;
};

// Customers that had bought before the cut.
struct ChurnCustomer {
  std::string id;
  profile::InputVector inputs;
  double buys_again = 0;  // as predicted
  double amount = 0;      // of the next purchase, as predicted; 0: none
  double expected_purchases = 0;
  double own_mean = 0;
  bool bought = false;     // within the horizon
  double next_amount = 0;  // of the first purchase within the horizon; 0: none
};

struct ChurnEvaluation {
  std::vector<ChurnCustomer> customers;               // by id
  std::vector<profile::Predictor::Example> examples;  // that the churn model had learned
  double population_mean = 0;                         // amount of a purchase before the cut
  size_t events = 0;                                  // before the cut
  uint64_t model_version = 0;
};

// `events` in order of time. FailedPrecondition: too little was known at the cut for a model.
absl::StatusOr<ChurnEvaluation> EvaluateChurn(const std::vector<TimedEvent>& events,
                                              const ChurnOptions& options);

// What the evaluation amounts to, by name, in the order to print.
struct Decile {
  size_t customers = 0;
  double predicted = 0;  // mean probability of buying again
  double actual = 0;     // share that did
};
struct ChurnFigures {
  uint64_t customers = 0;
  double churned_share = 0;
  double auc = 0;
  double recency_auc = 0;  // of the time since the last purchase alone
  double expected_purchases_auc = 0;
  double brier = 0;
  std::vector<Decile> deciles;  // by prediction, least likely first
  double worst_decile_error = 0;
  uint64_t returned = 0;
  double amount_mae = 0;
  double own_mean_mae = 0;
  double population_mae = 0;
};
ChurnFigures Summarise(const ChurnEvaluation& evaluation);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_CHURN_EVALUATION_H_
