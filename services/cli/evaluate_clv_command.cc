#include "cli/evaluate_clv_command.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/dictionary.h"
#include "base/status_macros.h"
#include "cli/import_table.h"
#include "cli/text_lines.h"

namespace kindred::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;

struct Flags {
  std::string transactions, calibration_end, holdout_end;
  bool json = false;
};

std::optional<int64_t> DayOf(absl::string_view text) {
  const std::optional<int64_t> time_ms = ParseTableTime(text);
  if (!time_ms) return std::nullopt;
  return *time_ms >= 0 ? *time_ms / kDayMs : -((-*time_ms + kDayMs - 1) / kDayMs);
}

std::optional<double> AmountOf(absl::string_view text) {
  double amount = 0;
  if (text.empty() || !absl::SimpleAtod(text, &amount) || !std::isfinite(amount)) {
    return std::nullopt;
  }
  return amount;
}

// A row as text.
struct Fields {
  std::string customer, day, amount;
};

Fields ByPosition(const std::vector<std::string>& row) {
  if (row.size() < 3) return {};
  const size_t customer = row.size() == 5 ? 1 : 0;
  return {row[customer], row[customer + 1], row.back()};
}

class RowReader {
 public:
  // Looks at the first line. True when it is a header.
  bool Begin(absl::string_view line) {
    delimiter_ = GuessDelimiter(line);
    if (!absl::StrContains(line, delimiter_)) delimiter_ = ' ';
    Split(line);
    const Fields fields = ByPosition(row_);
    if (DayOf(fields.day) && AmountOf(fields.amount)) return false;
    ColumnNames named;
    for (const std::string& name : row_) {
      const std::string lower = absl::AsciiStrToLower(name);
      if (lower == "dollar_value" || lower == "monetary_value" || lower == "spend") {
        named["amount"] = name;
      }
    }
    absl::StatusOr<ImportColumns> columns = ImportColumns::Find(row_, named, {"user", "time"});
    if (columns.ok() &&
        (columns->Has("amount") || (columns->Has("price") && columns->Has("quantity")))) {
      columns_ = *std::move(columns);
    }
    return true;
  }

  // Nothing: the row has no customer, date or amount that can be read.
  std::optional<learn::Transaction> Read(absl::string_view line) {
    Split(line);
    const Fields fields = Find();
    const std::optional<int64_t> day = DayOf(fields.day);
    const std::optional<double> amount = AmountOf(fields.amount);
    if (fields.customer.empty() || !day || !amount) return std::nullopt;
    return learn::Transaction{customers_.Intern(fields.customer), *day, *amount};
  }

 private:
  void Split(absl::string_view line) {
    if (delimiter_ == ' ') {
      row_ = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
      return;
    }
    SplitDelimited(line, delimiter_, &row_);
    for (std::string& field : row_) absl::StripAsciiWhitespace(&field);
  }

  Fields Find() const {
    if (!columns_) return ByPosition(row_);
    Fields fields{std::string(columns_->Get(row_, "user")),
                  std::string(columns_->Get(row_, "time")),
                  std::string(columns_->Get(row_, "amount"))};
    if (columns_->Has("amount")) return fields;
    const std::optional<double> price = AmountOf(columns_->Get(row_, "price"));
    const std::optional<double> quantity = AmountOf(columns_->Get(row_, "quantity"));
    if (price && quantity) fields.amount = absl::StrCat(*price * *quantity);
    return fields;
  }

  char delimiter_ = ',';
  std::optional<ImportColumns> columns_;  // none: by position
  std::vector<std::string> row_;
  base::Dictionary customers_;
};

// Every figure by name; the table and the JSON show the same.
std::vector<std::pair<const char*, double>> Figures(const learn::ClvEvaluation& result) {
  std::vector<std::pair<const char*, double>> figures = {{"r", result.bgnbd.r},
                                                         {"alpha", result.bgnbd.alpha},
                                                         {"a", result.bgnbd.a},
                                                         {"b", result.bgnbd.b},
                                                         {"log_likelihood", result.log_likelihood}};
  if (result.has_gamma_gamma) {
    figures.insert(
        figures.end(),
        {{"p", result.gamma_gamma.p}, {"q", result.gamma_gamma.q}, {"v", result.gamma_gamma.v}});
  }
  figures.insert(figures.end(), {{"customers", static_cast<double>(result.customers)},
                                 {"repeat_customers", static_cast<double>(result.repeat_customers)},
                                 {"holdout_purchases", result.holdout_purchases},
                                 {"holdout_correlation", result.holdout_correlation},
                                 {"holdout_rmse", result.holdout_rmse},
                                 {"holdout_mae", result.holdout_mae},
                                 {"holdout_total_ratio", result.holdout_total_ratio}});
  return figures;
}

absl::Status Run(const Flags& flags) {
  const std::optional<int64_t> calibration_end = DayOf(flags.calibration_end);
  if (!calibration_end) return absl::InvalidArgumentError("--calibration-end wants a date");
  const std::optional<int64_t> holdout_end = DayOf(flags.holdout_end);
  if (!holdout_end) return absl::InvalidArgumentError("--holdout-end wants a date");
  KINDRED_ASSIGN_OR_RETURN(TransactionFile file, ReadTransactions(flags.transactions));
  const size_t used = file.transactions.size();
  KINDRED_ASSIGN_OR_RETURN(
      const learn::ClvEvaluation result,
      learn::EvaluateClv(std::move(file.transactions), *calibration_end, *holdout_end));
  std::string text;
  if (flags.json) {
    absl::StrAppendFormat(&text, "{\"rows\":%u,\"rows_used\":%u", file.rows, used);
    for (const auto& [name, value] : Figures(result)) {
      absl::StrAppendFormat(&text, ",\"%s\":%.10g", name, value);
    }
    absl::StrAppend(&text, "}\n");
  } else {
    absl::StrAppendFormat(&text, "%-20s %u of %u\n", "rows used", used, file.rows);
    for (const auto& [name, value] : Figures(result)) {
      absl::StrAppendFormat(&text, "%-20s %.6g\n", name, value);
    }
    if (!result.has_gamma_gamma) {
      absl::StrAppend(&text, "p, q, v: too few repeat buyers with an amount\n");
    }
  }
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TransactionFile> ReadTransactions(const std::string& path) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  TransactionFile file;
  RowReader reader;
  std::string line;
  bool first = true;
  while (lines.Next(&line)) {
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (std::exchange(first, false) && reader.Begin(line)) continue;
    ++file.rows;
    if (const std::optional<learn::Transaction> transaction = reader.Read(line)) {
      file.transactions.push_back(*transaction);
    } else {
      ++file.skipped;
    }
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  if (file.transactions.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": no row with a customer, a date and an amount in ", file.rows,
                     " rows; columns are customer, date, amount, or named so in a header"));
  }
  return file;
}

void AddEvaluateClvCommand(CLI::App& evaluate) {
  auto flags = std::make_shared<Flags>();
  CLI::App* clv = evaluate.add_subcommand(
      "clv", "Fit BG/NBD and Gamma-Gamma on the first part of a purchase log, foretell the rest");
  clv->footer(
      "Example:\n  kindred evaluate clv --transactions purchases.csv --calibration-end 1997-09-30 "
      "--holdout-end 1998-06-30");
  clv->add_option("--transactions", flags->transactions,
                  "Customer, date, amount; CSV or blanks, with or without a header, also .gz")
      ->required();
  clv->add_option("--calibration-end", flags->calibration_end, "Last day that is learned from")
      ->required();
  clv->add_option("--holdout-end", flags->holdout_end, "Last day that is foretold")->required();
  clv->add_flag("--json", flags->json, "Print one JSON object instead of the table");
  clv->callback([flags] {
    const absl::Status status = Run(*flags);
    if (status.ok()) return;
    std::fprintf(stderr, "kindred evaluate: %s\n", std::string(status.message()).c_str());
    throw CLI::RuntimeError(1);  // CLI11's way to end a parse; it stops in main()
  });
}

}  // namespace kindred::cli
