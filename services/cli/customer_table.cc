#include "cli/customer_table.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/dictionary.h"
#include "base/status_macros.h"
#include "clean/cleaner.h"
#include "cli/plot_axis.h"
#include "cli/text_lines.h"
#include "kindred/v1/profile.pb.h"
#include "learn/forward_decay.h"
#include "learn/kmeans.h"
#include "learn/segment_label.h"
#include "profile/profile.h"

namespace kindred::cli {
namespace {

constexpr int64_t kAffinityHalfLifeMs = 30LL * 24 * 3600 * 1000;
// What all amounts are taken as; its name is never shown.
constexpr char kCurrency[] = "USD";

std::string FileName(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// Applies rows as a node would.
class RowApplier {
 public:
  RowApplier() {
    clean::CleanRules rules;
    rules.default_currency = kCurrency;
    cleaner_ = std::make_unique<clean::Cleaner>(rules);
  }

  // False: cleaning rejected it.
  bool Apply(const event::Event& event) {
    // Of history, the time it happened is the time it arrived.
    const int64_t time_ms = event.event_time_ms.value_or(0);
    const clean::Outcome outcome = cleaner_->Clean(event, time_ms);
    if (!outcome.ok()) return false;
    const clean::CleanEvent& clean = *outcome.event;
    newest_ms_ = std::max(newest_ms_, clean.event_time_ms);
    Customer& customer = customers_[std::string(clean.customer_id)];
    if (clean.type == event::EventType::kPurchase && clean.has_amount) {
      customer.occasions[clean.event_time_ms] += clean.amount;
      ++purchases_;
    }
    profile::ApplyContext context;
    context.affinity_decay = &decay_;
    context.outlier_rules = &cleaner_->rules().outliers;
    context.default_currency = TermId(terms_.Intern(kCurrency));
    context.item = ItemId(items_.Intern(clean.item_id));
    context.category = TermId(terms_.Intern(clean.category));
    context.brand = TermId(terms_.Intern(clean.brand));
    customer.profile.Apply(clean, context);
    return true;
  }

  void Finish(PurchaseFile* file) const {
    for (const auto& [id, customer] : customers_) {
      CustomerRow& row = file->table.rows.emplace_back();
      row.id = id;
      row.features = profile::Features(customer.profile, newest_ms_);
      std::vector<PurchaseOccasion>& occasions = file->occasions.emplace_back();
      for (const auto& [time, amount] : customer.occasions) occasions.push_back({time, amount});
    }
  }
  uint64_t purchases() const { return purchases_; }

 private:
  struct Customer {
    profile::Profile profile;
    std::map<int64_t, double> occasions;
  };
  std::unique_ptr<clean::Cleaner> cleaner_;
  learn::ForwardDecay decay_{kAffinityHalfLifeMs};
  base::Dictionary terms_;
  base::Dictionary items_;
  std::map<std::string, Customer> customers_;
  int64_t newest_ms_ = 0;
  uint64_t purchases_ = 0;
};

std::vector<learn::DimensionWords> WordsOf(const std::vector<size_t>& dimensions) {
  std::vector<learn::DimensionWords> words;
  for (const size_t d : dimensions) {
    const profile::FeatureInfo& info = profile::GetFeatureInfo(d);
    words.push_back({std::string(info.name), std::string(info.high), std::string(info.low)});
  }
  return words;
}

}  // namespace

absl::StatusOr<PurchaseFile> ReadPurchases(const std::string& path, const ColumnNames& named) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  std::string line;
  if (!lines.Next(&line)) {
    KINDRED_RETURN_IF_ERROR(lines.status());
    return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  }
  absl::string_view header_line = line;
  absl::ConsumePrefix(&header_line, "\xef\xbb\xbf");
  const char delimiter = GuessDelimiter(header_line);
  std::vector<std::string> row;
  SplitDelimited(absl::StripTrailingAsciiWhitespace(header_line), delimiter, &row);
  KINDRED_ASSIGN_OR_RETURN(const ImportColumns columns,
                           ImportColumns::Find(row, named, {"user", "time"}));
  if (!columns.Has("amount") && !columns.Has("price")) {
    return absl::InvalidArgumentError(
        absl::StrCat("no column for the amount or the price; name it with --amount. The file has: ",
                     absl::StrJoin(row, ", ")));
  }
  RowEvents events(columns, event::EventType::kPurchase,
                   columns.Has("item") ? ColumnNames{} : ColumnNames{{"item", "-"}});
  RowApplier applier;
  PurchaseFile file;
  while (lines.Next(&line)) {
    const absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
    if (text.empty()) continue;
    SplitDelimited(text, delimiter, &row);
    ++file.rows;
    event::Event event = events.Next(text, row);
    event.currency = {};
    if (!applier.Apply(event)) ++file.rejected;
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  applier.Finish(&file);
  if (file.table.rows.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": none of ", file.rows, " rows is a purchase that can be used"));
  }
  file.table.source = absl::StrCat(
      FileName(path), ": ", PlotNumber(static_cast<double>(applier.purchases())),
      " purchase lines of ", PlotNumber(static_cast<double>(file.table.rows.size())), " customers");
  return file;
}

absl::StatusOr<CustomerTable> ReadProfiles(const std::string& path) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  CustomerTable table;
  absl::flat_hash_map<std::string, int> groups;
  std::string line;
  while (lines.Next(&line)) {
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    v1::Profile profile;
    if (!google::protobuf::util::JsonStringToMessage(line, &profile).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " line ", lines.line_number(),
                       ": expected a profile as `kindred export` writes it"));
    }
    AddProfile(profile, &groups, &table);
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  if (table.rows.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no profile with features"));
  }
  table.source = absl::StrCat(FileName(path), ": ",
                              PlotNumber(static_cast<double>(table.rows.size())), " customers");
  SummarizeGroups(&table);
  return table;
}

void AddProfile(const v1::Profile& profile, absl::flat_hash_map<std::string, int>* groups,
                CustomerTable* table) {
  if (profile.features().empty()) return;
  CustomerRow row;
  row.id = profile.customer_id();
  for (const v1::Feature& feature : profile.features()) {
    const int dimension = profile::FeatureByName(feature.name());
    if (dimension >= 0) row.features[static_cast<size_t>(dimension)] = feature.value();
  }
  if (!profile.segment().segment().empty()) {
    const auto [it, fresh] =
        groups->try_emplace(profile.segment().segment(), static_cast<int>(table->groups.size()));
    if (fresh) table->groups.emplace_back().name = profile.segment().label();
    row.group = it->second;
  }
  table->rows.push_back(std::move(row));
}

absl::StatusOr<std::vector<size_t>> FeatureDimensions(const std::vector<std::string>& names) {
  std::vector<size_t> dimensions;
  if (names.empty()) {
    dimensions.resize(profile::kFeatureCount);
    std::iota(dimensions.begin(), dimensions.end(), size_t{0});
    return dimensions;
  }
  for (const std::string& name : names) {
    const int dimension = profile::FeatureByName(name);
    if (dimension < 0) {
      std::vector<std::string> known;
      for (size_t d = 0; d < profile::kFeatureCount; ++d) {
        known.emplace_back(profile::GetFeatureInfo(d).name);
      }
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no feature \"", name, "\"; there are: ", absl::StrJoin(known, ", ")));
    }
    dimensions.push_back(static_cast<size_t>(dimension));
  }
  return dimensions;
}

StandardTable Standardised(const CustomerTable& table, const std::vector<size_t>& dimensions) {
  StandardTable result;
  learn::Moments moments(dimensions.size());
  std::vector<double> raw;
  for (const CustomerRow& row : table.rows) {
    for (const size_t d : dimensions) raw.push_back(profile::Transform(d, row.features[d]));
    moments.Add(absl::MakeConstSpan(raw).last(dimensions.size()));
  }
  result.scaler = learn::Scaler::FromMoments(moments);
  result.points = learn::Matrix::FromRows(dimensions.size(), std::move(raw));
  for (size_t i = 0; i < result.points.rows(); ++i) {
    result.scaler.Standardise(result.points.Row(i), result.points.Row(i));
  }
  return result;
}

void GroupByKMeans(const std::vector<size_t>& dimensions, size_t k, CustomerTable* table) {
  const StandardTable standard = Standardised(*table, dimensions);
  const learn::KMeansResult result = learn::KMeans(standard.points, {}, {.k = k});
  learn::SegmentModel model;
  model.scaler = standard.scaler;
  model.centres = result.centres;
  model.sizes = result.sizes;
  model.population = static_cast<double>(table->rows.size());
  model.ids.resize(result.centres.rows());
  std::iota(model.ids.begin(), model.ids.end(), 1u);
  table->groups.clear();
  for (const std::string& name : learn::LabelSegments(model, WordsOf(dimensions))) {
    table->groups.emplace_back().name = name;
  }
  for (size_t i = 0; i < table->rows.size(); ++i) {
    table->rows[i].group = static_cast<int>(result.assignment[i]);
  }
  SummarizeGroups(table);
}

void SummarizeGroups(CustomerTable* table) {
  std::vector<profile::FeatureVector> sums(table->groups.size());
  for (CustomerGroup& group : table->groups) group.size = 0;
  for (const CustomerRow& row : table->rows) {
    if (row.group < 0) continue;
    const size_t g = static_cast<size_t>(row.group);
    table->groups[g].size += 1;
    const profile::FeatureVector seen = profile::Transformed(row.features);
    for (size_t d = 0; d < seen.size(); ++d) sums[g][d] += seen[d];
  }
  for (size_t g = 0; g < table->groups.size(); ++g) {
    CustomerGroup& group = table->groups[g];
    for (size_t d = 0; d < profile::kFeatureCount; ++d) {
      group.center[d] = profile::Untransform(d, sums[g][d] / std::max(1.0, group.size));
    }
  }
  std::vector<size_t> order(table->groups.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [table](size_t a, size_t b) {
    return table->groups[a].size > table->groups[b].size;
  });
  std::vector<CustomerGroup> sorted;
  std::vector<int> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = static_cast<int>(i);
    sorted.push_back(std::move(table->groups[order[i]]));
  }
  table->groups = std::move(sorted);
  for (CustomerRow& row : table->rows) {
    if (row.group >= 0) row.group = place[static_cast<size_t>(row.group)];
  }
}

}  // namespace kindred::cli
