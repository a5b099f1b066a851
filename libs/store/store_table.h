// The records the store keeps for itself, in Table::kStore.
#ifndef KINDRED_STORE_STORE_TABLE_H_
#define KINDRED_STORE_STORE_TABLE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"

namespace kindred::store {

inline constexpr absl::string_view kIdentityId = "identity";       // node → Identity
inline constexpr absl::string_view kNextOffsetId = "next_offset";  // partition → EncodeOffset
inline constexpr absl::string_view kDeletingId = "deleting";       // partition → empty

// 8 bytes, little-endian.
std::string EncodeOffset(Offset offset);
// DataLoss unless there are 8 bytes that are not negative.
absl::StatusOr<Offset> DecodeOffset(absl::string_view bytes);

}  // namespace kindred::store

#endif  // KINDRED_STORE_STORE_TABLE_H_
