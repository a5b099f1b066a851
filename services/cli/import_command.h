// `kindred import`, `kindred import-items` and `kindred produce`: files into topics.
#ifndef KINDRED_CLI_IMPORT_COMMAND_H_
#define KINDRED_CLI_IMPORT_COMMAND_H_

#include <cstdint>
#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/feeder.h"
#include "cli/import_table.h"

namespace kindred::cli {

void AddImportCommands(CLI::App& app);

struct ImportOptions {
  std::string file;
  ColumnNames columns;
  ColumnNames constants;
  event::EventType type = event::EventType::kPurchase;
  uint64_t limit = 0;  // rows; 0: all
  bool quiet = false;
};

// Sends every row of a table as an event; the number of rows. Prints progress.
absl::StatusOr<uint64_t> ImportEvents(const ImportOptions& options, Feeder* feeder);
// Sends every row of a table as a record of the items topic.
absl::StatusOr<uint64_t> ImportItems(const ImportOptions& options, Feeder* feeder);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_IMPORT_COMMAND_H_
