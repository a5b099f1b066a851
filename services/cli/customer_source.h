// Where a command takes its customers from: a file of purchases, exported profiles, or a node.
#ifndef KINDRED_CLI_CUSTOMER_SOURCE_H_
#define KINDRED_CLI_CUSTOMER_SOURCE_H_

#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/customer_table.h"

namespace kindred::cli {

struct CustomerSource {
  std::string events;    // a file of purchases
  std::string profiles;  // a file of profiles
  ClientOptions client;  // where neither is given
  std::map<std::string, std::string> columns;
  std::vector<std::string> features;  // what groups are made by; empty: the command's own
  size_t k = 0;           // 0: the segments that are there, or 3 groups of a file of purchases
  size_t limit = 20'000;  // customers asked of a node
};

// --events with the flags for its columns, --features and -k; `anywhere`: --profiles and --server
// as well.
void AddSourceOptions(CLI::App* command, bool anywhere, CustomerSource* source);

// The customers, divided into groups: as `source` says, by `features` where it names none.
absl::StatusOr<CustomerTable> ReadCustomers(const CustomerSource& source,
                                            const std::vector<std::string>& features);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_CUSTOMER_SOURCE_H_
