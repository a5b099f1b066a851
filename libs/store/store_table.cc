#include "store/store_table.h"

#include "base/bytes.h"

namespace kindred::store {

std::string EncodeOffset(Offset offset) {
  std::string bytes;
  base::ByteWriter(&bytes).U64(static_cast<uint64_t>(offset.value()));
  return bytes;
}

absl::StatusOr<Offset> DecodeOffset(absl::string_view bytes) {
  base::ByteReader reader(bytes);
  const Offset offset(static_cast<int64_t>(reader.U64()));
  if (!reader.Done() || offset < Offset(0)) {
    return absl::DataLossError("stored next offset is damaged");
  }
  return offset;
}

}  // namespace kindred::store
