// How profiles that were evicted come back.
#ifndef KINDRED_NODE_COLD_READER_H_
#define KINDRED_NODE_COLD_READER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"

namespace kindred::node {

// Reads profiles that were evicted; the store, or a test.
class ColdReader {
 public:
  virtual ~ColdReader() = default;
  // The stored profile of each customer, none where there is none. In the order of `ids`.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId partition, absl::Span<const absl::string_view> ids) const = 0;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_COLD_READER_H_
