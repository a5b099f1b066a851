// The files that `kindred evaluate` reads, plain or gzip: session splits and event logs.
#ifndef KINDRED_CLI_EVALUATE_INPUT_H_
#define KINDRED_CLI_EVALUATE_INPUT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/dictionary.h"
#include "event/item.h"
#include "recommend/evaluate.h"

namespace kindred::cli {

// Names as numbers, common to all files of one evaluation.
struct InputNames {
  base::Dictionary items;
  base::Dictionary customers;
  base::Dictionary orders;
};

// Train file: one session a line, items separated by spaces, sessions in order of time.
// NotFound: no such file. InvalidArgument: names the line.
absl::StatusOr<std::vector<recommend::Session>> ReadSessions(const std::string& path,
                                                             InputNames* names);
// Test file: items of a prefix, a tab, the item that follows.
absl::StatusOr<std::vector<recommend::PrefixTarget>> ReadPrefixTargets(const std::string& path,
                                                                       InputNames* names);

struct EventLog {
  std::vector<recommend::LogEvent> events;  // in order of time; equal times in order of the file
  uint64_t rows = 0;
  uint64_t skipped = 0;  // rows without customer, item or time, refunds, prices of zero and below
};

// Event logs: JSON lines in any format that the node reads, or delimited text (comma, semicolon or
// tab) with a header whose names are guessed (SessionId or user_id or CustomerID, ItemId or
// StockCode, Time or InvoiceDate, InvoiceNo or order_id, type, Quantity, UnitPrice …). Without a
// type column, rows with an order are purchases and others views. Files are read one after the
// other.
absl::StatusOr<EventLog> ReadEventLog(const std::vector<std::string>& paths, InputNames* names);

// Catalogue: JSON lines as in the items topic. Lines that cannot be read are counted in `skipped`.
struct ItemFile {
  std::vector<std::pair<uint32_t, event::Item>> items;  // with their numbers
  uint64_t skipped = 0;
};
absl::StatusOr<ItemFile> ReadItems(const std::string& path, InputNames* names);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_INPUT_H_
