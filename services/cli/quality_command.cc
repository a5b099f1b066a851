#include "cli/quality_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/client.h"
#include "cli/forecast_report.h"
#include "kindred/v1/insight.grpc.pb.h"

namespace kindred::cli {
namespace {

constexpr int64_t kHourMs = 3'600'000;

struct Options {
  ClientOptions client;
  bool alerts_only = false;
};

std::string Figure(const v1::DataQualityMeasure& measure, double value) {
  if (measure.measure() == "volume") return absl::StrFormat("%.1f an hour", value);
  if (absl::EndsWith(measure.measure(), "drift")) return absl::StrFormat("%.3f", value);
  return absl::StrFormat("%.2f %%", 100 * value);
}

std::string QualityText(const v1::DataQuality& quality, bool alerts_only) {
  int alerts = 0;
  std::string reasons;
  for (const v1::DataQualityMeasure& measure : quality.measures()) {
    if (!measure.alert()) continue;
    ++alerts;
    absl::StrAppend(&reasons, "! ", measure.reason(), "\n");
  }
  std::string out = absl::StrCat(
      "data before ", StepLabel(quality.as_of_time().seconds() * 1000, kHourMs), ", event time: ",
      alerts == 0 ? "nothing calls for somebody to act" : absl::StrCat(alerts, " to look at"), "\n",
      reasons);
  if (alerts_only) return out;
  absl::StrAppendFormat(&out, "\n  %-16s %-14s %-24s %9s %16s %16s %7s\n", "source", "measure",
                        "field", "events", "now", "usual", "score");
  for (const v1::DataQualityMeasure& measure : quality.measures()) {
    absl::StrAppendFormat(
        &out, "%s %-16s %-14s %-24s %9d %16s %16s %7.1f\n", measure.alert() ? "!" : " ",
        measure.source(), measure.measure(), measure.field(), measure.event_count(),
        Figure(measure, measure.value()),
        measure.has_baseline() ? Figure(measure, measure.baseline()) : "not known",
        measure.score());
  }
  return out;
}

}  // namespace

void AddQualityCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "quality", "Show how good the data of the newest hours are, against the days before");
  command->footer(
      "By source (channel): what is missing, rejected, corrected, sent twice, late, more or less\n"
      "than usual, or distributed otherwise. Shares are better the lower they are; a score above "
      "5\n"
      "calls for somebody to act (drift: above 1). Customer drift compares the features of those\n"
      "who were seen within a day (their number stands under events) with the most similar of the\n"
      "fourteen days before.\n\n"
      "Example:\n  kindred quality\n  kindred quality --alerts --json");
  command->add_flag("--alerts", options->alerts_only, "Only what calls for somebody to act");
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::GetDataQualityRequest request;
    request.set_alerts_only(options->alerts_only);
    v1::DataQuality quality;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::InsightService::NewStub(Connect(options->client))
              ->GetDataQuality(&context, request, &quality),
          options->client);
    std::printf("%s", options->client.json ? MessageJson(quality, false).c_str()
                                           : QualityText(quality, options->alerts_only).c_str());
  });
}

}  // namespace kindred::cli
