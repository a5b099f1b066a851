// Whatever bytes are read back from the store: refused or usable, never a crash.
// Input: a byte that tells the kind, then the bytes.
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "node/breaker.h"
#include "node/dead_letter.h"
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

}  // namespace
}  // namespace kindred::node

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      kindred::node::FuzzBreaker(bytes);
      break;
    case 1:
      kindred::node::FuzzAttempt(bytes);
      break;
    default:
      kindred::node::FuzzDeadLetter(bytes);
  }
  return 0;
}
