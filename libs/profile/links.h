// Which other ids are the same customer, as one id knows it. A link is a register that joins: the
// same evidence in any order, any number of times, through any partition, ends in the same
// register.
#ifndef KINDRED_PROFILE_LINKS_H_
#define KINDRED_PROFILE_LINKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/bytes.h"

namespace kindred::profile {

// What an id is, strongest first. Stored as bits: never change a value.
enum class IdKind : uint8_t { kUser = 0, kEmail = 1, kExternal = 2, kDevice = 3, kAnonymous = 4 };
inline constexpr int kIdKinds = 5;
// "user", "email", "external", "device", "anonymous".
absl::string_view IdKindName(IdKind kind);
inline constexpr uint8_t KindBit(IdKind kind) {
  return static_cast<uint8_t>(1u << static_cast<int>(kind));
}

// Why two ids are thought to be one customer, strongest first. Stored as bits: never change a
// value.
enum class LinkCause : uint8_t { kAlias = 0, kIdentify = 1, kSeenTogether = 2 };
inline constexpr int kLinkCauses = 3;
// "alias", "identify", "seen_together".
absl::string_view LinkCauseName(LinkCause cause);

// Bounds of what one id keeps; at the bound the youngest link that was never undone leaves.
inline constexpr size_t kMaxLinks = 64;
inline constexpr size_t kMaxLinkIdBytes = 256;
inline constexpr size_t kMaxLinkEventBytes = 128;

// Evidence that two ids are one customer, or that they are not, joined. Times are event times, ms.
//
// Evidence counts from the start of its day (seen together) or hour (identify), an alias from its
// own moment: so an id that is seen a hundred times a day changes its links once. An unlink
// therefore holds against what was seen earlier in the same hour or day, and a little beyond.
struct Link {
  std::string other;
  uint8_t own_kinds = 0;    // KindBit of all that was claimed of the id that has the link …
  uint8_t other_kinds = 0;  // … and of the other one
  uint8_t causes = 0;       // bits 1 << LinkCause
  int64_t first_ms = 0;     // of the earliest evidence; 0: none yet, only an unlink is known
  LinkCause first_cause = LinkCause::kAlias;
  std::string first_event;  // its event id; empty: it had none, or one that is too long
  int64_t last_ms = 0;      // the newest evidence counts from here; 0: none
  int64_t unlinked_ms = 0;  // the newest unlink; 0: none
  std::string unlinked_event;

  // The newest word is that they are one customer. An unlink wins at equal times.
  bool linked() const { return last_ms > unlinked_ms; }
  // The strongest cause.
  LinkCause cause() const;
  // Takes over what `from` knows more. Returns whether anything changed.
  bool Join(const Link& from);
  // Joining such evidence would change nothing; without making it.
  bool Covers(IdKind own, IdKind other_kind, LinkCause evidence, int64_t event_time_ms) const;
  // Whoever has this one learns nothing from `from`, but perhaps that it was seen once more.
  bool Tells(const Link& from) const;
  // The same link as the other id has it; `own` is the id that has this one.
  Link Mirrored(absl::string_view own) const;
  friend bool operator==(const Link&, const Link&) = default;
};

// The kind that a mask of claims amounts to: "external" once an alias said so, else the strongest.
IdKind KindOf(uint8_t mask);

// Evidence of a link at an event.
Link MakeLink(absl::string_view other, IdKind own, IdKind other_kind, LinkCause cause,
              int64_t event_time_ms, absl::string_view event_id);
// Evidence against one.
Link MakeUnlink(absl::string_view other, int64_t event_time_ms, absl::string_view event_id);

// The links of one profile, in order of `other`, and its Profile::version().
struct LinkSet {
  std::vector<Link> links;
  uint64_t version = 0;
};

// Joins into the link with the same other id, or adds it; `links` are in order of `other`. Returns
// whether anything changed.
bool AddLink(std::vector<Link>& links, const Link& link);
const Link* FindLink(const std::vector<Link>& links, absl::string_view other);

// Appends; numbers are varints (base/bytes.h).
void WriteLink(const Link& link, base::ByteWriter* out);
// False when the bytes are not a link that the functions above can have made.
bool ReadLink(base::ByteReader* in, Link* link);

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_LINKS_H_
