#include "node/partition_audiences.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "event/json_writer.h"
#include "profile/customer_map.h"

namespace kindred::node {
namespace {

constexpr absl::string_view kNamesKey = "audiences";
constexpr uint8_t kVersion = 1;

std::string TimeText(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

OutboxEntry EntryOf(absl::string_view customer_id, absl::string_view audience, bool entered,
                    int64_t as_of_ms, PartitionId partition, uint64_t sequence) {
  OutboxEntry entry;
  entry.kind = OutboxKind::kAudienceChange;
  entry.id = absl::StrCat("audience/", partition.value(), "/", sequence, "/", as_of_ms);
  entry.key = std::string(customer_id);
  std::string& json = entry.value;
  json = "{\"audience\":";
  event::AppendJsonString(audience, &json);
  absl::StrAppend(&json, ",\"customer_id\":");
  event::AppendJsonString(customer_id, &json);
  absl::StrAppend(&json, ",\"change\":\"", entered ? "entered" : "left", "\",\"as_of_time\":\"",
                  TimeText(as_of_ms), "\",\"sequence\":", sequence, "}");
  return entry;
}

}  // namespace

std::vector<int> PartitionAudiences::Adopt(absl::Span<const std::string> names) {
  absl::MutexLock lock(&mutex_);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    const bool defined = std::find(names.begin(), names.end(), names_[slot]) != names.end();
    if (names_[slot].empty() || defined || sizes_[slot].members > 0) continue;
    // Members that are decided away but not told yet still need the name.
    const bool told = std::any_of(changes_.begin(), changes_.end(), [&](const Change& change) {
      mutex_.AssertHeld();
      const auto it = members_.find(change.hash);
      return it != members_.end() && (it->second.told >> slot & 1) != 0;
    });
    if (told) continue;
    names_[slot].clear();
    sizes_[slot] = Size();
    names_changed_ = true;
  }
  std::vector<int> slots;
  for (const std::string& name : names) {
    auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      found = std::find(names_.begin(), names_.end(), "");
      if (found == names_.end()) {
        slots.push_back(-1);
        continue;
      }
      *found = name;
      sizes_[static_cast<size_t>(found - names_.begin())].name = name;
      names_changed_ = true;
    }
    slots.push_back(static_cast<int>(found - names_.begin()));
  }
  return slots;
}

void PartitionAudiences::Set(absl::string_view customer_id, uint64_t hash, uint64_t slots,
                             int64_t as_of_ms) {
  const auto it = members_.find(hash);
  const Member before = it == members_.end() ? Member() : it->second;
  if (before.decided == slots) return;
  for (uint64_t changed = before.decided ^ slots; changed != 0; changed &= changed - 1) {
    Size& size = sizes_[static_cast<size_t>(std::countr_zero(changed))];
    const bool entered = (slots & changed & -changed) != 0;
    size.members += entered ? 1 : -1;
    ++(entered ? size.entered : size.left);
  }
  members_[hash] = Member{before.told, slots};
  // One that waits already is told as it is then.
  if (before.told == before.decided) changes_.push_back({std::string(customer_id), hash, as_of_ms});
}

void PartitionAudiences::Decide(absl::string_view customer_id, uint64_t hash, uint64_t slots,
                                int64_t as_of_ms) {
  absl::MutexLock lock(&mutex_);
  Set(customer_id, hash, slots, as_of_ms);
}

void PartitionAudiences::Remove(absl::string_view customer_id, uint64_t hash, int64_t as_of_ms) {
  absl::MutexLock lock(&mutex_);
  if (members_.contains(hash)) Set(customer_id, hash, 0, as_of_ms);
}

int PartitionAudiences::SlotOf(absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() || name.empty() ? -1 : static_cast<int>(found - names_.begin());
}

bool PartitionAudiences::Contains(uint64_t hash, int slot) const {
  absl::MutexLock lock(&mutex_);
  const auto it = members_.find(hash);
  return slot >= 0 && it != members_.end() && (it->second.decided >> slot & 1) != 0;
}

std::vector<PartitionAudiences::Size> PartitionAudiences::Sizes() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Size> sizes;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (!names_[slot].empty()) sizes.push_back(sizes_[slot]);
  }
  return sizes;
}

bool PartitionAudiences::pending() const {
  absl::MutexLock lock(&mutex_);
  return !changes_.empty() || names_changed_;
}

size_t PartitionAudiences::waiting() const {
  absl::MutexLock lock(&mutex_);
  return changes_.size();
}

void PartitionAudiences::Tell(size_t limit, store::Checkpoint* checkpoint,
                              absl::FunctionRef<uint64_t()> next_sequence,
                              absl::FunctionRef<void(const OutboxEntry&)> post,
                              PartitionId partition) {
  absl::MutexLock lock(&mutex_);
  if (names_changed_) checkpoint->Put(store::Table::kMeta, kNamesKey, EncodeNames());
  names_changed_ = false;
  for (size_t told = 0; told < limit && !changes_.empty(); ++told) {
    const Change change = std::move(changes_.front());
    changes_.pop_front();
    Member& member = members_[change.hash];
    for (uint64_t bits = member.told ^ member.decided; bits != 0; bits &= bits - 1) {
      const auto slot = static_cast<size_t>(std::countr_zero(bits));
      const bool entered = (member.decided >> slot & 1) != 0;
      post(EntryOf(change.id, names_[slot], entered, change.as_of_ms, partition, next_sequence()));
    }
    member.told = member.decided;
    if (member.told == 0) {
      members_.erase(change.hash);
      checkpoint->Delete(store::Table::kAudience, change.id);
      continue;
    }
    std::string row;
    base::ByteWriter writer(&row);
    writer.U8(kVersion);
    writer.Varint(member.told);
    checkpoint->Put(store::Table::kAudience, change.id, row);
  }
}

std::string PartitionAudiences::EncodeNames() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  for (const std::string& name : names_) writer.Bytes(name);
  return out;
}

absl::Status PartitionAudiences::RestoreNames(absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return absl::DataLossError("audiences of an unknown version");
  for (size_t slot = 0; slot < kSlots; ++slot) {
    names_[slot] = std::string(in.Bytes());
    sizes_[slot].name = names_[slot];
  }
  return in.Done() ? absl::OkStatus() : absl::DataLossError("names of audiences are damaged");
}

absl::Status PartitionAudiences::RestoreRow(absl::string_view customer_id, absl::string_view row) {
  absl::MutexLock lock(&mutex_);
  base::ByteReader in(row);
  const uint8_t version = in.U8();
  const uint64_t told = in.Varint();
  if (version != kVersion || !in.Done() || told == 0) {
    return absl::DataLossError("membership of audiences is damaged");
  }
  for (uint64_t bits = told; bits != 0; bits &= bits - 1) {
    if (names_[static_cast<size_t>(std::countr_zero(bits))].empty()) {
      return absl::DataLossError("member of an audience unnamed");
    }
  }
  Member& member = members_[profile::CustomerMap::Hash(customer_id)];
  for (uint64_t bits = told & ~member.told; bits != 0; bits &= bits - 1) {
    ++sizes_[static_cast<size_t>(std::countr_zero(bits))].members;
  }
  member.told |= told;
  member.decided = member.told;
  return absl::OkStatus();
}

absl::Status PartitionAudiences::Restore(
    const store::Store& store, PartitionId partition,
    absl::FunctionRef<bool(absl::string_view id, uint64_t hash)> known, int64_t as_of_ms) {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> names,
                           store.Get(store::Table::kMeta, partition, kNamesKey));
  if (names.has_value()) KINDRED_RETURN_IF_ERROR(RestoreNames(*names));
  return store.ForEach(store::Table::kAudience, partition,
                       [&](absl::string_view id, absl::string_view row) -> absl::Status {
                         KINDRED_RETURN_IF_ERROR(RestoreRow(id, row));
                         const uint64_t hash = profile::CustomerMap::Hash(id);
                         if (!known(id, hash)) Remove(id, hash, as_of_ms);
                         return absl::OkStatus();
                       });
}

}  // namespace kindred::node
