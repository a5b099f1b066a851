#include "cli/predict_command.h"

#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/next_amount.h"

namespace kindred::cli {
namespace {

struct Flags {
  std::string events;
  std::map<std::string, std::string> columns;
  double frequency = 0;
  double total = 0;
  bool json = false;
};

absl::Status PredictAmount(const Flags& flags) {
  ColumnNames columns;
  for (const auto& [field, column] : flags.columns) {
    if (!column.empty()) columns[field] = column;
  }
  KINDRED_ASSIGN_OR_RETURN(const PurchaseFile file, ReadPurchases(flags.events, columns));
  KINDRED_ASSIGN_OR_RETURN(const NextAmountModel model, LearnNextAmount(file.occasions));
  const double amount = model.Predict(flags.frequency, flags.total);
  const learn::LinearModel& regression = model.regression;
  if (flags.json) {
    const nlohmann::ordered_json out = {{"frequency", flags.frequency},
                                        {"total", flags.total},
                                        {"amount", amount},
                                        {"low", amount * model.low_ratio},
                                        {"high", amount * model.high_ratio},
                                        {"mean", amount * model.mean_ratio},
                                        {"intercept", regression.intercept},
                                        {"log_frequency", regression.coefficients[0]},
                                        {"log_total", regression.coefficients[1]},
                                        {"r_squared", regression.r_squared},
                                        {"purchases", model.purchases},
                                        {"judged", model.judged},
                                        {"mae", model.error},
                                        {"own_mean_mae", model.own_mean_error},
                                        {"population_mean_mae", model.population_mean_error}};
    std::printf("%s\n", out.dump(2).c_str());
    return absl::OkStatus();
  }
  std::printf("%s\n\n", file.table.source.c_str());
  std::printf("A customer who bought %g times for %g in all will typically spend %.2f next time;\n",
              flags.frequency, flags.total, amount);
  std::printf("8 of 10 such purchases lie between %.2f and %.2f; their mean is %.2f.\n\n",
              amount * model.low_ratio, amount * model.high_ratio, amount * model.mean_ratio);
  std::printf(
      "log(amount) = %.4f %+.4f log(frequency) %+.4f log(total), learned from %zu purchases\n",
      regression.intercept, regression.coefficients[0], regression.coefficients[1],
      model.purchases);
  std::printf(
      "The newest %zu, foretold from those before: off by %.2f on average; a customer's own mean "
      "is "
      "off by %.2f,\nthe mean of all by %.2f.\n",
      model.judged, model.error, model.own_mean_error, model.population_mean_error);
  return absl::OkStatus();
}

}  // namespace

void AddPredictCommand(CLI::App& app) {
  CLI::App* predict = app.add_subcommand("predict", "What a file of purchases says of the future");
  predict->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  CLI::App* amount =
      predict->add_subcommand("amount", "The amount of a customer's next purchase, by regression");
  amount->footer(
      "Example:\n  kindred predict amount --events purchases.csv --frequency 10 --total 500\n"
      "Learned: log(next amount) from log(purchases so far) and log(total so far), over every\n"
      "purchase but each customer's first. The answer is the typical (median) amount.");
  amount->add_option("--events", flags->events, "A table of purchases, also .gz")->required();
  amount->add_option("--frequency", flags->frequency, "Times the customer has bought")
      ->required()
      ->check(CLI::Range(1.0, 1e9));
  amount->add_option("--total", flags->total, "What the customer has spent in all")
      ->required()
      ->check(CLI::Range(1e-6, 1e15));
  for (const char* field : {"user", "item", "time", "amount", "price", "quantity"}) {
    amount->add_option(absl::StrCat("--", field), flags->columns[field],
                       absl::StrCat("Column of the ", field));
  }
  amount->add_flag("--json", flags->json, "JSON instead of text");
  amount->callback([flags] {
    const absl::Status status = PredictAmount(*flags);
    if (!status.ok()) Fail(status);
  });
}

}  // namespace kindred::cli
