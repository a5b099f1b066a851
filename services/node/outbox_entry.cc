#include "node/outbox_entry.h"

#include "base/bytes.h"

namespace kindred::node {
namespace {

// 1 is a dead letter's.
constexpr uint8_t kDeadLetterVersion = 1;
constexpr uint8_t kVersion = 2;

}  // namespace

absl::string_view OutboxKindName(OutboxKind kind) {
  switch (kind) {
    case OutboxKind::kDeadLetter:
      return "dead_letter";
    case OutboxKind::kMessage:
      return "message";
    case OutboxKind::kAudienceChange:
      return "audience_change";
  }
  return "unknown";
}

std::vector<std::pair<std::string, std::string>> OutboxEntry::AllHeaders() const {
  std::vector<std::pair<std::string, std::string>> all = headers;
  all.emplace_back(std::string(kOutboxIdHeader), id);
  return all;
}

std::string EncodeOutboxEntry(const OutboxEntry& entry) {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.U8(static_cast<uint8_t>(entry.kind));
  writer.Bytes(entry.id);
  writer.Bytes(entry.key);
  writer.Bytes(entry.value);
  writer.Varint(entry.headers.size());
  for (const auto& [name, value] : entry.headers) {
    writer.Bytes(name);
    writer.Bytes(value);
  }
  return out;
}

absl::StatusOr<OutboxEntry> DecodeOutboxEntry(absl::string_view bytes) {
  const absl::StatusOr<OutboxKind> kind = StoredKind(bytes);
  if (!kind.ok()) return kind.status();
  if (*kind == OutboxKind::kDeadLetter) return absl::DataLossError("it is a dead letter");
  base::ByteReader in(bytes.substr(2));
  OutboxEntry entry;
  entry.kind = *kind;
  entry.id = std::string(in.Bytes());
  entry.key = std::string(in.Bytes());
  entry.value = std::string(in.Bytes());
  const size_t headers = in.Count(2);
  for (size_t i = 0; i < headers; ++i) {
    std::string name(in.Bytes());
    entry.headers.emplace_back(std::move(name), std::string(in.Bytes()));
  }
  // A number written longer than needed is not our writing.
  if (!in.Done() || EncodeOutboxEntry(entry) != bytes) {
    return absl::DataLossError("outbox entry is damaged");
  }
  return entry;
}

absl::StatusOr<OutboxKind> StoredKind(absl::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError("outbox entry is empty");
  const uint8_t version = static_cast<uint8_t>(bytes[0]);
  if (version == kDeadLetterVersion) return OutboxKind::kDeadLetter;
  if (version != kVersion) return absl::DataLossError("outbox entry has an unknown version");
  const uint8_t kind = bytes.size() > 1 ? static_cast<uint8_t>(bytes[1]) : 0;
  if (kind == 0 || kind >= kOutboxKinds) {
    return absl::DataLossError("outbox entry has an unknown kind");
  }
  return static_cast<OutboxKind>(kind);
}

}  // namespace kindred::node
