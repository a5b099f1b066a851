#include "node/live_serving.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "learn/segment_label.h"
#include "node/audience_answers.h"
#include "node/identity_view.h"
#include "node/profile_view.h"
#include "node/request_error.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

constexpr int kMaxBatch = 500;
constexpr int kMaxPageSize = 1000;
constexpr int kDefaultPageSize = 100;
constexpr size_t kMaxUnusual = 5;

// Changes with every event, every id that comes or goes, and a life after a deletion.
int64_t VersionOf(const profile::Profile& profile, const CustomerParts& parts) {
  uint64_t mixed =
      profile.event_count() * 0x9E3779B97F4A7C15 ^ static_cast<uint64_t>(profile.first_seen_ms());
  if (parts.group != nullptr) {
    for (const profile::GroupMember& member : parts.group->members) {
      mixed ^= profile::CustomerMap::Hash(member.id);
    }
  }
  return mixed == 0 ? 1 : static_cast<int64_t>(mixed);
}

void FillDimension(const learn::SegmentModel& model, size_t index, size_t dimension,
                   const std::vector<double>& center, v1::SegmentDimension* out) {
  out->set_feature(std::string(profile::GetFeatureInfo(dimension).name));
  out->set_value(profile::Untransform(dimension, center[dimension]));
  out->set_standardized(model.centres(index, dimension));
}

void FillSegment(const PublishedSegments& segments, size_t index, v1::Segment* out) {
  const learn::SegmentModel& model = segments.model;
  out->set_name(absl::StrCat("segments/", model.ids[index]));
  out->set_label(segments.labels[index]);
  out->set_size(static_cast<int64_t>(model.sizes[index]));
  out->set_share(model.population > 0 ? model.sizes[index] / model.population : 0);
  out->set_model_version(static_cast<int64_t>(model.version));
  out->set_mean_squared_distance(segments.mean_squared_distance[index]);
  const std::vector<double> center = model.OriginalCentre(index);
  std::vector<double> standardized(model.dims());
  for (size_t d = 0; d < model.dims(); ++d) {
    standardized[d] = model.centres(index, d);
    FillDimension(model, index, d, center, out->add_center());
  }
  for (const learn::UnusualDimension& unusual : learn::MostUnusual(standardized, kMaxUnusual)) {
    FillDimension(model, index, unusual.dim, center, out->add_unusual_dimensions());
  }
  for (const std::string& id : segments.typical[index]) {
    out->add_typical_profiles(absl::StrCat("profiles/", id));
  }
}

}  // namespace

LiveServing::LiveServing(const StatusInfo& info, const SharedState* shared,
                         const PartitionSet* partitions, const ColdReader* cold,
                         const store::Store* store, const Learner* learner,
                         const PredictionLearner* predictions, const Checkpointer* checkpointer,
                         const telemetry::HealthState* health)
    : info_(info),
      shared_(*shared),
      partitions_(*partitions),
      cold_(*cold),
      store_(*store),
      learner_(*learner),
      predictions_(*predictions),
      checkpointer_(*checkpointer),
      health_(*health),
      customers_(shared, partitions, cold, shared->options.group_cache_bytes),
      recommender_(shared->options.blend) {}

WireBuffer& LiveServing::ScratchBytes() {
  thread_local WireBuffer bytes;
  bytes.clear();
  return bytes;
}

absl::Status LiveServing::ReadAnswer(const WireBuffer& bytes,
                                     google::protobuf::MessageLite* response) {
  if (response->ParseFromArray(bytes.bytes().data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  return absl::InternalError("an answer holds text that is not UTF-8");
}

absl::StatusOr<bool> LiveServing::Visit(
    absl::string_view customer_id, absl::FunctionRef<void(const profile::Profile&)> visit) const {
  return customers_.Visit(
      customer_id, [&](const profile::Profile& profile, const CustomerParts&) { visit(profile); });
}

void LiveServing::WriteFreshness(int field, PartitionId partition, WireBuffer* out) const {
  using google::protobuf::Duration;
  const PartitionSlot& slot = partitions_.slot(partition);
  const int64_t silence = std::max<int64_t>(
      0, absl::ToUnixMillis(absl::Now()) - slot.last_heard_ms.load(std::memory_order_relaxed));
  const size_t begin = out->BeginShort(field);
  out->Int(v1::Freshness::kAppliedOffsetFieldNumber, slot.state->next_offset().value());
  out->Int(v1::Freshness::kPartitionFieldNumber, partition.value());
  const size_t staleness = out->BeginShort(v1::Freshness::kStalenessFieldNumber);
  out->Int(Duration::kSecondsFieldNumber, silence / 1000);
  out->Int(Duration::kNanosFieldNumber, silence % 1000 * 1'000'000);
  out->EndShort(staleness);
  out->EndShort(begin);
}

absl::Status LiveServing::GetProfile(const v1::GetProfileRequest& request, v1::Profile* profile) {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "profiles", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  KINDRED_RETURN_IF_ERROR(CheckMask(request.read_mask()));
  bool first = true;
  return ReadProfile(id, request.read_mask(), profile, &first);
}

absl::Status LiveServing::GetProfileBytes(const v1::GetProfileRequest& request,
                                          WireBuffer* profile) {
  if (request.read_mask().paths_size() > 0) {
    v1::Profile masked;
    KINDRED_RETURN_IF_ERROR(GetProfile(request, &masked));
    profile->Raw(masked.SerializeAsString());
    return absl::OkStatus();
  }
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "profiles", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  bool first = true;
  return ReadProfileBytes(id, profile, &first);
}

absl::Status LiveServing::ReadProfile(absl::string_view id, const google::protobuf::FieldMask& mask,
                                      v1::Profile* profile, bool* first) {
  WireBuffer& bytes = ScratchBytes();
  KINDRED_RETURN_IF_ERROR(ReadProfileBytes(id, &bytes, first));
  KINDRED_RETURN_IF_ERROR(ReadAnswer(bytes, profile));
  ApplyMask(mask, profile);
  return absl::OkStatus();
}

absl::Status LiveServing::ReadProfileBytes(absl::string_view id, WireBuffer* profile, bool* first) {
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  const std::shared_ptr<const profile::Predictor> predictor = predictions_.Current();
  const int64_t as_of_ms = partitions_.newest_event_ms();
  KINDRED_ASSIGN_OR_RETURN(const bool found, customers_.Visit(id, [&](const profile::Profile& state,
                                                                      const CustomerParts& parts) {
    WriteProfile(id, state, shared_, segments.get(), predictor.get(), as_of_ms, profile);
    WriteTags(id, state, shared_, segments.get(), predictor.get(), as_of_ms, profile);
    if (parts.group == nullptr) return;
    v1::CustomerIdentity identity;
    FillIdentity(id, parts, &identity);
    profile->Message(v1::Profile::kIdentityFieldNumber, identity.SerializeAsString());
    *first = parts.group->members.front().id == id;
  }));
  if (!found) {
    return absl::NotFoundError(absl::StrCat("no event of customer \"", id, "\" has been applied"));
  }
  WriteFreshness(v1::Profile::kFreshnessFieldNumber, partitions_.Home(id), profile);
  return absl::OkStatus();
}

absl::Status LiveServing::BatchGetProfiles(const v1::BatchGetProfilesRequest& request,
                                           v1::BatchGetProfilesResponse* response) {
  RequestCheck check;
  if (request.names().empty()) check.Violation("names", "expected 1 to 500 names, found none");
  if (request.names_size() > kMaxBatch) {
    check.Violation("names", absl::StrCat("expected 1 to 500 names, found ", request.names_size()));
  }
  for (int i = 0; i < std::min(request.names_size(), kMaxBatch); ++i) {
    IdOfName(request.names(i), "profiles", absl::StrCat("names[", i, "]"), &check);
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  v1::GetProfileRequest one;
  *one.mutable_read_mask() = request.read_mask();
  for (const std::string& name : request.names()) {
    one.set_name(name);
    const absl::Status status = GetProfile(one, response->add_profiles());
    if (status.ok()) continue;
    response->mutable_profiles()->RemoveLast();
    if (!absl::IsNotFound(status)) return status;
    response->add_missing_names(name);
  }
  return absl::OkStatus();
}

absl::Status LiveServing::ListProfiles(const v1::ListProfilesRequest& request,
                                       v1::ListProfilesResponse* response) {
  RequestCheck check;
  if (request.page_size() < 0 || request.page_size() > kMaxBatch) {
    check.Violation("page_size", "expected 0 to 500");
  }
  // A token is where to go on: "partition/last id".
  const std::pair<absl::string_view, absl::string_view> token =
      absl::StrSplit(request.page_token(), absl::MaxSplits('/', 1));
  int32_t partition = 0;
  if (!request.page_token().empty() && (!absl::SimpleAtoi(token.first, &partition) ||
                                        !partitions_.Contains(PartitionId(partition)))) {
    check.Violation("page_token", "expected next_page_token of a former answer");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  KINDRED_RETURN_IF_ERROR(CheckMask(request.read_mask()));
  const size_t limit =
      static_cast<size_t>(request.page_size() == 0 ? kDefaultPageSize : request.page_size());
  std::string last(token.second);
  std::vector<std::string> ids;
  for (; partition < partitions_.count(); ++partition, last.clear()) {
    // Another node lists them.
    if (partitions_.slot(PartitionId(partition)).ownership.load() == Ownership::kRevoked) continue;
    const absl::Status status = store_.ForEach(
        store::Table::kProfile, PartitionId(partition),
        [&](absl::string_view id, absl::string_view) -> absl::Status {
          if (id == last) return absl::OkStatus();
          if (ids.size() == limit) return absl::CancelledError();
          // A customer with parts in several partitions is told once, in its own.
          if (partitions_.Home(id).value() == partition) ids.emplace_back(id);
          last = std::string(id);
          return absl::OkStatus();
        },
        nullptr, last);
    if (absl::IsCancelled(status)) break;
    KINDRED_RETURN_IF_ERROR(status);
  }
  if (partition < partitions_.count()) {
    response->set_next_page_token(absl::StrCat(partition, "/", last));
  }
  for (const std::string& id : ids) {
    // Of linked ids the one that names the customer is told.
    bool first = true;
    const absl::Status status =
        ReadProfile(id, request.read_mask(), response->add_profiles(), &first);
    if (status.ok() && first) continue;
    response->mutable_profiles()->RemoveLast();
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> LiveServing::ProfileVersion(absl::string_view customer_id) {
  int64_t version = 0;
  KINDRED_RETURN_IF_ERROR(
      customers_
          .Visit(customer_id,
                 [&version](const profile::Profile& profile, const CustomerParts& parts) {
                   version = VersionOf(profile, parts);
                 })
          .status());
  return version;
}

absl::Status LiveServing::ListSegments(const v1::ListSegmentsRequest& request,
                                       v1::ListSegmentsResponse* response) {
  RequestCheck check;
  size_t begin = 0;
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    check.Violation("page_size", "expected 0 to 1000");
  }
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &begin)) {
    check.Violation("page_token", "expected next_page_token of a former answer");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  if (segments == nullptr) return absl::OkStatus();
  const learn::SegmentModel& model = segments->model;
  response->set_model_version(static_cast<int64_t>(model.version));
  response->set_customer_count(static_cast<int64_t>(model.population));
  std::vector<size_t> order(model.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&model](size_t a, size_t b) {
    return std::make_pair(-model.sizes[a], model.ids[a]) <
           std::make_pair(-model.sizes[b], model.ids[b]);
  });
  const size_t size =
      static_cast<size_t>(request.page_size() == 0 ? kDefaultPageSize : request.page_size());
  const size_t end = std::min(order.size(), begin + size);
  for (size_t i = begin; i < end; ++i) {
    FillSegment(*segments, order[i], response->add_segments());
  }
  if (end < order.size()) response->set_next_page_token(absl::StrCat(end));
  return absl::OkStatus();
}

absl::Status LiveServing::GetSegment(const v1::GetSegmentRequest& request, v1::Segment* segment) {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "segments", "name", &check);
  uint32_t number = 0;
  if (!id.empty() && !absl::SimpleAtoi(id, &number)) {
    check.Violation("name", "expected segments/{number}");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  const size_t index = segments == nullptr ? 0 : segments->model.IndexOf(number);
  if (segments == nullptr || index == segments->model.size()) {
    return absl::NotFoundError(absl::StrCat("there is no segment ", id));
  }
  FillSegment(*segments, index, segment);
  return absl::OkStatus();
}

absl::Status LiveServing::Explore(const v1::ExploreRequest& request,
                                  v1::ExploreResponse* response) {
  return explorer_.Explore(request, learner_.Current(), response);
}

}  // namespace kindred::node
