#include "profile/links.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace kindred::profile {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kMaxTimeMs = (int64_t{1} << 47) - 1;

// From when on evidence counts.
int64_t Floor(LinkCause cause, int64_t time_ms) {
  const int64_t step = cause == LinkCause::kAlias      ? 1
                       : cause == LinkCause::kIdentify ? kHourMs
                                                       : kDayMs;
  return std::max<int64_t>(1, time_ms / step * step);
}

int64_t Bounded(int64_t time_ms) { return std::clamp<int64_t>(time_ms, 1, kMaxTimeMs); }

absl::string_view EventOf(absl::string_view event_id) {
  return event_id.size() > kMaxLinkEventBytes ? absl::string_view() : event_id;
}

// Which link leaves at the bound: an unlink is kept, for what was undone must stay undone.
bool LeavesLater(const Link& a, const Link& b) {
  return std::make_tuple(a.unlinked_ms == 0, a.first_ms, absl::string_view(a.other)) <
         std::make_tuple(b.unlinked_ms == 0, b.first_ms, absl::string_view(b.other));
}

auto Place(std::vector<Link>& links, absl::string_view other) {
  return std::lower_bound(links.begin(), links.end(), other,
                          [](const Link& link, absl::string_view id) { return link.other < id; });
}

}  // namespace

absl::string_view IdKindName(IdKind kind) {
  switch (kind) {
    case IdKind::kUser:
      return "user";
    case IdKind::kEmail:
      return "email";
    case IdKind::kExternal:
      return "external";
    case IdKind::kDevice:
      return "device";
    case IdKind::kAnonymous:
      return "anonymous";
  }
  return "";
}

absl::string_view LinkCauseName(LinkCause cause) {
  switch (cause) {
    case LinkCause::kAlias:
      return "alias";
    case LinkCause::kIdentify:
      return "identify";
    case LinkCause::kSeenTogether:
      return "seen_together";
  }
  return "";
}

LinkCause Link::cause() const {
  return causes == 0 ? LinkCause::kSeenTogether
                     : static_cast<LinkCause>(std::countr_zero(unsigned{causes}));
}

bool Link::Join(const Link& from) {
  bool changed = false;
  for (const auto& [mask, more] : {std::pair(&own_kinds, from.own_kinds),
                                   {&other_kinds, from.other_kinds},
                                   {&causes, from.causes}}) {
    changed |= (*mask | more) != *mask;
    *mask |= more;
  }
  if (from.first_ms != 0 &&
      (first_ms == 0 || std::tie(from.first_ms, from.first_cause, from.first_event) <
                            std::tie(first_ms, first_cause, first_event))) {
    first_ms = from.first_ms;
    first_cause = from.first_cause;
    first_event = from.first_event;
    changed = true;
  }
  if (from.last_ms > last_ms) {
    last_ms = from.last_ms;
    changed = true;
  }
  if (std::tie(from.unlinked_ms, from.unlinked_event) > std::tie(unlinked_ms, unlinked_event)) {
    unlinked_ms = from.unlinked_ms;
    unlinked_event = from.unlinked_event;
    changed = true;
  }
  return changed;
}

bool Link::Covers(IdKind own, IdKind other_kind, LinkCause evidence, int64_t event_time_ms) const {
  return (own_kinds & KindBit(own)) != 0 && (other_kinds & KindBit(other_kind)) != 0 &&
         (causes >> static_cast<int>(evidence) & 1) != 0 && first_ms != 0 &&
         first_ms < event_time_ms && last_ms >= Floor(evidence, event_time_ms);
}

bool Link::Tells(const Link& from) const {
  Link joined = *this;
  if (!joined.Join(from)) return true;
  joined.last_ms = last_ms;
  return from.unlinked_ms == 0 && joined == *this;
}

Link Link::Mirrored(absl::string_view own) const {
  Link link = *this;
  link.other = std::string(own);
  std::swap(link.own_kinds, link.other_kinds);
  return link;
}

IdKind KindOf(uint8_t mask) {
  if ((mask & KindBit(IdKind::kExternal)) != 0) return IdKind::kExternal;
  return mask == 0 ? IdKind::kExternal : static_cast<IdKind>(std::countr_zero(unsigned{mask}));
}

Link MakeLink(absl::string_view other, IdKind own, IdKind other_kind, LinkCause cause,
              int64_t event_time_ms, absl::string_view event_id) {
  Link link;
  link.other = std::string(other);
  link.own_kinds = KindBit(own);
  link.other_kinds = KindBit(other_kind);
  link.causes = static_cast<uint8_t>(1u << static_cast<int>(cause));
  link.first_ms = Bounded(event_time_ms);
  link.first_cause = cause;
  link.first_event = std::string(EventOf(event_id));
  link.last_ms = Floor(cause, link.first_ms);
  return link;
}

Link MakeUnlink(absl::string_view other, int64_t event_time_ms, absl::string_view event_id) {
  Link link;
  link.other = std::string(other);
  link.unlinked_ms = Bounded(event_time_ms);
  link.unlinked_event = std::string(EventOf(event_id));
  return link;
}

bool AddLink(std::vector<Link>& links, const Link& link) {
  const auto place = Place(links, link.other);
  if (place != links.end() && place->other == link.other) return place->Join(link);
  if (links.size() >= kMaxLinks) {
    const auto last = std::max_element(links.begin(), links.end(), LeavesLater);
    if (LeavesLater(*last, link)) return false;
    links.erase(last);
  }
  links.insert(Place(links, link.other), link);
  return true;
}

const Link* FindLink(const std::vector<Link>& links, absl::string_view other) {
  // Few: looking at each is faster than a search by halves.
  for (const Link& link : links) {
    if (link.other == other) return &link;
  }
  return nullptr;
}

void WriteLink(const Link& link, base::ByteWriter* out) {
  out->Bytes(link.other);
  out->U8(link.own_kinds);
  out->U8(link.other_kinds);
  out->U8(link.causes);
  out->Varint(static_cast<uint64_t>(link.first_ms));
  if (link.first_ms != 0) {
    out->U8(static_cast<uint8_t>(link.first_cause));
    out->Bytes(link.first_event);
    out->Signed(link.last_ms - link.first_ms);
  }
  out->Varint(static_cast<uint64_t>(link.unlinked_ms));
  if (link.unlinked_ms != 0) out->Bytes(link.unlinked_event);
}

bool ReadLink(base::ByteReader* in, Link* link) {
  link->other = std::string(in->Bytes());
  link->own_kinds = in->U8();
  link->other_kinds = in->U8();
  link->causes = in->U8();
  const uint64_t first = in->Varint();
  bool valid = !link->other.empty() && link->other.size() <= kMaxLinkIdBytes &&
               link->own_kinds < (1 << kIdKinds) && link->other_kinds < (1 << kIdKinds) &&
               link->causes < (1 << kLinkCauses) && first <= uint64_t{kMaxTimeMs};
  if (!valid) return false;
  link->first_ms = static_cast<int64_t>(first);
  if (first != 0) {
    const uint8_t cause = in->U8();
    link->first_cause = static_cast<LinkCause>(cause);
    link->first_event = std::string(in->Bytes());
    const int64_t after = in->Signed();
    valid = cause < kLinkCauses && (link->causes >> cause & 1) != 0 && link->own_kinds != 0 &&
            link->other_kinds != 0 && after >= -kMaxTimeMs && after <= kMaxTimeMs;
    if (!valid) return false;
    link->last_ms = link->first_ms + after;
    valid =
        link->last_ms >= Floor(link->first_cause, link->first_ms) && link->last_ms <= kMaxTimeMs;
  } else {
    valid = (link->causes | link->own_kinds | link->other_kinds) == 0;
  }
  const uint64_t unlinked = in->Varint();
  if (!valid || unlinked > uint64_t{kMaxTimeMs}) return false;
  link->unlinked_ms = static_cast<int64_t>(unlinked);
  if (unlinked != 0) link->unlinked_event = std::string(in->Bytes());
  return in->ok() && (first != 0 || unlinked != 0) &&
         link->first_event.size() <= kMaxLinkEventBytes &&
         link->unlinked_event.size() <= kMaxLinkEventBytes;
}

}  // namespace kindred::profile
