// Whatever bytes are read back from the store: refused or usable, never a crash.
// Input: a byte that tells the kind, then the bytes.
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/check.h"
#include "node/breaker.h"
#include "node/dead_letter.h"
#include "node/partition_audiences.h"
#include "node/suspects.h"

namespace kindred::node {
namespace {

void FuzzBreaker(absl::string_view bytes) {
  Breaker breaker({100, 0.9});
  if (!breaker.Restore(bytes).ok()) return;
  KINDRED_CHECK(breaker.rejected() <= breaker.records());
  // Nothing is counted once it has tripped.
  for (int i = 0; i < 200 && !breaker.tripped(); ++i) breaker.Count(true);
  KINDRED_CHECK(breaker.tripped());
  Breaker again({100, 0.9});
  KINDRED_CHECK(again.Restore(breaker.Encode()).ok());
}

void FuzzAttempt(absl::string_view bytes) {
  const absl::StatusOr<Attempt> attempt = Attempt::Decode(bytes);
  if (!attempt.ok()) return;
  const absl::StatusOr<Attempt> again = Attempt::Decode(attempt->Encode());
  KINDRED_CHECK(again.ok() && *again == *attempt);
}

void FuzzDeadLetter(absl::string_view bytes) {
  const absl::StatusOr<DeadLetter> letter = DecodeDeadLetter(bytes);
  if (!letter.ok()) return;
  const absl::StatusOr<DeadLetter> again = DecodeDeadLetter(EncodeDeadLetter(*letter));
  KINDRED_CHECK(again.ok() && again->Id() == letter->Id());
  KINDRED_CHECK(letter->AllHeaders().size() >= 8);
}

// Names, then ids and rows.
void FuzzAudiences(absl::string_view bytes) {
  base::ByteReader in(bytes);
  PartitionAudiences audiences;
  if (!audiences.RestoreNames(in.Bytes()).ok()) return;
  uint64_t rows = 0;
  while (in.remaining() > 0) {
    const absl::string_view id = in.Bytes();
    const absl::string_view row = in.Bytes();
    if (!in.ok()) return;
    if (!audiences.RestoreRow(id, row).ok()) return;
    ++rows;
  }
  KINDRED_CHECK(!audiences.pending());
  for (const PartitionAudiences::Size& size : audiences.Sizes()) {
    KINDRED_CHECK(!size.name.empty() && size.members <= rows);
  }
  // Who leaves everything is no member any more.
  const uint64_t hash = profile::CustomerMap::Hash("u-1");
  audiences.Remove("u-1", hash, 1);
  for (int slot = 0; slot < 64; ++slot) KINDRED_CHECK(!audiences.Contains(hash, slot));
}

}  // namespace
}  // namespace kindred::node

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      kindred::node::FuzzBreaker(bytes);
      break;
    case 1:
      kindred::node::FuzzAttempt(bytes);
      break;
    case 2:
      kindred::node::FuzzDeadLetter(bytes);
      break;
    default:
      kindred::node::FuzzAudiences(bytes);
  }
  return 0;
}
