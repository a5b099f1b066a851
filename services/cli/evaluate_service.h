// A running service as the one that `kindred evaluate` judges: events go in through Kafka, answers
// come out of Recommend, as of each event's time.
#ifndef KINDRED_CLI_EVALUATE_SERVICE_H_
#define KINDRED_CLI_EVALUATE_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/evaluate_input.h"
#include "recommend/evaluate.h"

namespace kindred::cli {

struct EvaluateServiceOptions {
  ClientOptions client;
  std::string brokers;
  std::string topic = "events";
};

// Threads: one. Its metrics equal the core's to the last digit when the node started empty, reads
// this topic alone, knows no catalogue, and the topic has one partition; with several, sums are
// added in another order, which can decide between items of equal score.
class ServiceSubject : public recommend::Subject {
 public:
  // Unavailable when there is no node or no broker; FailedPrecondition when the node knows
  // customers already. `names` must outlive it.
  static absl::StatusOr<std::unique_ptr<ServiceSubject>> Open(const EvaluateServiceOptions& options,
                                                              const InputNames* names);
  // Why it gave up; OK while it did not.
  virtual const absl::Status& status() const = 0;
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_SERVICE_H_
