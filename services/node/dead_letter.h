// A rejected record with everything needed to understand it, mend the rule and send it again.
#ifndef KINDRED_NODE_DEAD_LETTER_H_
#define KINDRED_NODE_DEAD_LETTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "stream/record.h"

namespace kindred::node {

// In the dead-letter topic the original key, value and headers stand as they were; what follows is
// added as headers: kindred-dead-letter-id, -reason, -stage, -detail, -topic, -partition, -offset,
// -timestamp-ms. A reader that sees an id twice drops the second.
struct DeadLetter {
  std::string topic;  // of the rejected record
  PartitionId partition;
  Offset offset;
  int64_t timestamp_ms = 0;
  std::string reason;  // "malformed", "missing_customer" …
  std::string stage;   // "decode" or "clean"
  std::string detail;  // which field, what was found and what was expected
  uint32_t line = 0;   // which of the events of the record
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;

  // "topic/partition/offset/line": the same whenever the same record is rejected again.
  std::string Id() const;
  // The headers of the dead letter, original ones first.
  std::vector<std::pair<std::string, std::string>> AllHeaders() const;
};

// The prefix of the names of added headers.
inline constexpr absl::string_view kDeadLetterHeaderPrefix = "kindred-dead-letter-";

DeadLetter MakeDeadLetter(const stream::RawRecord& record, absl::string_view stage,
                          absl::string_view reason, absl::string_view detail, uint32_t line);

// As outbox entry. Versioned; decoding DataLoss for bytes that EncodeDeadLetter cannot have made.
std::string EncodeDeadLetter(const DeadLetter& letter);
absl::StatusOr<DeadLetter> DecodeDeadLetter(absl::string_view bytes);

}  // namespace kindred::node

#endif  // KINDRED_NODE_DEAD_LETTER_H_
