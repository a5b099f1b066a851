#include "cli/ask_commands.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "kindred/v1/recommendation.grpc.pb.h"
#include "kindred/v1/segment.grpc.pb.h"
#include "kindred/v1/status.grpc.pb.h"

namespace kindred::cli {
namespace {

struct AskOptions {
  ClientOptions client;
  std::string id;
  std::vector<std::string> fields;
  std::vector<std::string> categories;
  std::vector<std::string> exclude;
  std::vector<std::string> session;
  std::vector<std::string> cart;
  std::string page;
  std::string output;
  int count = 10;
  double min_price = -1;
  double max_price = -1;
  bool exclude_purchased = false;
  bool explain = false;
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

void FillFilter(const AskOptions& options, v1::ItemFilter* filter) {
  for (const std::string& category : options.categories) filter->add_categories(category);
  for (const std::string& item : options.exclude) filter->add_exclude_item_ids(item);
  if (options.min_price >= 0) filter->set_min_price(options.min_price);
  if (options.max_price >= 0) filter->set_max_price(options.max_price);
  filter->set_exclude_purchased(options.exclude_purchased);
}

void AddFilterOptions(CLI::App* command, AskOptions* options) {
  command->add_option("-n,--count", options->count, "How many items")->capture_default_str();
  command->add_option("--category", options->categories, "Only these categories");
  command->add_option("--exclude", options->exclude, "Never these items");
  command->add_option("--min-price", options->min_price, "Lowest price");
  command->add_option("--max-price", options->max_price, "Highest price");
  command->add_flag("--explain", options->explain, "Show what each score is made of");
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

void AddRecommend(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command =
      app.add_subcommand("recommend", "Show what a customer may want next, and why");
  command->footer(
      "Example:\n  kindred recommend u-7 -n 5 --category tea --explain\n"
      "  kindred recommend --session sku-1 --session sku-9   (a stranger's session)");
  command->add_option("customer", options->id, "The customer's id; none: a stranger");
  command->add_option("--session", options->session, "Items of the running session, oldest first");
  command->add_option("--cart", options->cart, "Items in the cart");
  command->add_option("--page", options->page, "The item whose page is shown");
  command->add_flag("--exclude-purchased", options->exclude_purchased, "Nothing bought before");
  AddFilterOptions(command, options.get());
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::RecommendRequest request;
    request.set_customer_id(options->id);
    request.set_count(options->count);
    request.set_page_item_id(options->page);
    for (const std::string& item : options->session) request.add_session_item_ids(item);
    for (const std::string& item : options->cart) request.add_cart_item_ids(item);
    FillFilter(*options, request.mutable_filter());
    v1::RecommendResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->Recommend(&context, request, &response),
          options->client);
    Print(response, options->client,
          RecommendationsText(response.recommendations(), options->explain));
  });
}

void AddSimilar(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = app.add_subcommand("similar", "Show items that go with an item");
  command->footer("Example:\n  kindred similar sku-3 -n 5");
  command->add_option("item", options->id, "The item's id")->required();
  AddFilterOptions(command, options.get());
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::SimilarItemsRequest request;
    request.set_item_id(options->id);
    request.set_count(options->count);
    FillFilter(*options, request.mutable_filter());
    v1::SimilarItemsResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->SimilarItems(&context, request, &response),
          options->client);
    Print(response, options->client,
          RecommendationsText(response.recommendations(), options->explain));
  });
}

void AddSegments(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = app.add_subcommand("segments", "Show the learned segments");
  command->footer("Example:\n  kindred segments\n  kindred segments --json");
  AddClientOptions(command, &options->client);
  command->callback([options] {
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
  AddRecommend(app);
  AddSimilar(app);
  AddSegments(app);
  AddStatus(app);
  AddExport(app);
}

}  // namespace kindred::cli
