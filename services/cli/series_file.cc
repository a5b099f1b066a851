#include "cli/series_file.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "cli/text_lines.h"

namespace kindred::cli {
namespace {

constexpr size_t kMostSteps = 100'000;

std::optional<double> Number(absl::string_view text) {
  double number = 0;
  if (text.empty() || !absl::SimpleAtod(text, &number) || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

// What a row says.
struct Row {
  int64_t time_ms = 0;
  double amount = 0;
  absl::string_view customer;
};

class RowReader {
 public:
  // True when the line is a header.
  absl::StatusOr<bool> Begin(const std::vector<std::string>& first, const ColumnNames& named) {
    if (first.size() >= 2 && named.empty() && ParseTableTime(first[0]) && Number(first[1])) {
      value_column_ = 1;
      return false;
    }
    KINDRED_ASSIGN_OR_RETURN(columns_, ImportColumns::Find(first, named, {"time"}));
    purchases_ = columns_->Has("user") || columns_->Has("item");
    if (columns_->Has("amount") || columns_->Has("price")) return true;
    for (size_t i = 0; i < first.size() && !purchases_; ++i) {
      if (!columns_->IsFree(i)) continue;
      value_column_ = i;
      return true;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("no column for the value; name it with --amount. The file has: ",
                     absl::StrJoin(first, ", ")));
  }

  bool purchases() const { return purchases_; }

  std::optional<Row> Read(const std::vector<std::string>& row) const {
    absl::string_view time;
    if (columns_) {
      time = columns_->Get(row, "time");
    } else if (!row.empty()) {
      time = row[0];
    }
    const std::optional<int64_t> time_ms = ParseTableTime(time);
    const std::optional<double> amount = AmountOf(row);
    if (!time_ms || !amount) return std::nullopt;
    if (!purchases_) return Row{*time_ms, *amount, {}};
    Row result{*time_ms, *amount, columns_->Get(row, "user")};
    if (*amount == 0 || (columns_->Has("user") && result.customer.empty())) return std::nullopt;
    return result;
  }

 private:
  std::optional<double> AmountOf(const std::vector<std::string>& row) const {
    if (value_column_) {
      return *value_column_ < row.size() ? Number(absl::StripAsciiWhitespace(row[*value_column_]))
                                         : std::nullopt;
    }
    if (columns_->Has("amount")) return Number(columns_->Get(row, "amount"));
    const std::optional<double> price = Number(columns_->Get(row, "price"));
    const std::optional<double> quantity =
        columns_->Has("quantity") ? Number(columns_->Get(row, "quantity")) : 1;
    // A quantity below zero was given back; no price below zero is one.
    if (!price || !quantity || *price <= 0) return std::nullopt;
    return *price * *quantity;
  }

  std::optional<ImportColumns> columns_;  // none: by position
  std::optional<size_t> value_column_;
  bool purchases_ = false;
};

int64_t StepOf(int64_t time_ms, int64_t step_ms) {
  return time_ms >= 0 ? time_ms / step_ms : -((-time_ms + step_ms - 1) / step_ms);
}

}  // namespace

absl::StatusOr<EvenSeries> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  EvenSeries series;
  series.step_ms = options.step_ms;
  RowReader reader;
  std::map<int64_t, double> sums;
  absl::flat_hash_set<std::pair<int64_t, uint64_t>> seen;  // customers of each step
  std::string line;
  std::vector<std::string> row;
  char delimiter = 0;
  while (lines.Next(&line)) {
    absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
    const bool first = delimiter == 0;
    if (first) absl::ConsumePrefix(&text, "\xef\xbb\xbf");
    if (text.empty()) continue;
    if (first) delimiter = GuessDelimiter(text);
    SplitDelimited(text, delimiter, &row);
    if (first) {
      KINDRED_ASSIGN_OR_RETURN(const bool header, reader.Begin(row, options.columns));
      if (header) continue;
    }
    ++series.rows;
    const std::optional<Row> read = reader.Read(row);
    if (!read) {
      ++series.skipped;
      continue;
    }
    // What is given back lowers the amount, but is no purchase.
    if (reader.purchases() && read->amount < 0 && options.measure != SeriesMeasure::kAmount) {
      ++series.skipped;
      continue;
    }
    const int64_t step = StepOf(read->time_ms, options.step_ms);
    double& sum = sums[step];
    if (sums.size() > kMostSteps) break;
    if (options.measure == SeriesMeasure::kAmount) sum += read->amount;
    if (options.measure == SeriesMeasure::kEvents) sum += 1;
    if (options.measure == SeriesMeasure::kCustomers &&
        seen.emplace(step, base::Fingerprint64(read->customer)).second) {
      sum += 1;
    }
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  if (sums.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": none of ", series.rows, " rows has a time and a value"));
  }
  const int64_t begin = sums.begin()->first;
  const int64_t end = sums.rbegin()->first;
  if (static_cast<uint64_t>(end) - static_cast<uint64_t>(begin) >= kMostSteps) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": more than ", kMostSteps, " steps between the first and the last"));
  }
  series.start_ms = begin * options.step_ms;
  series.values.assign(static_cast<size_t>(end - begin) + 1, 0.0);
  for (const auto& [step, sum] : sums) series.values[static_cast<size_t>(step - begin)] = sum;
  return series;
}

}  // namespace kindred::cli
