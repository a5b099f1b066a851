// What a partition says to the outside: stored in the same atomic batch as the state that caused
// it, produced afterwards, deleted once the brokers have it (DESIGN D7).
#ifndef KINDRED_NODE_OUTBOX_ENTRY_H_
#define KINDRED_NODE_OUTBOX_ENTRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kindred::node {

// Which topic an entry is for. Stored: never change a value.
enum class OutboxKind : uint8_t {
  kDeadLetter = 0,      // a rejected record, to the dead-letter topic
  kMessage = 1,         // a record for another customer, to the events topic
  kAudienceChange = 2,  // a customer entered or left, to the audience topic
};
inline constexpr int kOutboxKinds = 3;
// "dead_letter", "message", "audience_change".
absl::string_view OutboxKindName(OutboxKind kind);

// One record to be produced. It is produced at least once: again after a crash, or after a delivery
// of unknown end; then it may also come later than entries that followed it. So a receiver drops an
// id that it has seen, and where order matters it goes by a number in the value, not by arrival.
struct OutboxEntry {
  OutboxKind kind = OutboxKind::kMessage;
  // A function of the log prefix, like all state: never a clock or a random number. Produced as the
  // header kOutboxIdHeader. Events have it as their event id too, so that cleaning drops copies.
  std::string id;
  std::string key;  // chooses the partition, murmur2 as Java's producers do
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;

  // What is produced.
  std::vector<std::pair<std::string, std::string>> AllHeaders() const;
  friend bool operator==(const OutboxEntry&, const OutboxEntry&) = default;
};

inline constexpr absl::string_view kOutboxIdHeader = "kindred-outbox-id";

// As it is stored. Versioned; decoding is DataLoss for bytes that EncodeOutboxEntry cannot have
// made. Dead letters keep the form of their own (dead_letter.h), which StoredKind() tells apart.
std::string EncodeOutboxEntry(const OutboxEntry& entry);
absl::StatusOr<OutboxEntry> DecodeOutboxEntry(absl::string_view bytes);
absl::StatusOr<OutboxKind> StoredKind(absl::string_view bytes);

}  // namespace kindred::node

#endif  // KINDRED_NODE_OUTBOX_ENTRY_H_
