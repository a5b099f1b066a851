#include "node/group_cache.h"

#include <algorithm>
#include <utility>

namespace kindred::node {

bool GroupSnapshot::Holds(const SharedState& shared, const PartitionSet& partitions) const {
  return std::all_of(asked.begin(), asked.end(),
                     [&](const Asked& id) { return shared.strays.Find(id.hash) == id.strays; }) &&
         std::all_of(looked.begin(), looked.end(), [&](const Looked& at) {
           if (partitions.Answers(at.partition) != at.answers) return false;
           return !at.answers || partitions.slot(at.partition).state->Unchanged(at.seen);
         });
}

size_t GroupSnapshot::memory_bytes() const {
  // Texts are rounded up: most ids are short, and few have longer ones.
  constexpr size_t kText = 32;
  size_t bytes = sizeof(*this) + sum.memory_bytes();
  bytes += group.members.capacity() * (sizeof(profile::GroupMember) + kText);
  bytes += group.links.capacity() * (sizeof(profile::GroupLink) + 4 * kText);
  bytes += unavailable_ids.capacity() * (sizeof(std::string) + kText);
  bytes += asked.capacity() * sizeof(Asked);
  for (const Looked& at : looked) {
    bytes += sizeof(Looked) + at.seen.capacity() * (sizeof(PartVersion) + kText);
  }
  return bytes;
}

void GroupCache::Shard::Drop(std::list<Entry>::iterator entry) {
  bytes -= entry->bytes;
  by_id.erase(entry->id);
  entries.erase(entry);
}

std::shared_ptr<const GroupSnapshot> GroupCache::Find(absl::string_view id, uint64_t hash) {
  Shard& shard = ShardOf(hash);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.by_id.find(id);
  if (it == shard.by_id.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, it->second);
  return it->second->snapshot;
}

void GroupCache::Put(absl::string_view id, uint64_t hash,
                     std::shared_ptr<const GroupSnapshot> snapshot) {
  Entry entry{std::string(id), std::move(snapshot)};
  entry.bytes = sizeof(Entry) + id.size() + entry.snapshot->memory_bytes();
  const bool keep = entry.snapshot->complete && entry.bytes <= max_shard_bytes_;
  Shard& shard = ShardOf(hash);
  absl::MutexLock lock(&shard.mutex);
  if (const auto it = shard.by_id.find(id); it != shard.by_id.end()) shard.Drop(it->second);
  if (!keep) return;
  shard.bytes += entry.bytes;
  shard.entries.push_front(std::move(entry));
  shard.by_id.emplace(shard.entries.front().id, shard.entries.begin());
  while (shard.bytes > max_shard_bytes_) shard.Drop(std::prev(shard.entries.end()));
}

size_t GroupCache::memory_bytes() const {
  size_t bytes = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace kindred::node
