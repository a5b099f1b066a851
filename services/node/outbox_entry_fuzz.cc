// Whatever bytes decode to an outbox entry or a dead letter write back to the same bytes.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "node/dead_letter.h"
#include "node/outbox_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto kind = kindred::node::StoredKind(bytes);
  const auto entry = kindred::node::DecodeOutboxEntry(bytes);
  const auto letter = kindred::node::DecodeDeadLetter(bytes);
  KINDRED_CHECK(!entry.ok() || !letter.ok());
  if (entry.ok()) {
    KINDRED_CHECK(kind.ok() && *kind == entry->kind);
    KINDRED_CHECK(kindred::node::EncodeOutboxEntry(*entry) == bytes);
  }
  if (letter.ok()) {
    KINDRED_CHECK(kind.ok() && *kind == kindred::node::OutboxKind::kDeadLetter);
    const auto again = kindred::node::DecodeDeadLetter(kindred::node::EncodeDeadLetter(*letter));
    KINDRED_CHECK(again.ok() && again->AllHeaders() == letter->AllHeaders());
  }
  return 0;
}
