// Fingerprints with the tag of their bucket, for DuplicateWindow.
#ifndef KINDRED_CLEAN_FINGERPRINT_TABLE_H_
#define KINDRED_CLEAN_FINGERPRINT_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace kindred::clean {

// An extendible hash table of segments. A segment is a run of groups; a group is one cache line of
// seven fingerprints, their tags, and a mark that tells whether anything whose home is here or
// before went further on. A lookup reads its home group and goes on only past such marks.
//
// Tags are 1 to 255; a slot whose tag is not live is free. Nothing is moved or cleared when a tag
// dies: a segment that is full purges its dead first, and grows or splits only if that does not
// help. PurgeSome() sees to it that a tag is gone everywhere before it is given out again.
class FingerprintTable {
 public:
  explicit FingerprintTable(uint64_t seed);
  FingerprintTable(const FingerprintTable&) = delete;
  FingerprintTable& operator=(const FingerprintTable&) = delete;

  void Prefetch(uint64_t fingerprint) const {
    const uint64_t hash = HashOf(fingerprint);
    const Segment& segment = *directory_[DirectoryIndex(hash)];
    const Group* group = &segment.groups[HomeOf(hash, segment.group_count)];
    __builtin_prefetch(group);
    // Else g++ 12 takes this function for one without effect, and drops it.
    asm volatile("" : : "r"(group));
  }
  // False if it is there under a live tag.
  bool Insert(uint64_t fingerprint, uint8_t tag);

  void SetLive(uint8_t tag, bool live) {
    live_[tag] = live;
    if (!live) ++deaths_;
  }
  // Frees the dead slots of 1/kPurgeShare of the segments, another part each time.
  void PurgeSome();
  static constexpr int kPurgeShare = 64;
  // Forgets everything; no tag is live.
  void Clear();

  size_t memory_bytes() const { return bytes_; }

 private:
  static constexpr int kSlots = 7;
  struct alignas(64) Group {
    std::array<uint64_t, kSlots> fingerprints;
    std::array<uint8_t, kSlots> tags;  // 0: free
    uint8_t passed;                    // something went past here
  };
  static_assert(sizeof(Group) == 64);
  static constexpr uint32_t kMinGroups = 8;
  static constexpr uint32_t kMaxGroups = 512;
  static constexpr int kMaxDepth = 24;

  struct Segment {
    std::unique_ptr<Group[]> groups;
    uint32_t group_count = 0;
    uint32_t used = 0;       // slots with a tag, live or dead
    uint64_t purged_at = 0;  // deaths_ when nothing in it was dead
    int depth = 0;           // leading bits of the hash that all its fingerprints share
  };

  uint64_t HashOf(uint64_t fingerprint) const {
    const uint64_t product = (fingerprint ^ seed_) * 0x9FB21C651E98DF25;
    return (product ^ (product >> 32)) * 0xD6E8FEB86659FD93;
  }
  size_t DirectoryIndex(uint64_t hash) const {
    return global_depth_ == 0 ? 0 : hash >> (64 - global_depth_);
  }
  // From the low bits, which do not decide the segment.
  static uint32_t HomeOf(uint64_t hash, uint32_t group_count) {
    return static_cast<uint32_t>(((hash & 0xFFFFFFFF) * group_count) >> 32);
  }
  static bool IsFull(const Segment& segment) {
    return segment.used >= segment.group_count * kSlots / 8 * 7;
  }

  void Resize(uint32_t group_count, Segment* segment);
  void Purge(Segment* segment);
  void MakeRoom(uint64_t hash);
  void Split(uint64_t hash);
  // Into a segment in which it is not and that has room.
  void Place(uint64_t fingerprint, uint8_t tag, Segment* segment);

  const uint64_t seed_;
  std::array<bool, 256> live_{};
  uint64_t deaths_ = 0;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<Segment*> directory_;  // 2^global_depth_, by the leading bits of the hash
  int global_depth_ = 0;
  size_t purge_next_ = 0;
  size_t bytes_ = 0;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_FINGERPRINT_TABLE_H_
