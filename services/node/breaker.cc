#include "node/breaker.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 1;

uint32_t LimitOf(const BreakerOptions& options) {
  if (!(options.share > 0)) return UINT32_MAX;
  const double limit = std::ceil(std::min(options.share, 1.0) * options.window_records);
  return std::max(1u, static_cast<uint32_t>(limit));
}

}  // namespace

Breaker::Breaker(const BreakerOptions& options) : options_(options), limit_(LimitOf(options)) {}

std::string Breaker::Encode() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Varint(records_);
  writer.Varint(rejected_);
  return out;
}

absl::Status Breaker::Restore(absl::string_view bytes) {
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return absl::DataLossError("breaker of an unknown version");
  const uint64_t records = in.Varint();
  const uint64_t rejected = in.Varint();
  if (!in.Done() || rejected > records || records > UINT32_MAX) {
    return absl::DataLossError("stored breaker is damaged");
  }
  records_ = static_cast<uint32_t>(records);
  rejected_ = static_cast<uint32_t>(rejected);
  return absl::OkStatus();
}

}  // namespace kindred::node
