#include "node/identity_view.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/event_writer.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kWriteLimit = absl::Seconds(10);
constexpr size_t kMaxIdBytes = 256;

void FillLink(const profile::GroupLink& from, v1::IdLink* out) {
  const profile::Link& link = from.link;
  out->set_from_id(from.from);
  out->set_to_id(link.other);
  out->set_state(std::string(profile::LinkStateName(from.state)));
  if (link.first_ms != 0) {
    out->set_cause(std::string(profile::LinkCauseName(link.cause())));
    SetTime(link.first_ms, out->mutable_first_linked_time());
    out->set_first_event_id(link.first_event);
    SetTime(link.last_ms, out->mutable_last_linked_time());
  }
  if (link.unlinked_ms != 0) {
    SetTime(link.unlinked_ms, out->mutable_unlinked_time());
    out->set_unlinked_event_id(link.unlinked_event);
  }
}

}  // namespace

void FillIdentity(absl::string_view customer_id, const CustomerParts& parts,
                  v1::CustomerIdentity* out) {
  out->set_name(absl::StrCat("profiles/", customer_id));
  for (const profile::GroupMember& member : parts.group->members) {
    v1::LinkedId& id = *out->add_ids();
    id.set_id(member.id);
    id.set_kind(std::string(profile::IdKindName(member.kind)));
  }
  for (const profile::GroupLink& link : parts.group->links) FillLink(link, out->add_links());
  for (const std::string& id : parts.unavailable_ids) out->add_unavailable_ids(id);
  out->set_too_many_ids(parts.group->too_large);
}

absl::Status LiveServing::GetIdentity(const v1::GetIdentityRequest& request,
                                      v1::CustomerIdentity* identity) {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "profiles", "name", &check);
  KINDRED_RETURN_IF_ERROR(check.status());
  KINDRED_ASSIGN_OR_RETURN(const bool found, customers_.Visit(id, [&](const profile::Profile&,
                                                                      const CustomerParts& parts) {
    if (parts.group != nullptr) return FillIdentity(id, parts, identity);
    identity->set_name(absl::StrCat("profiles/", id));
    identity->add_ids()->set_id(std::string(id));
  }));
  if (found) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("no event of customer \"", id, "\" has been applied"));
}

absl::Status LiveServing::CheckUnlink(const v1::UnlinkIdsRequest& request) {
  RequestCheck check;
  const absl::string_view id = IdOfName(request.name(), "profiles", "name", &check);
  const std::string& other = request.other_id();
  if (other.empty() || other.size() > kMaxIdBytes) {
    check.Violation("other_id", "expected an id of 1 to 256 bytes");
  }
  if (other == id) check.Violation("other_id", "expected another id than that of name");
  KINDRED_RETURN_IF_ERROR(check.status());
  if (writer_ == nullptr) return absl::UnavailableError("this node takes no writes");
  v1::CustomerIdentity before;
  v1::GetIdentityRequest read;
  read.set_name(request.name());
  KINDRED_RETURN_IF_ERROR(GetIdentity(read, &before));
  const bool linked =
      std::any_of(before.links().begin(), before.links().end(), [&](const v1::IdLink& link) {
        return (link.from_id() == id && link.to_id() == other) ||
               (link.from_id() == other && link.to_id() == id);
      });
  if (linked) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("there is no link between \"", id, "\" and \"", other, "\""));
}

void LiveServing::UnlinkIds(const v1::UnlinkIdsRequest& request, v1::CustomerIdentity* identity,
                            std::function<void(const absl::Status&)> done) {
  const absl::Status possible = CheckUnlink(request);
  if (!possible.ok()) return done(possible);
  RequestCheck checked;
  const std::string event_id = EventWriter::NewEventId("unlink");
  event::Event event;
  event.type = event::EventType::kUnlink;
  event.event_id = event_id;
  event.user_id = IdOfName(request.name(), "profiles", "name", &checked);
  event.previous_id = request.other_id();
  event.event_time_ms = absl::ToUnixMillis(absl::Now());
  writer_->Write(event, kWriteLimit,
                 [this, &request, identity, done = std::move(done)](const absl::Status& applied) {
                   if (!applied.ok()) return done(applied);
                   v1::GetIdentityRequest read;
                   read.set_name(request.name());
                   done(GetIdentity(read, identity));
                 });
}

}  // namespace kindred::node
