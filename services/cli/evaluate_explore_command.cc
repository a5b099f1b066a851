#include "cli/evaluate_explore_command.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/churn_evaluation.h"
#include "cli/evaluate_churn_command.h"
#include "cli/text_lines.h"
#include "learn/explore.h"
#include "learn/kmeans.h"
#include "learn/micro_clusters.h"
#include "learn/moments.h"
#include "profile/features.h"

namespace kindred::cli {
namespace {

constexpr int kMicroPasses = 4;
constexpr size_t kSample = 8192;  // as the learner keeps

struct Flags {
  std::string events, vectors, out;
  std::string method = "kmeans";
  std::vector<std::string> features;
  int clusters = 8;
  double radius = 0;
  double min_neighbors = 5;
  int micro_clusters = 0;
};

// A table of numbers with a header.
absl::StatusOr<learn::Matrix> ReadVectors(const std::string& path) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  learn::Matrix rows;
  std::string line;
  std::vector<std::string> fields;
  if (!lines.Next(&line)) return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  while (lines.Next(&line)) {
    SplitDelimited(line, ',', &fields);
    std::vector<double> row(fields.size());
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!absl::SimpleAtod(fields[i], &row[i])) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ":", lines.line_number(), ": expected numbers"));
      }
    }
    if (!rows.empty() && row.size() != rows.cols()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", lines.line_number(), ": expected ", rows.cols(), " numbers"));
    }
    rows.AppendRow(row);
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  if (rows.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": no rows"));
  return rows;
}

absl::StatusOr<learn::Matrix> ReadCustomers(const Flags& flags) {
  std::vector<size_t> features;
  for (const std::string& name : flags.features) {
    const int feature = profile::FeatureByName(name);
    if (feature < 0) return absl::InvalidArgumentError(absl::StrCat("no feature \"", name, "\""));
    features.push_back(static_cast<size_t>(feature));
  }
  for (size_t d = 0; flags.features.empty() && d < profile::kFeatureCount; ++d) {
    features.push_back(d);
  }
  KINDRED_ASSIGN_OR_RETURN(const std::vector<TimedEvent> events, ReadTimedEvents(flags.events));
  KINDRED_ASSIGN_OR_RETURN(const CustomerVectors customers, VectorsOf(events));
  learn::Moments moments(profile::kFeatureCount);
  for (size_t i = 0; i < customers.rows.rows(); ++i) moments.Add(customers.rows.Row(i));
  const learn::Scaler scaler = learn::Scaler::FromMoments(moments);
  learn::Matrix rows;
  std::vector<double> all(profile::kFeatureCount);
  std::vector<double> row(features.size());
  for (size_t i = 0; i < customers.rows.rows(); ++i) {
    scaler.Standardise(customers.rows.Row(i), absl::MakeSpan(all));
    for (size_t d = 0; d < features.size(); ++d) row[d] = all[features[d]];
    rows.AppendRow(row);
  }
  return rows;
}

// Through micro-clusters, as for a population beyond the sample; every row gets the label of the
// micro-cluster it is nearest to.
absl::StatusOr<learn::Exploration> ThroughMicroClusters(const learn::Matrix& rows, size_t count,
                                                        const learn::ExploreOptions& options) {
  learn::MicroClusters micro(count);
  learn::Scaler as_they_are;
  as_they_are.mean.assign(rows.cols(), 0.0);
  as_they_are.deviation.assign(rows.cols(), 1.0);
  learn::Matrix sample;
  const size_t step = (rows.rows() + kSample - 1) / kSample;
  for (size_t i = 0; i < rows.rows(); i += step) sample.AppendRow(rows.Row(i));
  learn::MicroClusterSet set;
  for (int pass = 0; pass < kMicroPasses; ++pass) {
    micro.BeginPass(as_they_are, sample);
    micro.AddBatch(rows.data());
    set = micro.EndPass();
  }
  KINDRED_ASSIGN_OR_RETURN(learn::Exploration found,
                           learn::Explore(set.centres, set.weights, options));
  std::vector<uint32_t> nearest(rows.rows());
  std::vector<double> distance2(rows.rows());
  learn::NearestCentres(rows.data(), set.centres, absl::MakeSpan(nearest),
                        absl::MakeSpan(distance2));
  std::vector<int32_t> labels;
  for (uint32_t index : nearest) labels.push_back(found.labels[index]);
  found.labels = std::move(labels);
  return found;
}

absl::Status Run(const Flags& flags) {
  if (flags.events.empty() == flags.vectors.empty()) {
    return absl::InvalidArgumentError("one of --events and --vectors is required");
  }
  KINDRED_ASSIGN_OR_RETURN(const learn::Matrix rows, flags.events.empty()
                                                         ? ReadVectors(flags.vectors)
                                                         : ReadCustomers(flags));
  learn::ExploreOptions options;
  options.method = flags.method == "ward"     ? learn::ExploreMethod::kWard
                   : flags.method == "dbscan" ? learn::ExploreMethod::kDbscan
                                              : learn::ExploreMethod::kKMeans;
  options.clusters = static_cast<size_t>(flags.clusters);
  options.radius = flags.radius;
  options.least_weight = flags.min_neighbors;
  KINDRED_ASSIGN_OR_RETURN(
      const learn::Exploration found,
      flags.micro_clusters > 0
          ? ThroughMicroClusters(rows, static_cast<size_t>(flags.micro_clusters), options)
          : learn::Explore(rows, {}, options));
  if (!flags.out.empty()) {
    std::ofstream file(flags.out);
    std::string line;
    for (size_t d = 0; d < rows.cols(); ++d) absl::StrAppend(&line, "x", d, ",");
    file << line << "label\n";
    for (size_t i = 0; i < rows.rows(); ++i) {
      line.clear();
      for (double value : rows.Row(i)) absl::StrAppendFormat(&line, "%.17g,", value);
      file << line << found.labels[i] << "\n";
    }
    file.close();
    if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", flags.out));
  }
  std::printf(
      "{\"points\":%zu,\"clusters\":%zu,\"noise\":%.10g,\"silhouette\":%.6f,"
      "\"stability\":%.6f,\"radius\":%.10g}\n",
      rows.rows(), found.sizes.size(), found.noise, found.silhouette, found.stability,
      found.radius);
  return absl::OkStatus();
}

}  // namespace

void AddEvaluateExploreCommand(CLI::App& evaluate) {
  auto flags = std::make_shared<Flags>();
  CLI::App* explore = evaluate.add_subcommand(
      "explore", "Cluster the customers of an event log, or rows of numbers, and tell every label");
  explore->footer(
      "Example:\n  kindred evaluate explore --events purchases.csv --method ward -k 3 "
      "--out labels.csv");
  explore->add_option("--events", flags->events,
                      "Event log: JSON lines, or a table as `kindred import` takes it; also .gz");
  explore->add_option("--vectors", flags->vectors,
                      "Instead: a CSV of numbers with a header, taken as they are");
  explore->add_option("--features", flags->features, "Of the customers; none: all")->delimiter(',');
  explore->add_option("--method", flags->method, "How")
      ->check(CLI::IsMember({"kmeans", "ward", "dbscan"}))
      ->capture_default_str();
  explore->add_option("-k,--clusters", flags->clusters, "How many (K-means, Ward)")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  explore->add_option("--radius", flags->radius, "Who is a neighbour (DBSCAN); 0: chosen")
      ->capture_default_str();
  explore->add_option("--min-neighbors", flags->min_neighbors, "What makes a region dense (DBSCAN)")
      ->capture_default_str();
  explore
      ->add_option("--micro-clusters", flags->micro_clusters,
                   "Go through this many micro-clusters, as for a large population; 0: do not")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  explore->add_option("--out", flags->out, "Write every point and its label to this CSV file");
  explore->callback([flags] {
    const absl::Status status = Run(*flags);
    if (status.ok()) return;
    std::fprintf(stderr, "kindred evaluate: %s\n", std::string(status.message()).c_str());
    throw CLI::RuntimeError(1);  // CLI11's way to end a parse; it stops in main()
  });
}

}  // namespace kindred::cli
