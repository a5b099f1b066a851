// What a partition does about links: evidence in events, words from other partitions, deletions
// that follow links. Groups are found when they are asked for (customer_reader.h).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "event/encode.h"
#include "node/partition.h"
#include "profile/identity_group.h"

namespace kindred::node {
namespace {

using profile::IdKind;
using profile::Link;
using profile::LinkCause;

constexpr absl::string_view kLinkProperty = "link";
constexpr absl::string_view kUserProperty = "user";

LinkCause CauseOf(event::EventType type) {
  switch (type) {
    case event::EventType::kAlias:
      return LinkCause::kAlias;
    case event::EventType::kIdentify:
      return LinkCause::kIdentify;
    default:
      return LinkCause::kSeenTogether;
  }
}

// An event about `other`, told by `own`. Its id is made of what it says: a copy is a copy.
OutboxEntry MessageTo(absl::string_view other, absl::string_view own, event::Event message) {
  message.user_id = other;
  message.previous_id = own;
  const std::string content = event::EncodeJson(message);
  OutboxEntry entry;
  entry.kind = OutboxKind::kMessage;
  entry.id = absl::StrCat(event::EventTypeName(message.type), "/",
                          absl::Hex(base::Fingerprint64(content), absl::kZeroPad16),
                          absl::Hex(base::Fingerprint64(content, 1), absl::kZeroPad16));
  message.event_id = entry.id;
  entry.key = std::string(other);
  entry.value = event::EncodeJson(message);
  entry.headers = {{"content-type", "application/json"}};
  return entry;
}

// The text of a property that MessageTo() was given; none if there is none, or it is something
// else.
std::optional<std::string> TextIn(const clean::CleanEvent& event, absl::string_view name) {
  for (const event::JsonField& field : *event.properties) {
    std::string bytes;
    if (field.name == name && field.json.size() >= 2 && field.json.front() == '"' &&
        absl::Base64Unescape(field.json.substr(1, field.json.size() - 2), &bytes)) {
      return bytes;
    }
  }
  return std::nullopt;
}

// The link that a message brings, as the receiver has it; none if no partition can have said so.
std::optional<Link> LinkIn(const clean::CleanEvent& event) {
  const std::optional<std::string> bytes = TextIn(event, kLinkProperty);
  if (!bytes.has_value()) return std::nullopt;
  base::ByteReader in(*bytes);
  Link link;
  if (!profile::ReadLink(&in, &link) || !in.Done()) return std::nullopt;
  // Times were checked as the event's own.
  const int64_t newest = std::max({link.first_ms, link.last_ms, link.unlinked_ms});
  if (link.other != event.customer_id || newest > event.event_time_ms) return std::nullopt;
  return link.Mirrored(event.previous_id);
}

// The user that an id belongs to as far as it knows: itself, or the one it is linked with; or none.
absl::string_view UserOf(absl::string_view own, const std::vector<Link>& links,
                         const std::vector<const Link*>& allowed) {
  uint8_t kinds = 0;
  for (const Link& link : links) kinds |= link.own_kinds;
  if (kinds != 0 && profile::KindOf(kinds) == IdKind::kUser) return own;
  for (const Link* link : allowed) {
    if (profile::KindOf(link->other_kinds) == IdKind::kUser) return link->other;
  }
  return {};
}

// Whether an id goes when `deleted` went, which belonged to `deleted_user`. Two users may hang
// together over what they share; the one's deletion must not delete the other.
bool SameCustomer(absl::string_view deleted, const std::optional<std::string>& deleted_user,
                  absl::string_view user, const std::vector<const Link*>& allowed) {
  if (deleted_user.has_value() && !user.empty() && user != deleted && user != *deleted_user) {
    return false;
  }
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const Link* link) { return link->other == deleted; });
}

bool HasLinkEvidence(const clean::CleanEvent& event) {
  return (!event.anonymous_id.empty() && !event.user_id.empty()) || !event.device_id.empty() ||
         !event.email_sha256.empty() || !event.external_id.empty() ||
         event.type == event::EventType::kAlias;
}

OutboxEntry LinkMessage(absl::string_view own, const Link& link) {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  profile::WriteLink(link, &writer);
  const std::string json = absl::StrCat("\"", absl::Base64Escape(bytes), "\"");
  event::Event message;
  message.type = event::EventType::kLink;
  message.event_time_ms = std::max({link.first_ms, link.last_ms, link.unlinked_ms});
  message.properties.push_back({kLinkProperty, json});
  return MessageTo(link.other, own, std::move(message));
}

// Joins the link into the customer's. Returns what the other end should hear of it.
std::optional<OutboxEntry> JoinLink(const Link& link, profile::Customer* customer) {
  const Link* known = profile::FindLink(customer->profile.links(), link.other);
  const Link before = known == nullptr ? Link() : *known;
  if (!customer->profile.AddLink(link)) return std::nullopt;
  const Link* now = profile::FindLink(customer->profile.links(), link.other);
  if (now == nullptr) return std::nullopt;  // left at the bound
  // That a link was seen once more matters to the other end only if somebody undid it.
  Link quiet = *now;
  quiet.last_ms = before.last_ms;
  if (quiet == before && now->unlinked_ms == 0) return std::nullopt;
  return LinkMessage(customer->id(), *now);
}

}  // namespace

void Partition::LinkIds(const clean::CleanEvent& event, profile::Customer* customer) {
  if (!HasLinkEvidence(event)) return;
  const IdKind own = event.user_id.empty() ? IdKind::kAnonymous : IdKind::kUser;
  const LinkCause cause = CauseOf(event.type);
  std::vector<OutboxEntry> said;
  const auto add = [&](absl::string_view other, IdKind kind) {
    if (other.empty() || other == event.customer_id) return;
    const Link* known = profile::FindLink(customer->profile.links(), other);
    if (known != nullptr && known->Covers(own, kind, cause, event.event_time_ms)) return;
    if (profile::IsNobody(other) || profile::IsNobody(event.customer_id)) return;
    const std::optional<OutboxEntry> news = JoinLink(
        profile::MakeLink(other, own, kind, cause, event.event_time_ms, event.event_id), customer);
    if (news.has_value()) said.push_back(*news);
  };
  if (!event.user_id.empty()) add(event.anonymous_id, IdKind::kAnonymous);
  if (event.type == event::EventType::kAlias) add(event.previous_id, IdKind::kExternal);
  add(event.device_id, IdKind::kDevice);
  add(event.email_sha256, IdKind::kEmail);
  add(event.external_id, IdKind::kExternal);
  for (const OutboxEntry& entry : said) Post(entry);
}

void Partition::ApplyLink(const stream::RawRecord& record, const event::Event& event,
                          const clean::CleanEvent& clean, uint64_t hash,
                          profile::Customer* customer) {
  const bool undo = clean.type == event::EventType::kUnlink;
  std::optional<Link> link;
  if (undo) {
    link = profile::MakeUnlink(clean.previous_id, clean.event_time_ms, clean.event_id);
  } else {
    link = LinkIn(clean);
  }
  if (!link.has_value() || clean.previous_id == clean.customer_id) {
    CountRejected(clean::RejectReason::kInvalidLink, clean.channel);
    Reject(
        record, "clean", clean::RejectReasonName(clean::RejectReason::kInvalidLink),
        undo ? "previous_id: the customer itself" : "properties.link: not a link between the two",
        event.line);
    return;
  }
  CountAccepted(clean);
  if (customer == nullptr)
    customer = customers_.Insert(clean.customer_id, hash, profile::Profile());
  std::optional<OutboxEntry> news = JoinLink(*link, customer);
  if (!undo) {
    news.reset();
    const Link* now = profile::FindLink(customer->profile.links(), link->other);
    // What this end knows more, the other end should hear.
    if (now != nullptr && !link->Tells(*now)) news = LinkMessage(customer->id(), *now);
  }
  if (news.has_value()) Post(*news);
  customers_.MarkDirty(*customer);
}

void Partition::DeleteCustomer(const clean::CleanEvent& event, uint64_t hash,
                               profile::Customer* customer) {
  if (customer == nullptr) return;
  const absl::string_view because = event.previous_id;
  const std::vector<Link>& links = customer->profile.links();
  const std::vector<const Link*> allowed =
      profile::AllowedLinks(event.customer_id, links, shared_.options.identity);
  const absl::string_view user = UserOf(event.customer_id, links, allowed);
  if (!because.empty() && !SameCustomer(because, TextIn(event, kUserProperty), user, allowed)) {
    // All that goes is the name of the deleted one.
    if (!customer->profile.RemoveLink(because)) return;
    if (customer->profile.empty() && customer->profile.links().empty()) {
      audiences_.Remove(event.customer_id, hash, event.event_time_ms);
      customers_.Remove(event.customer_id, hash);
    } else {
      customers_.MarkDirty(*customer);
    }
    return;
  }
  const std::string json = absl::StrCat("\"", absl::Base64Escape(user), "\"");
  for (const Link& link : links) {
    if (link.other == because) continue;
    event::Event message;
    message.type = event::EventType::kDelete;
    message.event_time_ms = event.event_time_ms;
    if (!user.empty()) message.properties.push_back({kUserProperty, json});
    Post(MessageTo(link.other, event.customer_id, std::move(message)));
  }
  if (!customer->profile.empty()) --customer_count_;
  audiences_.Remove(event.customer_id, hash, event.event_time_ms);
  customers_.Remove(event.customer_id, hash);
  attribution_.Forget(hash);
  rating_table_.Forget(hash);
  sample_.Remove(hash);
}

}  // namespace kindred::node
