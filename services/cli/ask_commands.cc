#include "cli/ask_commands.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "kindred/v1/segment.grpc.pb.h"
#include "kindred/v1/status.grpc.pb.h"

namespace kindred::cli {
namespace {

struct AskOptions {
  ClientOptions client;
  std::string id;
  std::vector<std::string> fields;
  std::string output;
  bool state = false;
  bool all = false;
};

// What of a profile is a function of the log: no model that moves, no clock.
constexpr const char* kStateFields[] = {"name",
                                        "customer_id",
                                        "identities",
                                        "identity",
                                        "traits",
                                        "event_count",
                                        "event_counts",
                                        "first_seen_time",
                                        "last_seen_time",
                                        "purchases",
                                        "sessions",
                                        "category_affinities",
                                        "brand_affinities",
                                        "recent_items",
                                        "channels",
                                        "devices",
                                        "hour_shares",
                                        "geography",
                                        "ratings",
                                        "weekday_shares",
                                        "consents",
                                        "quality",
                                        "as_of_time"};

template <typename Message>
void Print(const Message& message, const ClientOptions& options, const std::string& text) {
  std::printf("%s", options.json ? MessageJson(message, false).c_str() : text.c_str());
}

void AddGet(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = app.add_subcommand("get", "Show a customer's live profile");
  command->footer(
      "Example:\n  kindred get u-7\n  kindred get u-7 --json --fields purchases,segment");
  command->add_option("customer", options->id, "The customer's id")->required();
  command->add_option("--fields", options->fields, "Only these fields, comma-separated")
      ->delimiter(',');
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::GetProfileRequest request;
    request.set_name(absl::StrCat("profiles/", options->id));
    for (const std::string& field : options->fields) request.mutable_read_mask()->add_paths(field);
    v1::Profile profile;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::ProfileService::NewStub(Connect(options->client))
              ->GetProfile(&context, request, &profile),
          options->client);
    Print(profile, options->client, ProfileText(profile));
  });
}

struct ExploreFlags {
  ClientOptions client;
  std::string method = "kmeans";
  int k = 0;
  double radius = 0;
  int min_neighbors = 0;
  int points = 0;
  std::vector<std::string> features;
};

void AddExplore(CLI::App* segments) {
  auto flags = std::make_shared<ExploreFlags>();
  CLI::App* command = segments->add_subcommand(
      "explore", "Cluster the customers in another way; the segments stay as they are");
  command->footer(
      "Example:\n  kindred segments explore -k 3 --features purchase_frequency,total_spend\n"
      "  kindred segments explore --method dbscan --min-neighbors 10");
  AddClientOptions(command, &flags->client);
  command->add_option("--method", flags->method, "How")
      ->check(CLI::IsMember({"kmeans", "ward", "dbscan"}))
      ->capture_default_str();
  command->add_option("-k,--clusters", flags->k, "How many, 2 to 50 (K-means, Ward); 0: 8")
      ->capture_default_str();
  command
      ->add_option("--radius", flags->radius,
                   "Who is a neighbour, in standard deviations (DBSCAN); 0: chosen")
      ->capture_default_str();
  command
      ->add_option("--min-neighbors", flags->min_neighbors,
                   "Customers that make a region dense (DBSCAN); 0: 5")
      ->capture_default_str();
  command->add_option("--features", flags->features, "What to look at; none: all features")
      ->delimiter(',');
  command
      ->add_option("--points", flags->points,
                   "With --json: how many customers to place on the principal components")
      ->capture_default_str();
  command->callback([flags] {
    v1::ExploreRequest request;
    v1::ExploreRequest::Method method = v1::ExploreRequest::METHOD_UNSPECIFIED;
    v1::ExploreRequest::Method_Parse(absl::StrCat("METHOD_", absl::AsciiStrToUpper(flags->method)),
                                     &method);
    request.set_method(method);
    request.set_cluster_count(flags->k);
    request.set_radius(flags->radius);
    request.set_min_neighbors(flags->min_neighbors);
    request.set_max_points(flags->points);
    for (const std::string& feature : flags->features) request.add_features(feature);
    v1::ExploreResponse response;
    grpc::ClientContext context;
    SetDeadline(flags->client, &context);
    Check(
        v1::SegmentService::NewStub(Connect(flags->client))->Explore(&context, request, &response),
        flags->client);
    Print(response, flags->client, ExploreText(response));
  });
}

void AddSegments(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = app.add_subcommand("segments", "Show the learned segments");
  command->footer(
      "Example:\n  kindred segments\n  kindred segments --json\n"
      "  kindred segments explore --method ward -k 3");
  AddClientOptions(command, &options->client);
  AddExplore(command);
  command->callback([options, command] {
    if (!command->get_subcommands().empty()) return;
    v1::ListSegmentsRequest request;
    request.set_page_size(1000);
    v1::ListSegmentsResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::SegmentService::NewStub(Connect(options->client))
              ->ListSegments(&context, request, &response),
          options->client);
    Print(response, options->client, SegmentsText(response));
  });
}

void AddStatus(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = app.add_subcommand("status", "Show what a node is doing");
  command->footer("Example:\n  kindred status --server 10.0.0.5:50051");
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::Status response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::StatusService::NewStub(Connect(options->client))->GetStatus(&context, {}, &response),
          options->client);
    Print(response, options->client, StatusText(response));
  });
}

void Export(const AskOptions& options) {
  std::FILE* out = options.output.empty() ? stdout : std::fopen(options.output.c_str(), "w");
  if (out == nullptr) {
    Fail(absl::PermissionDeniedError(absl::StrCat("cannot write to ", options.output)));
  }
  const auto stub = v1::ProfileService::NewStub(Connect(options.client));
  v1::ListProfilesRequest request;
  request.set_page_size(500);
  if (options.state) {
    for (const char* field : kStateFields) request.mutable_read_mask()->add_paths(field);
  }
  for (const std::string& field : options.fields) request.mutable_read_mask()->add_paths(field);
  do {
    v1::ListProfilesResponse response;
    grpc::ClientContext context;
    SetDeadline(options.client, &context);
    Check(stub->ListProfiles(&context, request, &response), options.client);
    for (v1::Profile& profile : *response.mutable_profiles()) {
      // What an item is called belongs to the item: of two titles in two partitions, the one that
      // was read first stays.
      if (options.state) {
        for (v1::RecentItem& item : *profile.mutable_recent_items()) item.clear_title();
      }
      std::fprintf(out, "%s\n", MessageJson(profile, true).c_str());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (std::fflush(out) != 0 || (out != stdout && std::fclose(out) != 0)) {
    Fail(absl::ResourceExhaustedError("the output could not be written: is the disk full?"));
  }
}

void AddExport(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command =
      app.add_subcommand("export", "Write all profiles as JSON lines, in a stable order");
  command->footer(
      "Example:\n  kindred export > profiles.jsonl\n"
      "  kindred export --state -o state.jsonl   (to compare two nodes or two moments)");
  command->add_flag("--all", options->all, "All profiles; the default");
  command->add_option("--fields", options->fields, "Only these fields, comma-separated")
      ->delimiter(',');
  command->add_flag("--state", options->state,
                    "Only what is a function of the log: no model, no clock");
  command->add_option("-o,--output", options->output, "File to write; default: standard output");
  AddClientOptions(command, &options->client);
  command->callback([options] { Export(*options); });
}

}  // namespace

void AddAskCommands(CLI::App& app) {
  AddGet(app);
  AddSegments(app);
  AddStatus(app);
  AddExport(app);
}

}  // namespace kindred::cli
