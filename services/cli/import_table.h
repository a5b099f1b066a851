// A table of purchases or other events, row by row as events; and a table of items.
#ifndef KINDRED_CLI_IMPORT_TABLE_H_
#define KINDRED_CLI_IMPORT_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "event/event.h"
#include "event/item.h"

namespace kindred::cli {

// What a column can hold; the names are those of the flags.
inline constexpr const char* kImportFields[] = {
    "user",    "anonymous", "item",    "time",   "type",     "quantity", "price",    "amount",
    "order",   "category",  "brand",   "title",  "currency", "country",  "region",   "city",
    "channel", "device",    "session", "rating", "query",    "event-id", "available"};

// Field → column name. What is not named is guessed from the header, in English and Chinese
// (用户ID, 商品ID, 购买时间, 购买金额).
using ColumnNames = std::map<std::string, std::string>;

// Which column holds what. InvalidArgument names the column that is missing and those there are.
class ImportColumns {
 public:
  // `required`: fields that must be found.
  static absl::StatusOr<ImportColumns> Find(const std::vector<std::string>& header,
                                            const ColumnNames& named,
                                            const std::vector<std::string>& required);
  // The field of a row, trimmed; empty when there is no such column.
  absl::string_view Get(const std::vector<std::string>& row, absl::string_view field) const;
  bool Has(absl::string_view field) const { return columns_.contains(field); }
  // No field was found in this column.
  bool IsFree(size_t column) const;
  // "user ← CustomerID, item ← StockCode …", for people.
  std::string Describe(const std::vector<std::string>& header) const;

 private:
  absl::flat_hash_map<std::string, size_t> columns_;
};

// Comma, semicolon or tab, whichever the header has most of.
char GuessDelimiter(absl::string_view header);

// Rows → events. Event ids are made from the row's content and its ordinal among equal rows, so a
// second import of the same rows changes nothing.
class RowEvents {
 public:
  // `default_type`: of rows without a type; `constants`: fields with one value for all rows.
  RowEvents(ImportColumns columns, event::EventType default_type, ColumnNames constants);

  // The event of a row; its text lives until the next call, and as long as the row. What cannot be
  // read as a number or a time is left out, and the node's cleaning says so.
  const event::Event& Next(absl::string_view line, const std::vector<std::string>& row);
  // The Kafka key: the customer; without one the event's id, so that a row imported again meets
  // what the node remembers of it.
  absl::string_view key() const;

 private:
  absl::string_view Field(const std::vector<std::string>& row, absl::string_view field) const;

  const ImportColumns columns_;
  const event::EventType default_type_;
  const ColumnNames constants_;
  absl::flat_hash_map<uint64_t, uint32_t> seen_;  // rows by fingerprint
  std::string event_id_;
  event::Event event_;
};

// "2010-12-01 08:26:00", RFC 3339, "12/1/2010 8:26" (month first), "2011/12/09", "20111209",
// seconds or milliseconds since 1970. Without a zone: UTC. Nothing when it is none of these.
std::optional<int64_t> ParseTableTime(absl::string_view text);

// A row of a table of items.
event::Item RowItem(const ImportColumns& columns, const std::vector<std::string>& header,
                    const std::vector<std::string>& row);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_IMPORT_TABLE_H_
