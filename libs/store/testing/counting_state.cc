#include "store/testing/counting_state.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kindred::store {
namespace {

constexpr int64_t kKeys = 97;          // each step writes one of them in every table
constexpr int64_t kOutboxLength = 10;  // entries not yet acknowledged
constexpr Table kTables[] = {Table::kQuality, Table::kProfile, Table::kItemRow, Table::kDedup};

// 200 bytes that do not compress away.
std::string Value(Table table, int64_t step) {
  std::string value = absl::StrCat(TableName(table), "/", step, "/");
  uint64_t state = static_cast<uint64_t>(step) * 0x9e3779b97f4a7c15u + static_cast<uint64_t>(table);
  while (value.size() < 200) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value.push_back(static_cast<char>(state >> 56));
  }
  return value;
}

absl::Status Wrong(absl::string_view what, int64_t next) {
  return absl::InternalError(absl::StrCat("wrong ", what, " at next offset ", next));
}

}  // namespace

Checkpoint CountingStep(const Store& store, int64_t step) {
  Checkpoint checkpoint = store.NewCheckpoint(kCountingPartition);
  for (const Table table : kTables) {
    checkpoint.Put(table, absl::StrCat("k", step % kKeys), Value(table, step));
  }
  checkpoint.PutOutbox(static_cast<uint64_t>(step), Value(Table::kOutbox, step));
  if (step > kOutboxLength) checkpoint.DeleteOutbox(static_cast<uint64_t>(step - kOutboxLength));
  checkpoint.SetNextOffset(Offset(step));
  return checkpoint;
}

absl::Status WriteCountingSteps(Store* store, int64_t last) {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<Offset> next, store->NextOffset(kCountingPartition));
  for (int64_t step = next.value_or(Offset(0)).value() + 1; step <= last; ++step) {
    KINDRED_RETURN_IF_ERROR(store->Write(CountingStep(*store, step)));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CheckCountingState(const Store& store) {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<Offset> offset,
                           store.NextOffset(kCountingPartition));
  const int64_t next = offset.value_or(Offset(0)).value();
  for (const Table table : kTables) {
    std::map<std::string, std::string> expected;
    for (int64_t step = std::max<int64_t>(1, next - kKeys + 1); step <= next; ++step) {
      expected[absl::StrCat("k", step % kKeys)] = Value(table, step);
    }
    std::map<std::string, std::string> stored;
    KINDRED_RETURN_IF_ERROR(store.ForEach(table, kCountingPartition,
                                          [&](absl::string_view id, absl::string_view value) {
                                            stored.emplace(id, value);
                                            return absl::OkStatus();
                                          }));
    if (stored != expected) return Wrong(TableName(table), next);
    for (const auto& [id, value] : expected) {
      KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                               store.Get(table, kCountingPartition, id));
      if (found != value) return Wrong(absl::StrCat(TableName(table), " ", id), next);
    }
  }
  int64_t expected_sequence = std::max<int64_t>(0, next - kOutboxLength);
  KINDRED_RETURN_IF_ERROR(store.ForEachOutbox(
      kCountingPartition, 0, SIZE_MAX, [&](uint64_t sequence, absl::string_view value) {
        const bool right = static_cast<int64_t>(sequence) == ++expected_sequence &&
                           value == Value(Table::kOutbox, expected_sequence);
        return right ? absl::OkStatus() : Wrong("outbox", next);
      }));
  if (expected_sequence != next) return Wrong("end of the outbox", next);
  return next;
}

}  // namespace kindred::store
