// A file of values in time, or of purchases, as an evenly spaced series.
#ifndef KINDRED_CLI_SERIES_FILE_H_
#define KINDRED_CLI_SERIES_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/import_table.h"

namespace kindred::cli {

enum class SeriesMeasure { kAmount, kEvents, kCustomers };

struct SeriesFileOptions {
  int64_t step_ms = 86'400'000;  // a day, or an hour
  SeriesMeasure measure = SeriesMeasure::kAmount;
  ColumnNames columns;
};

struct EvenSeries {
  int64_t start_ms = 0;  // of the first step, a multiple of the step; UTC
  int64_t step_ms = 0;
  std::vector<double> values;  // steps without a row are 0
  uint64_t rows = 0;
  uint64_t skipped = 0;  // without a time or a value; of purchases also amounts of zero and rows
                         // without a customer, and what is given back where events are counted
  int64_t TimeOf(size_t step) const { return start_ms + static_cast<int64_t>(step) * step_ms; }
  int64_t end_ms() const { return TimeOf(values.size()); }
};

// Plain or gzip. Two shapes:
// - a time and a value: the values of a step are summed. With or without a header; the value is the
//   column of the amount, or the first one besides the time that no other field takes.
// - purchases: the header also has a customer or an item; amounts given back are subtracted.
// InvalidArgument: no usable row, a missing column, or more than 100,000 steps.
absl::StatusOr<EvenSeries> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_SERIES_FILE_H_
