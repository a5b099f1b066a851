#include "clean/fingerprint_table.h"

#include <algorithm>
#include <utility>

namespace kindred::clean {

FingerprintTable::FingerprintTable(uint64_t seed) : seed_(seed) { Clear(); }

void FingerprintTable::Clear() {
  live_.fill(false);
  segments_.clear();
  segments_.push_back(std::make_unique<Segment>());
  directory_.assign(1, segments_[0].get());
  global_depth_ = 0;
  purge_next_ = 0;
  bytes_ = sizeof(Segment);
  Resize(kMinGroups, segments_[0].get());
}

bool FingerprintTable::Insert(uint64_t fingerprint, uint8_t tag) {
  const uint64_t hash = HashOf(fingerprint);
  Segment* segment = directory_[DirectoryIndex(hash)];
  if (IsFull(*segment)) {
    MakeRoom(hash);
    segment = directory_[DirectoryIndex(hash)];
  }
  Group* free_group = nullptr;
  int free_slot = 0;
  const uint32_t home = HomeOf(hash, segment->group_count);
  uint32_t at = home;
  uint32_t free_at = home;
  // A free slot always comes, because the segment is not full; the fingerprint, if it is there,
  // comes before the first group that nothing passed.
  for (bool may_be_further = true; may_be_further || free_group == nullptr;) {
    Group& group = segment->groups[at];
    for (int i = 0; i < kSlots; ++i) {
      const uint8_t slot_tag = group.tags[i];
      if (live_[slot_tag]) {
        if (may_be_further && group.fingerprints[i] == fingerprint) return false;
      } else if (free_group == nullptr) {
        free_group = &group;
        free_slot = i;
        free_at = at;
      }
    }
    may_be_further = may_be_further && group.passed != 0;
    at = at + 1 == segment->group_count ? 0 : at + 1;
    if (at == home) may_be_further = false;
  }
  for (uint32_t passed = home; passed != free_at;
       passed = passed + 1 == segment->group_count ? 0 : passed + 1) {
    segment->groups[passed].passed = 1;
  }
  if (free_group->tags[free_slot] == 0) ++segment->used;
  free_group->tags[free_slot] = tag;
  free_group->fingerprints[free_slot] = fingerprint;
  return true;
}

void FingerprintTable::Place(uint64_t fingerprint, uint8_t tag, Segment* segment) {
  uint32_t at = HomeOf(HashOf(fingerprint), segment->group_count);
  while (true) {
    Group& group = segment->groups[at];
    for (int i = 0; i < kSlots; ++i) {
      if (group.tags[i] != 0) continue;
      group.tags[i] = tag;
      group.fingerprints[i] = fingerprint;
      ++segment->used;
      return;
    }
    group.passed = 1;
    at = at + 1 == segment->group_count ? 0 : at + 1;
  }
}

// Puts the live fingerprints into as many groups as told.
void FingerprintTable::Resize(uint32_t group_count, Segment* segment) {
  const std::unique_ptr<Group[]> old = std::move(segment->groups);
  const uint32_t old_count = std::exchange(segment->group_count, group_count);
  segment->groups = std::make_unique<Group[]>(group_count);
  segment->used = 0;
  bytes_ += (static_cast<size_t>(group_count) - old_count) * sizeof(Group);
  for (uint32_t g = 0; g < old_count; ++g) {
    for (int i = 0; i < kSlots; ++i) {
      if (live_[old[g].tags[i]]) Place(old[g].fingerprints[i], old[g].tags[i], segment);
    }
  }
}

// Frees dead slots and sets the marks anew; nothing moves.
void FingerprintTable::Purge(Segment* segment) {
  if (segment->purged_at == deaths_) return;
  segment->purged_at = deaths_;
  const uint32_t count = segment->group_count;
  segment->used = 0;
  for (uint32_t g = 0; g < count; ++g) segment->groups[g].passed = 0;
  for (uint32_t g = 0; g < count; ++g) {
    Group& group = segment->groups[g];
    for (int i = 0; i < kSlots; ++i) {
      if (!live_[group.tags[i]]) {
        group.tags[i] = 0;
        continue;
      }
      ++segment->used;
      for (uint32_t at = HomeOf(HashOf(group.fingerprints[i]), count); at != g;
           at = at + 1 == count ? 0 : at + 1) {
        segment->groups[at].passed = 1;
      }
    }
  }
}

void FingerprintTable::MakeRoom(uint64_t hash) {
  Segment* segment = directory_[DirectoryIndex(hash)];
  Purge(segment);
  const uint32_t slots = segment->group_count * kSlots;
  // Enough became free that the next purge is a while away.
  if (segment->used < slots / 4 * 3) return;
  if (segment->group_count < kMaxGroups || segment->depth >= kMaxDepth) {
    Resize(segment->group_count + std::max(kMinGroups, segment->group_count / 4), segment);
  } else {
    Split(hash);
  }
}

void FingerprintTable::Split(uint64_t hash) {
  Segment* low = directory_[DirectoryIndex(hash)];
  if (low->depth == global_depth_) {
    std::vector<Segment*> doubled;
    doubled.reserve(directory_.size() * 2);
    for (Segment* segment : directory_) doubled.insert(doubled.end(), 2, segment);
    bytes_ += (doubled.capacity() - directory_.capacity()) * sizeof(Segment*);
    directory_ = std::move(doubled);
    ++global_depth_;
  }
  segments_.push_back(std::make_unique<Segment>());
  Segment* high = segments_.back().get();
  bytes_ += sizeof(Segment) + sizeof(segments_[0]);
  const std::unique_ptr<Group[]> old = std::move(low->groups);
  const uint32_t old_count = std::exchange(low->group_count, 0);
  bytes_ -= old_count * sizeof(Group);
  const int depth = low->depth + 1;
  low->depth = depth;
  high->depth = depth;
  high->purged_at = low->purged_at;
  // Room for a fifth more than half of what there was.
  Resize(old_count * 5 / 8, low);
  Resize(old_count * 5 / 8, high);
  for (uint32_t g = 0; g < old_count; ++g) {
    for (int i = 0; i < kSlots; ++i) {
      if (!live_[old[g].tags[i]]) continue;
      const uint64_t fingerprint = old[g].fingerprints[i];
      Segment* half = (HashOf(fingerprint) >> (64 - depth)) & 1 ? high : low;
      if (half->used + kSlots >= half->group_count * kSlots) {
        Resize(half->group_count + kMinGroups, half);
      }
      Place(fingerprint, old[g].tags[i], half);
    }
  }
  // The directory entries that share the segment's bits lie together; the upper half is new.
  const size_t span = size_t{1} << (global_depth_ - depth + 1);
  const size_t first = DirectoryIndex(hash) / span * span;
  std::fill_n(directory_.begin() + static_cast<ptrdiff_t>(first + span / 2), span / 2, high);
}

void FingerprintTable::PurgeSome() {
  const size_t share = segments_.size() / kPurgeShare + 1;
  for (size_t i = 0; i < share; ++i) {
    if (purge_next_ >= segments_.size()) purge_next_ = 0;
    Segment* segment = segments_[purge_next_++].get();
    Purge(segment);
    const uint32_t fitting = std::max(kMinGroups, segment->used / kSlots * 3 / 2);
    if (segment->group_count > 2 * fitting) Resize(fitting, segment);
  }
}

}  // namespace kindred::clean
