#include "cli/recommend_commands.h"

#include <google/protobuf/util/time_util.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/ask_commands.h"
#include "cli/client.h"
#include "kindred/v1/recommendation.grpc.pb.h"
#include "node/catalogue_follower.h"
#include "node/control_text.h"
#include "stream/record_sink.h"

namespace kindred::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string id;
  std::vector<std::string> categories, exclude, session, cart;
  std::vector<std::string> boosts, buries, pins, caps, weights, group_by;
  std::string page, filter, purchased_days, seen_days, as_of, page_token, placement, variant,
      method;
  std::string brokers = "localhost:9092";
  std::string items_topic = "items";
  std::vector<std::string> items;
  int count = 10;
  double min_price = -1;
  double max_price = -1;
  double diversity = 0;
  bool exclude_purchased = false;
  bool fill_up = false;
  bool validate_only = false;
  bool explain = false;
};

void Print(const google::protobuf::Message& message, const Options& options,
           const std::string& text) {
  std::printf("%s", options.client.json ? MessageJson(message, false).c_str() : text.c_str());
}

// Ends the command when an option cannot be read.
void Must(const char* option, const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "kindred: %s: %s\n", option, std::string(status.message()).c_str());
  throw CLI::RuntimeError(kExitUsage);  // CLI11's way to end a parse; it stops in main()
}

void FillFilter(const Options& options, v1::ItemFilter* filter) {
  for (const std::string& category : options.categories) filter->add_categories(category);
  for (const std::string& item : options.exclude) filter->add_exclude_item_ids(item);
  if (options.min_price >= 0) filter->set_min_price(options.min_price);
  if (options.max_price >= 0) filter->set_max_price(options.max_price);
  filter->set_exclude_purchased(options.exclude_purchased);
  filter->set_expression(options.filter);
  filter->set_fill_up(options.fill_up);
  if (!options.purchased_days.empty()) {
    Must("--exclude-purchased-days",
         node::SetDays(options.purchased_days, filter->mutable_exclude_purchased_within()));
  }
  if (!options.seen_days.empty()) {
    Must("--exclude-seen-days",
         node::SetDays(options.seen_days, filter->mutable_exclude_seen_within()));
  }
}

void AddFilterOptions(CLI::App* command, Options* options) {
  command->add_option("-n,--count", options->count, "How many items")->capture_default_str();
  command->add_option("--category", options->categories, "Only these categories");
  command->add_option("--exclude", options->exclude, "Never these items");
  command->add_option("--min-price", options->min_price, "Lowest price");
  command->add_option("--max-price", options->max_price, "Highest price");
  command->add_option("--filter", options->filter,
                      "Only items for which this is true: \"brand == 'Leaf' and price < 20\"");
  command->add_flag("--fill-up", options->fill_up, "When too few pass the filter, add others");
  command->add_flag("--explain", options->explain, "Show what each score is made of");
}

void AddControlOptions(CLI::App* command, Options* options) {
  command->add_flag("--exclude-purchased", options->exclude_purchased, "Nothing bought before");
  command->add_option("--exclude-purchased-days", options->purchased_days,
                      "Nothing bought in so many days");
  command->add_option("--exclude-seen-days", options->seen_days, "Nothing seen in so many days");
  command->add_option("--boost", options->boosts, "Lift items: \"0.5: brand == 'Leaf'\"");
  command->add_option("--bury", options->buries, "Put items last: \"price > 100\"");
  command->add_option("--pin", options->pins, "Give a place: \"1: item_id == 'sku-3'\"");
  command->add_option("--cap", options->caps, "At most so many of a kind: brand:2");
  command->add_option("--event-weight", options->weights, "What counts how much: purchase:2");
  command->add_option("--diversity", options->diversity, "0 by score, 1 by difference")
      ->capture_default_str();
  command->add_option("--page-token", options->page_token, "The next page of a former answer");
  command->add_option("--placement", options->placement, "Where it is shown, for performance");
  command->add_option("--variant", options->variant, "This variant of the experiment");
  command->add_option("--as-of", options->as_of, "Answer as of this time (RFC 3339)");
  command->add_flag("--validate-only", options->validate_only, "Only check the request");
}

v1::RecommendRequest RequestOf(const Options& options) {
  v1::RecommendRequest request;
  request.set_customer_id(options.id);
  request.set_count(options.count);
  request.set_page_item_id(options.page);
  for (const std::string& item : options.session) request.add_session_item_ids(item);
  for (const std::string& item : options.cart) request.add_cart_item_ids(item);
  FillFilter(options, request.mutable_filter());
  for (const std::string& text : options.boosts) Must("--boost", node::AddBoost(text, &request));
  for (const std::string& text : options.buries) Must("--bury", node::AddBury(text, &request));
  for (const std::string& text : options.pins) Must("--pin", node::AddPin(text, &request));
  for (const std::string& text : options.caps) Must("--cap", node::AddCap(text, &request));
  for (const std::string& text : options.weights) {
    Must("--event-weight", node::AddEventWeight(text, &request));
  }
  request.set_diversity(options.diversity);
  request.set_page_token(options.page_token);
  request.set_placement(options.placement);
  request.set_variant(options.variant);
  request.set_validate_only(options.validate_only);
  if (!options.as_of.empty() &&
      !google::protobuf::util::TimeUtil::FromString(options.as_of, request.mutable_as_of_time())) {
    Must("--as-of", absl::InvalidArgumentError("expected an RFC 3339 time"));
  }
  return request;
}

void AddRecommend(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("recommend", "Show what a customer may want next, and why");
  command->footer(
      "Example:\n  kindred recommend u-7 -n 5 --filter \"category == 'tea' and price < 20\" "
      "--explain\n"
      "  kindred recommend u-7 --boost \"0.5: brand == 'Leaf'\" --cap brand:2 --diversity 0.3\n"
      "  kindred recommend --session sku-1 --session sku-9   (a stranger's session)");
  command->add_option("customer", options->id, "The customer's id; none: a stranger");
  command->add_option("--session", options->session, "Items of the running session, oldest first");
  command->add_option("--cart", options->cart, "Items in the cart");
  command->add_option("--page", options->page, "The item whose page is shown");
  AddFilterOptions(command, options.get());
  AddControlOptions(command, options.get());
  AddClientOptions(command, &options->client);
  command->callback([options] {
    const v1::RecommendRequest request = RequestOf(*options);
    v1::RecommendResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->Recommend(&context, request, &response),
          options->client);
    if (options->validate_only) {
      Print(response, *options, "the request is good\n");
      return;
    }
    std::string text = RecommendationsText(response.recommendations(), options->explain);
    if (!response.variant().empty()) absl::StrAppend(&text, "variant ", response.variant(), "\n");
    Print(response, *options, text);
  });
}

void AddSimilar(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("similar", "Show items that go with an item");
  command->footer("Example:\n  kindred similar sku-3 -n 5");
  command->add_option("item", options->id, "The item's id")->required();
  command->add_option("--method", options->method,
                      "adjusted-cosine: by ratings; content: by the catalogue; default: by what "
                      "customers do");
  AddFilterOptions(command, options.get());
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::SimilarItemsRequest request;
    request.set_item_id(options->id);
    if (!options->method.empty()) Must("--method", node::SetMethod(options->method, &request));
    request.set_count(options->count);
    FillFilter(*options, request.mutable_filter());
    v1::SimilarItemsResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->SimilarItems(&context, request, &response),
          options->client);
    Print(response, *options, RecommendationsText(response.recommendations(), options->explain));
  });
}

void AddSimilarCustomers(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "similar-customers", "Show customers whose ratings are alike (Pearson's correlation)");
  command->footer("Example:\n  kindred similar-customers u-7 -n 5");
  command->add_option("customer", options->id, "The customer's id")->required();
  command->add_option("-n,--count", options->count, "How many")->capture_default_str();
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::SimilarCustomersRequest request;
    request.set_customer_id(options->id);
    request.set_count(options->count);
    v1::SimilarCustomersResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->SimilarCustomers(&context, request, &response),
          options->client);
    std::string text;
    for (const v1::SimilarCustomer& one : response.customers()) {
      absl::StrAppendFormat(&text, "%-32s %+9.6f  over %d items\n", one.customer_id(),
                            one.similarity(), one.common_items());
    }
    if (text.empty()) text = "nobody rated two items that this customer rated, with differences\n";
    Print(response, *options, text);
  });
}

void AddPerformance(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "performance", "Show what recommendations led to: clicks, purchases, revenue");
  command->footer(
      "Example:\n  kindred performance --by variant\n  kindred performance --by source");
  command->add_option("--by", options->group_by, "variant, placement, source; may be repeated");
  AddClientOptions(command, &options->client);
  command->callback([options] {
    v1::QueryPerformanceRequest request;
    for (const std::string& by : options->group_by) Must("--by", node::AddDimension(by, &request));
    v1::QueryPerformanceResponse response;
    grpc::ClientContext context;
    SetDeadline(options->client, &context);
    Check(v1::RecommendationService::NewStub(Connect(options->client))
              ->QueryPerformance(&context, request, &response),
          options->client);
    Print(response, *options, PerformanceText(response));
  });
}

absl::Status SetHidden(const Options& options, bool hidden) {
  stream::KafkaSinkOptions sink_options;
  sink_options.connection.brokers = options.brokers;
  sink_options.delivery_timeout = absl::Seconds(10);
  KINDRED_ASSIGN_OR_RETURN(const std::unique_ptr<stream::RecordSink> sink,
                           stream::OpenKafkaRecordSink(sink_options));
  auto failure = std::make_shared<absl::Status>();  // written before Flush() returns
  for (const std::string& item : options.items) {
    const std::string key = absl::StrCat(node::kHiddenKeyPrefix, item);
    stream::OutRecord record;
    record.topic = options.items_topic;
    record.key = key;
    if (hidden) record.value = "hidden";
    KINDRED_RETURN_IF_ERROR(sink->Produce(record, [failure](const stream::Delivery& delivery) {
      if (!delivery.status.ok()) *failure = delivery.status;
    }));
  }
  KINDRED_RETURN_IF_ERROR(sink->Flush(absl::Seconds(15)));
  return *failure;
}

void AddHide(CLI::App& app, bool hidden) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      hidden ? "hide" : "unhide", hidden ? "Take items out of all recommendations at once, "
                                           "whatever the catalogue says; they are learnt from still"
                                         : "Show items again that were hidden");
  command->footer(hidden ? "Example:\n  kindred hide sku-3 sku-9 --brokers localhost:9092"
                         : "Example:\n  kindred unhide sku-3 --brokers localhost:9092");
  command->add_option("items", options->items, "The items' ids")->required();
  command->add_option("--brokers", options->brokers, "Kafka")->capture_default_str();
  command->add_option("--items-topic", options->items_topic, "The catalogue's topic")
      ->capture_default_str();
  command->callback([options, hidden] {
    const absl::Status status = SetHidden(*options, hidden);
    if (!status.ok()) Fail(status);
  });
}

std::string RateText(const v1::Rate& rate) {
  return absl::StrFormat("%6.2f %% (%.2f to %.2f)", rate.value() * 100, rate.low() * 100,
                         rate.high() * 100);
}

}  // namespace

std::string PerformanceText(const v1::QueryPerformanceResponse& performance) {
  if (performance.rows().empty()) {
    return "no event has carried an attribution token of a recommendation yet\n";
  }
  std::string out = absl::StrFormat("%-16s %-12s %-16s %11s %8s %9s %12s  %-26s %s\n", "variant",
                                    "placement", "source", "impressions", "clicks", "purchases",
                                    "revenue", "click-through, 95 %", "conversion, 95 %");
  for (const v1::PerformanceRow& row : performance.rows()) {
    std::string source;
    if (row.source() != v1::SOURCE_UNSPECIFIED) {
      source = absl::AsciiStrToLower(absl::StripPrefix(v1::Source_Name(row.source()), "SOURCE_"));
    }
    absl::StrAppendFormat(&out, "%-16s %-12s %-16s %11d %8d %9d %12.2f  %-26s %s\n", row.variant(),
                          row.placement(), source, row.impressions(), row.clicks(), row.purchases(),
                          row.revenue(),
                          row.has_click_through_rate() ? RateText(row.click_through_rate()) : "",
                          row.has_conversion_rate() ? RateText(row.conversion_rate()) : "");
  }
  return out;
}

void AddRecommendCommands(CLI::App& app) {
  AddRecommend(app);
  AddSimilar(app);
  AddSimilarCustomers(app);
  AddPerformance(app);
  AddHide(app, true);
  AddHide(app, false);
}

}  // namespace kindred::cli
