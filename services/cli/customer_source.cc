#include "cli/customer_source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/plot_axis.h"
#include "kindred/v1/profile.grpc.pb.h"

namespace kindred::cli {
namespace {

constexpr int kPage = 500;
constexpr size_t kDefaultGroups = 3;

ColumnNames NamedColumns(const CustomerSource& source) {
  ColumnNames columns;
  for (const auto& [field, column] : source.columns) {
    if (!column.empty()) columns[field] = column;
  }
  return columns;
}

CustomerTable AskNode(const CustomerSource& source) {
  CustomerTable table;
  absl::flat_hash_map<std::string, int> groups;
  const auto stub = v1::ProfileService::NewStub(Connect(source.client));
  v1::ListProfilesRequest request;
  for (const char* field : {"customer_id", "features", "segment"}) {
    request.mutable_read_mask()->add_paths(field);
  }
  bool all = true;
  do {
    request.set_page_size(static_cast<int>(
        std::min<size_t>(kPage, source.limit - std::min(source.limit, table.rows.size()))));
    v1::ListProfilesResponse response;
    grpc::ClientContext context;
    SetDeadline(source.client, &context);
    Check(stub->ListProfiles(&context, request, &response), source.client);
    for (const v1::Profile& profile : response.profiles()) AddProfile(profile, &groups, &table);
    request.set_page_token(response.next_page_token());
    all = request.page_token().empty();
  } while (!all && table.rows.size() < source.limit);
  table.source =
      absl::StrCat(all ? "" : "the first ", PlotNumber(static_cast<double>(table.rows.size())),
                   " customers of ", source.client.server);
  SummarizeGroups(&table);
  return table;
}

}  // namespace

void AddSourceOptions(CLI::App* command, bool anywhere, CustomerSource* source) {
  CLI::Option* events =
      command->add_option("--events", source->events,
                          "A table of purchases, also .gz; columns are guessed, in English and "
                          "Chinese");
  if (anywhere) {
    command
        ->add_option("--profiles", source->profiles,
                     "Profiles as `kindred export` writes them, also .gz")
        ->excludes(events);
    command->add_option("--limit", source->limit, "Customers asked of a node, at most")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command->add_option("--server", source->client.server, "host:port of a node's gRPC server")
        ->capture_default_str()
        ->envname("KINDRED_SERVER");
    command->add_option("--timeout-ms", source->client.timeout_ms, "Give up after so long")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
  } else {
    events->required();
  }
  for (const char* field : {"user", "item", "time", "amount", "price", "quantity", "order"}) {
    command->add_option(absl::StrCat("--", field), source->columns[field],
                        absl::StrCat("Column of the ", field));
  }
  command
      ->add_option("--features", source->features,
                   "Group customers by these features, comma-separated")
      ->delimiter(',');
  command
      ->add_option("-k,--groups", source->k,
                   "K-means with so many groups; default: the node's segments, or 3 of a file")
      ->check(CLI::Range(1, 50));
}

absl::StatusOr<CustomerTable> ReadCustomers(const CustomerSource& source,
                                            const std::vector<std::string>& features) {
  KINDRED_ASSIGN_OR_RETURN(const std::vector<size_t> dimensions,
                           FeatureDimensions(source.features.empty() ? features : source.features));
  CustomerTable table;
  if (!source.events.empty()) {
    KINDRED_ASSIGN_OR_RETURN(PurchaseFile file, ReadPurchases(source.events, NamedColumns(source)));
    table = std::move(file.table);
  } else if (!source.profiles.empty()) {
    KINDRED_ASSIGN_OR_RETURN(table, ReadProfiles(source.profiles));
  } else {
    table = AskNode(source);
    if (table.rows.empty()) return absl::NotFoundError("the node knows no customers yet");
  }
  if (source.k > 0 || table.groups.empty()) {
    GroupByKMeans(dimensions, source.k > 0 ? source.k : kDefaultGroups, &table);
  }
  return table;
}

}  // namespace kindred::cli
