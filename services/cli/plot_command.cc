#include "cli/plot_command.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/customer_source.h"
#include "cli/output_file.h"
#include "cli/plot_customers.h"
#include "cli/series_command.h"

namespace kindred::cli {
namespace {

// What the tutorial groups by, and what most shops look at first.
const std::vector<std::string>& FrequencyAndSpend() {
  static const auto* const names =
      new std::vector<std::string>{"purchase_frequency", "total_spend"};
  return *names;
}

struct Flags {
  CustomerSource source;
  std::string out;
  bool components = false;
  bool json = false;
  size_t clusters = 3;
};

void Finish(const absl::Status& status) {
  if (!status.ok()) Fail(status);
}

std::vector<std::string> Grouping(const Flags& flags) {
  if (!flags.source.features.empty()) return flags.source.features;
  return flags.components ? std::vector<std::string>{} : FrequencyAndSpend();
}

absl::Status Write(const Flags& flags, const PlotSvg& svg) {
  KINDRED_RETURN_IF_ERROR(WriteFile(flags.out, svg.Finish()));
  if (flags.out != "-") std::printf("wrote %s\n", flags.out.c_str());
  return absl::OkStatus();
}

absl::Status PlotScatter(const Flags& flags) {
  KINDRED_ASSIGN_OR_RETURN(const CustomerTable table, ReadCustomers(flags.source, Grouping(flags)));
  if (!flags.components) return Write(flags, DrawScatter(FrequencySpendChart(table)));
  KINDRED_ASSIGN_OR_RETURN(const std::vector<size_t> dimensions,
                           FeatureDimensions(flags.source.features));
  return Write(flags, DrawScatter(ComponentsChart(table, dimensions)));
}

absl::Status PlotSegments(const Flags& flags) {
  KINDRED_ASSIGN_OR_RETURN(const CustomerTable table, ReadCustomers(flags.source, Grouping(flags)));
  return Write(flags, DrawSegments(GroupsChart(table)));
}

absl::Status PlotDendrogram(const Flags& flags) {
  KINDRED_ASSIGN_OR_RETURN(const CustomerTable table, ReadCustomers(flags.source, Grouping(flags)));
  KINDRED_ASSIGN_OR_RETURN(const std::vector<size_t> dimensions,
                           FeatureDimensions(Grouping(flags)));
  return Write(flags, DrawDendrogram(HierarchyChart(table, dimensions, flags.clusters)));
}

absl::Status PrintFeatures(const Flags& flags) {
  KINDRED_ASSIGN_OR_RETURN(const std::vector<size_t> dimensions,
                           FeatureDimensions(Grouping(flags)));
  KINDRED_ASSIGN_OR_RETURN(const CustomerTable table, ReadCustomers(flags.source, Grouping(flags)));
  std::string csv = "customer";
  for (const size_t d : dimensions) absl::StrAppend(&csv, ",", profile::GetFeatureInfo(d).name);
  absl::StrAppend(&csv, "\n");
  for (const CustomerRow& row : table.rows) {
    // Quoted where the delimiter or a quote is part of the id.
    std::string id = row.id;
    if (id.find_first_of(",\"\n\r") != std::string::npos) {
      std::string quoted = "\"";
      for (const char c : id) absl::StrAppend(&quoted, c == '"' ? "\"\"" : std::string(1, c));
      id = quoted + "\"";
    }
    absl::StrAppend(&csv, id);
    for (const size_t d : dimensions) absl::StrAppendFormat(&csv, ",%.10g", row.features[d]);
    absl::StrAppend(&csv, "\n");
  }
  if (flags.out.empty()) return WriteFile("-", csv);
  KINDRED_RETURN_IF_ERROR(WriteFile(flags.out, csv));
  std::printf("%s\nwrote %s: one line for each, with", table.source.c_str(), flags.out.c_str());
  for (const size_t d : dimensions) std::printf(" %s", FeatureTitle(d).c_str());
  std::printf("\n");
  return absl::OkStatus();
}

absl::Status PrintGroups(const Flags& flags) {
  KINDRED_ASSIGN_OR_RETURN(const std::vector<size_t> dimensions,
                           FeatureDimensions(Grouping(flags)));
  KINDRED_ASSIGN_OR_RETURN(const CustomerTable table, ReadCustomers(flags.source, Grouping(flags)));
  const double population = static_cast<double>(table.rows.size());
  if (flags.json) {
    nlohmann::ordered_json out;
    out["customers"] = table.rows.size();
    out["groups"] = nlohmann::ordered_json::array();
    for (const CustomerGroup& group : table.groups) {
      nlohmann::ordered_json center = nlohmann::ordered_json::object();
      for (const size_t d : dimensions) {
        center[std::string(profile::GetFeatureInfo(d).name)] = group.center[d];
      }
      out["groups"].push_back({{"label", group.name},
                               {"size", group.size},
                               {"share", group.size / population},
                               {"center", center}});
    }
    out["members"] = nlohmann::ordered_json::object();
    for (const CustomerRow& row : table.rows) out["members"][row.id] = row.group + 1;
    return WriteFile("-", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  std::printf("%s\n\n  group  customers         ", table.source.c_str());
  for (const size_t d : dimensions) {
    std::printf(" %20s", std::string(profile::GetFeatureInfo(d).name).c_str());
  }
  std::printf("   what is special\n");
  for (size_t g = 0; g < table.groups.size(); ++g) {
    const CustomerGroup& group = table.groups[g];
    std::printf("  %5zu  %9.0f  (%4.1f %%)", g + 1, group.size, 100 * group.size / population);
    for (const size_t d : dimensions) std::printf(" %20.2f", group.center[d]);
    std::printf("   %s\n", group.name.c_str());
  }
  return absl::OkStatus();
}

void AddPicture(CLI::App* plot, const char* name, const char* help, const char* example,
                absl::Status (*run)(const Flags&)) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = plot->add_subcommand(name, help);
  command->footer(absl::StrCat("Example:\n  ", example));
  command->add_option("-o,--out", flags->out, "The file to write, SVG; - for standard output")
      ->required();
  AddSourceOptions(command, /*anywhere=*/true, &flags->source);
  if (run == &PlotScatter) {
    command->add_flag("--components", flags->components,
                      "The first two principal components instead of frequency and spend");
  }
  if (run == &PlotDendrogram) {
    command->add_option("--clusters", flags->clusters, "Groups that get a colour")
        ->check(CLI::Range(1, 10))
        ->capture_default_str();
  }
  command->callback([flags, run] { Finish(run(*flags)); });
}

void AddPlotSeries(CLI::App* plot) {
  struct SeriesFlags {
    SeriesQuestion question;
    std::string out;
  };
  auto flags = std::make_shared<SeriesFlags>();
  CLI::App* command = plot->add_subcommand("series", "What happened over time, of a running node");
  command->footer(
      "Example:\n  kindred plot series all --measure customers --out customers.svg\n"
      "A forecast is drawn by kindred forecast --svg, a file by kindred forecast --input.");
  command->add_option("name", flags->question.name, kSeriesNames)->capture_default_str();
  command->add_option("-o,--out", flags->out, "The file to write, SVG; - for standard output")
      ->required();
  AddSeriesQuestion(command, &flags->question);
  command->add_option("--count", flags->question.count, "Newest steps")->check(CLI::Range(1, 416));
  AddClientOptions(command, &flags->question.client);
  command->callback([flags] {
    const v1::Series series = AskSeries(flags->question);
    Finish(WriteFile(flags->out, DrawLines(SeriesChart(flags->question, series)).Finish()));
    if (flags->out != "-") std::printf("wrote %s\n", flags->out.c_str());
  });
}

}  // namespace

void AddPlotCommand(CLI::App& app) {
  CLI::App* plot = app.add_subcommand("plot", "Pictures (SVG) of customers and segments");
  plot->require_subcommand(1);
  AddPicture(plot, "segments", "Sizes of the segments, and in what they differ",
             "kindred plot segments --out segments.svg     (of a running node)", &PlotSegments);
  AddPicture(plot, "scatter",
             "Purchase frequency against total spend, or two principal components, by segment",
             "kindred plot scatter --events purchases.csv -k 3 --out scatter.svg\n"
             "  kindred plot scatter --profiles profiles.jsonl --components --out components.svg",
             &PlotScatter);
  AddPlotSeries(plot);
  AddPicture(plot, "dendrogram", "The hierarchy of customers by Ward's criterion",
             "kindred plot dendrogram --events purchases.csv --clusters 3 --out tree.svg",
             &PlotDendrogram);
}

void AddClusterCommands(CLI::App& app) {
  auto listed = std::make_shared<Flags>();
  CLI::App* features = app.add_subcommand(
      "features", "Purchases to one line a customer, such as frequency and spend");
  features->footer(
      "Example:\n  kindred features --events purchases.csv --out customers.csv\n"
      "  kindred features --events purchases.csv --features total_spend,mean_gap_days");
  AddSourceOptions(features, /*anywhere=*/false, &listed->source);
  features->add_option("-o,--out", listed->out, "The file to write, CSV; default standard output");
  features->callback([listed] { Finish(PrintFeatures(*listed)); });

  auto grouped = std::make_shared<Flags>();
  CLI::App* cluster = app.add_subcommand("cluster", "Groups of customers of a file, by K-means");
  cluster->footer(
      "Example:\n  kindred cluster --events purchases.csv -k 3\n"
      "Heavy-tailed features count by their logarithm, and all are standardised. The centre is "
      "the\n"
      "mean of the members as the model sees them, in original units.");
  AddSourceOptions(cluster, /*anywhere=*/false, &grouped->source);
  cluster->add_flag("--json", grouped->json, "JSON instead of text, with each customer's group");
  cluster->callback([grouped] { Finish(PrintGroups(*grouped)); });
}

}  // namespace kindred::cli
