// Reads evicted profiles back from the store.
#ifndef KINDRED_NODE_STORE_COLD_READER_H_
#define KINDRED_NODE_STORE_COLD_READER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "node/cold_reader.h"
#include "store/store.h"

namespace kindred::node {

// Threads: any. `store` must outlive it.
class StoreColdReader final : public ColdReader {
 public:
  explicit StoreColdReader(const store::Store* store) : store_(*store) {}
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId partition, absl::Span<const absl::string_view> ids) const override {
    return store_.MultiGet(store::Table::kProfile, partition, ids);
  }

 private:
  const store::Store& store_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_STORE_COLD_READER_H_
