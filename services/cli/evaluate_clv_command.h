// `kindred evaluate clv`: how well would customer lifetime value, fitted on the first part of a
// purchase log, have foretold the rest?
#ifndef KINDRED_CLI_EVALUATE_CLV_COMMAND_H_
#define KINDRED_CLI_EVALUATE_CLV_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "learn/clv_evaluation.h"

namespace kindred::cli {

struct TransactionFile {
  std::vector<learn::Transaction> transactions;  // days since 1970
  uint64_t rows = 0;                             // without the header
  uint64_t skipped = 0;                          // rows without customer, date or amount
};

// Plain or gzip; fields separated by comma, semicolon, tab or blanks. With a header: columns by
// name (customer or a name that import knows, date, amount …). Without: customer, date, amount,
// where one number before the amount (how many were bought) and, with five columns, one more id
// before the customer are passed over. InvalidArgument: no usable row, or a header without one of
// the three columns.
absl::StatusOr<TransactionFile> ReadTransactions(const std::string& path);

// Adds "clv" to the evaluate command.
void AddEvaluateClvCommand(CLI::App& evaluate);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_CLV_COMMAND_H_
