#include "base/bytes.h"

namespace kindred::base {

uint64_t ByteReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in_.empty()) break;
    const uint8_t byte = static_cast<uint8_t>(in_.front());
    in_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  Fail();
  return 0;
}

absl::string_view ByteReader::Bytes() { return Raw(Varint()); }

absl::string_view ByteReader::Raw(size_t size) {
  if (!ok_ || in_.size() < size) {
    Fail();
    return {};
  }
  const absl::string_view bytes = in_.substr(0, size);
  in_.remove_prefix(size);
  return bytes;
}

size_t ByteReader::Count(size_t bytes_each) {
  const uint64_t count = Varint();
  if (!ok_ || count > in_.size() / bytes_each) {
    Fail();
    return 0;
  }
  return count;
}

}  // namespace kindred::base
