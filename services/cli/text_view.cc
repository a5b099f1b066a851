// Answers as text for people.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/ask_commands.h"

namespace kindred::cli {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string Days(const google::protobuf::Duration& duration) {
  return absl::StrFormat("%.1f days", static_cast<double>(duration.seconds()) / 86400.0);
}

template <typename Map>
std::string Counts(const Map& counts) {
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const auto& [name, count] : counts) sorted.emplace_back(-count, name);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> parts;
  for (const auto& [count, name] : sorted) parts.push_back(absl::StrCat(name, " ", -count));
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

std::string Shares(const google::protobuf::RepeatedPtrField<v1::Share>& shares) {
  std::vector<std::string> parts;
  for (const v1::Share& share : shares) {
    parts.push_back(absl::StrFormat("%s %.0f %%", share.value(), share.share() * 100));
  }
  return absl::StrJoin(parts, ", ");
}

std::string Affinities(const google::protobuf::RepeatedPtrField<v1::Affinity>& affinities) {
  std::vector<std::string> parts;
  for (int i = 0; i < std::min(5, affinities.size()); ++i) {
    parts.push_back(
        absl::StrFormat("%s %.0f %%", affinities[i].value(), affinities[i].share() * 100));
  }
  return absl::StrJoin(parts, ", ");
}

void Line(const char* name, const std::string& value, std::string* out) {
  if (!value.empty()) absl::StrAppendFormat(out, "  %-14s %s\n", name, value);
}

std::string Named(const std::string& id, const std::string& title) {
  return title.empty() ? id : absl::StrCat(title, " (", id, ")");
}

std::string PredictionText(const v1::Prediction& prediction) {
  std::string name = prediction.name();
  std::replace(name.begin(), name.end(), '_', ' ');
  if (!prediction.category().empty()) absl::StrAppend(&name, " ", prediction.category());
  std::string text = absl::StrFormat("%s in %.0f days: %.*f %s", name,
                                     static_cast<double>(prediction.horizon().seconds()) / 86400.0,
                                     prediction.unit() == "probability" ? 3 : 2, prediction.value(),
                                     prediction.unit());
  std::vector<std::string> inputs;
  for (const v1::PredictionInput& input : prediction.inputs()) {
    inputs.push_back(input.effect() == 0 ? absl::StrFormat("%s %.4g", input.name(), input.value())
                                         : absl::StrFormat("%s %.4g (%+.2f)", input.name(),
                                                           input.value(), input.effect()));
  }
  if (!inputs.empty()) absl::StrAppend(&text, " because of ", absl::StrJoin(inputs, ", "));
  const v1::PredictionReliability& past = prediction.reliability();
  if (!past.measure().empty()) {
    absl::StrAppendFormat(&text, "; so far %s %.3f against %.3f", past.measure(), past.value(),
                          past.baseline());
  }
  return text;
}

}  // namespace

std::string ProfileText(const v1::Profile& profile) {
  std::string out = absl::StrCat("Customer ", profile.customer_id(), "\n");
  if (profile.has_first_seen_time()) {
    Line("seen",
         absl::StrCat(TimeText(profile.first_seen_time()), " to ",
                      TimeText(profile.last_seen_time()), " UTC, as of ",
                      TimeText(profile.as_of_time())),
         &out);
  }
  Line("events", absl::StrCat(profile.event_count(), ": ", Counts(profile.event_counts())), &out);
  const v1::Purchases& purchases = profile.purchases();
  if (purchases.line_count() + purchases.refund_line_count() > 0) {
    Line("purchases",
         absl::StrFormat("%d times, %d lines, %.2f in all, %.2f on average", purchases.frequency(),
                         purchases.line_count(), purchases.total_amount(),
                         purchases.average_amount()),
         &out);
    if (purchases.refund_line_count() > 0) {
      Line("refunds",
           absl::StrFormat("%d lines, %.2f", purchases.refund_line_count(),
                           purchases.refunded_amount()),
           &out);
    }
    if (purchases.has_recency()) {
      Line("last purchase",
           absl::StrCat(Days(purchases.recency()), " ago",
                        purchases.has_mean_gap()
                            ? absl::StrCat(", every ", Days(purchases.mean_gap()), " on average")
                            : ""),
           &out);
    }
  }
  if (profile.has_sessions()) Line("sessions", absl::StrCat(profile.sessions().count()), &out);
  Line("categories", Affinities(profile.category_affinities()), &out);
  Line("brands", Affinities(profile.brand_affinities()), &out);
  Line("channels", Shares(profile.channels()), &out);
  Line("devices", Shares(profile.devices()), &out);
  Line("country", profile.geography().usual_country(), &out);
  if (profile.has_segment()) {
    Line("segment",
         absl::StrFormat("%s \"%s\", distance %.2f; next nearest %s, %.2f",
                         profile.segment().segment(), profile.segment().label(),
                         profile.segment().distance(), profile.segment().runner_up(),
                         profile.segment().runner_up_distance()),
         &out);
  }
  for (int i = 0; i < profile.predictions_size(); ++i) {
    Line(i == 0 ? "predictions" : "", PredictionText(profile.predictions(i)), &out);
  }
  for (int i = 0; i < std::min(5, profile.recent_items_size()); ++i) {
    const v1::RecentItem& item = profile.recent_items(i);
    std::string type = kindred::event::v1::EventType_Name(item.type());
    type = type.substr(std::string("EVENT_TYPE_").size());
    std::transform(type.begin(), type.end(), type.begin(), [](char c) { return std::tolower(c); });
    Line(i == 0 ? "recent items" : "",
         absl::StrCat(TimeText(item.event_time()), "  ", type, "  ",
                      Named(item.item_id(), item.title())),
         &out);
  }
  return out;
}

std::string RecommendationsText(
    const google::protobuf::RepeatedPtrField<v1::Recommendation>& recommendations, bool explain) {
  std::string out;
  int place = 0;
  for (const v1::Recommendation& item : recommendations) {
    absl::StrAppendFormat(&out, "%3d. %-50s %7.3f  %s\n", ++place,
                          Named(item.item_id(), item.title()), item.score(), item.reason());
    if (!explain) continue;
    for (const v1::Contribution& part : item.contributions()) {
      std::string source = v1::Source_Name(part.source()).substr(std::string("SOURCE_").size());
      std::transform(source.begin(), source.end(), source.begin(),
                     [](char c) { return c == '_' ? ' ' : std::tolower(c); });
      absl::StrAppendFormat(
          &out, "       %+8.4f  %s%s\n", part.amount(), source,
          part.because_item_id().empty()
              ? ""
              : absl::StrCat(": ", Named(part.because_item_id(), part.because_title())));
    }
  }
  return out.empty() ? "nothing to recommend: no item is known that may be shown\n" : out;
}

std::string SegmentsText(const v1::ListSegmentsResponse& segments) {
  if (segments.segments().empty()) return "no segments have been learned yet\n";
  std::string out =
      absl::StrFormat("%d segments of %d customers, model version %d\n", segments.segments_size(),
                      segments.customer_count(), segments.model_version());
  for (const v1::Segment& segment : segments.segments()) {
    absl::StrAppendFormat(&out, "  %-12s %7d  %5.1f %%  %s\n", segment.name(), segment.size(),
                          segment.share() * 100, segment.label());
    std::vector<std::string> parts;
    for (const v1::SegmentDimension& dimension : segment.unusual_dimensions()) {
      parts.push_back(absl::StrFormat("%s %.4g (%+.1f)", dimension.feature(), dimension.value(),
                                      dimension.standardized()));
    }
    if (!parts.empty()) absl::StrAppend(&out, "               ", absl::StrJoin(parts, ", "), "\n");
  }
  return out;
}

std::string ExploreText(const v1::ExploreResponse& found) {
  std::string out = absl::StrFormat(
      "%d clusters of %d customers (%d points), silhouette %.3f, stability %.3f, mean squared "
      "distance %.3f\n",
      found.clusters_size(), found.customer_count(), found.point_count(), found.silhouette(),
      found.stability(), found.mean_squared_distance());
  if (found.radius() > 0) {
    absl::StrAppendFormat(&out, "radius %.3f, %d customers are noise\n", found.radius(),
                          found.noise_count());
  }
  for (const v1::ExploredCluster& cluster : found.clusters()) {
    absl::StrAppendFormat(&out, "  %-4d %7d  %5.1f %%  %s\n", cluster.number(), cluster.size(),
                          cluster.share() * 100, cluster.label());
  }
  for (int c = 0; c < found.components_size(); ++c) {
    const v1::PrincipalComponent& component = found.components(c);
    std::vector<std::pair<double, std::string>> loadings;
    for (const v1::ComponentLoading& loading : component.loadings()) {
      loadings.emplace_back(-std::abs(loading.value()),
                            absl::StrFormat("%s %+.2f", loading.feature(), loading.value()));
    }
    std::sort(loadings.begin(), loadings.end());
    std::vector<std::string> parts;
    for (size_t i = 0; i < loadings.size() && i < 4; ++i) parts.push_back(loadings[i].second);
    absl::StrAppendFormat(&out, "component %d: %.0f %% of the variance: %s\n", c + 1,
                          component.explained_share() * 100, absl::StrJoin(parts, ", "));
  }
  if (found.joins_size() > 0) {
    out += "last joins at";
    for (int i = found.joins_size() - 1; i >= 0 && i >= found.joins_size() - 8; --i) {
      absl::StrAppendFormat(&out, " %.2f", found.joins(i).height());
    }
    out += "\n";
  }
  return out;
}

std::string StatusText(const v1::Status& status) {
  std::string out = absl::StrCat("kindred ", status.version(), ", ",
                                 status.ready() ? "ready" : "not ready", "\n");
  for (const std::string& reason : status.not_ready_reasons()) Line("waiting for", reason, &out);
  Line("topic",
       absl::StrCat(status.topic(), ", group ", status.group(), ", ", status.partition_count(),
                    " partitions"),
       &out);
  Line("state",
       absl::StrCat(status.customer_count(), " customers, ", status.item_count(), " items"), &out);
  const v1::Quality& quality = status.quality();
  Line("events",
       absl::StrCat(quality.read(), " read, ", quality.accepted(), " accepted, ",
                    quality.duplicates(), " duplicates"),
       &out);
  Line("rejected", Counts(quality.rejected()), &out);
  Line("corrected", Counts(quality.corrected()), &out);
  Line("missing", Counts(quality.missing()), &out);
  Line("outliers", Counts(quality.outliers()), &out);
  Line("memory",
       absl::StrFormat("%.0f MiB of %.0f MiB",
                       static_cast<double>(status.resident_memory_bytes()) / (1 << 20),
                       static_cast<double>(status.memory_limit_bytes()) / (1 << 20)),
       &out);
  for (const v1::PartitionStatus& partition : status.partitions()) {
    Line(absl::StrCat("partition ", partition.partition()).c_str(),
         absl::StrFormat("%s%s, applied %d, stored %d, end %d, lag %d, %d customers",
                         partition.owned() ? "owned" : "not owned",
                         partition.ready() ? ", ready" : ", not ready", partition.applied_offset(),
                         partition.stored_offset(), partition.end_offset(), partition.lag(),
                         partition.customer_count()),
         &out);
  }
  return out;
}

}  // namespace kindred::cli
