#include "clean/duplicates.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "clean/fingerprint_table.h"

namespace kindred::clean {
namespace {

constexpr uint8_t kVersion = 1;
// A table between 3/5 and 7/8 full; measured in duplicates_bench.
constexpr size_t kBytesPerFingerprint = 14;
constexpr uint64_t kMinCapacity = 1024;
// A bucket is also closed when it holds this share of what fits, so that the memory bound drops
// little at once.
constexpr uint64_t kShare = 16;
constexpr int kMaxBuckets = 64;
// What time and size together can open, unless time goes to and fro. Fewer than tags by far, so
// that the dead are gone before their tag comes again (fingerprint_table.h).
constexpr uint64_t kMaxLiveBuckets = kMaxBuckets + kShare + 4;
constexpr uint64_t kMaxIdDistance = 200;
constexpr int64_t kMaxTimeMs = int64_t{1} << 48;
constexpr uint64_t kMaxBucketId = uint64_t{1} << 48;
constexpr size_t kKeyBytes = 12;

uint8_t TagOf(uint64_t bucket_id) { return static_cast<uint8_t>(1 + bucket_id % 255); }

void AppendBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ReadBigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// Bucket 0 is the head.
std::string KeyOf(uint64_t bucket_id, uint64_t chunk) {
  std::string key;
  AppendBigEndian(bucket_id, 8, &key);
  AppendBigEndian(chunk, 4, &key);
  return key;
}

std::string EncodeChunk(const std::vector<uint64_t>& fingerprints) {
  std::string out;
  out.reserve(1 + fingerprints.size() * sizeof(uint64_t));
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  for (const uint64_t fingerprint : fingerprints) writer.U64(fingerprint);
  return out;
}

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("stored duplicate window: ", what));
}

}  // namespace

DuplicateWindow::DuplicateWindow(const DuplicateOptions& options)
    : options_(options),
      capacity_(std::max<uint64_t>(kMinCapacity, options.memory_bytes / kBytesPerFingerprint)),
      table_(std::make_unique<FingerprintTable>(options.seed)) {
  KINDRED_CHECK(options_.buckets >= 1 && options_.buckets <= kMaxBuckets);
  KINDRED_CHECK(options_.window_ms >= options_.buckets);
}

DuplicateWindow::~DuplicateWindow() = default;
DuplicateWindow::DuplicateWindow(DuplicateWindow&&) noexcept = default;
DuplicateWindow& DuplicateWindow::operator=(DuplicateWindow&&) noexcept = default;

void DuplicateWindow::Prefetch(uint64_t fingerprint) const { table_->Prefetch(fingerprint); }

bool DuplicateWindow::Insert(uint64_t fingerprint, int64_t arrival_ms) {
  Advance(std::clamp<int64_t>(arrival_ms, 0, kMaxTimeMs));
  if (!table_->Insert(fingerprint, TagOf(buckets_.back().id))) return false;
  Bucket& bucket = buckets_.back();
  ++live_;
  ++bucket.count;
  bucket.newest_ms = now_ms_;
  Append(fingerprint);
  if (bucket.count >= capacity_ / kShare) OpenBucket();
  if (live_ > capacity_) KeepWithinCapacity();
  return true;
}

void DuplicateWindow::Advance(int64_t arrival_ms) {
  if (buckets_.empty()) {
    now_ms_ = arrival_ms;
    OpenBucket();
    return;
  }
  const int64_t ahead_ms = arrival_ms - now_ms_;
  if (ahead_ms >= -options_.window_ms && ahead_ms <= options_.window_ms) {
    if (jumps_ != 0) head_dirty_ = true;
    jumps_ = 0;
    if (ahead_ms > 0) MoveForward(arrival_ms);
    return;
  }
  head_dirty_ = true;
  jumps_ = ahead_ms > 0 ? std::max(jumps_, 0) + 1 : std::min(jumps_, 0) - 1;
  if (std::abs(jumps_) < static_cast<int32_t>(kJumpConfirmations)) return;
  jumps_ = 0;
  if (ahead_ms > 0) {
    MoveForward(arrival_ms);
  } else {
    MoveBack(arrival_ms);
  }
}

void DuplicateWindow::MoveForward(int64_t arrival_ms) {
  now_ms_ = arrival_ms;
  head_dirty_ = true;
  Bucket& last = buckets_.back();
  if (last.count == 0) {
    last.start_ms = now_ms_;
    last.newest_ms = now_ms_;
  } else if (now_ms_ - last.start_ms >= options_.window_ms / options_.buckets) {
    OpenBucket();
  }
  while (buckets_.size() > 1 && buckets_.front().newest_ms + options_.window_ms < now_ms_) {
    DropOldest();
  }
}

// What was believed to have arrived later arrived now.
void DuplicateWindow::MoveBack(int64_t arrival_ms) {
  now_ms_ = arrival_ms;
  head_dirty_ = true;
  complete_since_ms_ = std::min(complete_since_ms_, now_ms_);
  for (Bucket& bucket : buckets_) {
    bucket.start_ms = std::min(bucket.start_ms, now_ms_);
    bucket.newest_ms = std::min(bucket.newest_ms, now_ms_);
  }
}

void DuplicateWindow::OpenBucket() {
  FlushTail();
  tail_.clear();
  const uint64_t id = next_bucket_id_++;
  while (buckets_.size() >= kMaxLiveBuckets) DropUnexpired();
  buckets_.push_back({id, now_ms_, now_ms_, 0});
  table_->PurgeSome();
  table_->SetLive(TagOf(id), true);
  head_dirty_ = true;
}

void DuplicateWindow::DropOldest() {
  const Bucket bucket = buckets_.front();
  buckets_.pop_front();
  table_->SetLive(TagOf(bucket.id), false);
  live_ -= bucket.count;
  head_dirty_ = true;
  const uint64_t id = bucket.id;
  std::erase_if(changes_.puts, [id](const StoredRow& row) {
    return ReadBigEndian(absl::string_view(row.key).substr(0, 8)) == id;
  });
  for (uint64_t chunk = 0; chunk * kChunkSize < bucket.count; ++chunk) {
    changes_.deletes.push_back(KeyOf(id, chunk));
  }
}

void DuplicateWindow::DropUnexpired() {
  complete_since_ms_ = std::max(complete_since_ms_, buckets_.front().newest_ms);
  DropOldest();
}

void DuplicateWindow::KeepWithinCapacity() {
  while (live_ > capacity_ && buckets_.size() > 1) DropUnexpired();
}

void DuplicateWindow::Append(uint64_t fingerprint) {
  tail_.push_back(fingerprint);
  tail_dirty_ = true;
  head_dirty_ = true;
  if (tail_.size() < kChunkSize) return;
  FlushTail();
  tail_.clear();
}

void DuplicateWindow::FlushTail() {
  if (!tail_dirty_ || tail_.empty()) return;
  const Bucket& bucket = buckets_.back();
  changes_.puts.push_back({KeyOf(bucket.id, (bucket.count - 1) / kChunkSize), EncodeChunk(tail_)});
  tail_dirty_ = false;
}

int64_t DuplicateWindow::window_in_force_ms() const {
  if (complete_since_ms_ == 0) return options_.window_ms;
  return std::min(options_.window_ms, now_ms_ - complete_since_ms_);
}

size_t DuplicateWindow::memory_bytes() const {
  constexpr size_t kRowBytes = kChunkSize * sizeof(uint64_t) + sizeof(StoredRow);
  return sizeof(*this) + table_->memory_bytes() + tail_.capacity() * sizeof(uint64_t) +
         changes_.puts.size() * kRowBytes + changes_.deletes.size() * sizeof(std::string);
}

RowChanges DuplicateWindow::TakeChanges() {
  FlushTail();
  if (head_dirty_) changes_.puts.push_back({KeyOf(0, 0), EncodeHead()});
  head_dirty_ = false;
  return std::exchange(changes_, RowChanges());
}

std::string DuplicateWindow::EncodeHead() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Varint(static_cast<uint64_t>(now_ms_));
  writer.Varint(static_cast<uint64_t>(complete_since_ms_));
  writer.Signed(jumps_);
  writer.Varint(next_bucket_id_);
  writer.Varint(buckets_.size());
  for (const Bucket& bucket : buckets_) {
    writer.Varint(bucket.id);
    writer.Varint(static_cast<uint64_t>(bucket.start_ms));
    writer.Varint(static_cast<uint64_t>(bucket.newest_ms));
    writer.Varint(bucket.count);
  }
  return out;
}

absl::Status DuplicateWindow::RestoreRow(absl::string_view key, absl::string_view value) {
  if (key.size() != kKeyBytes) return Corrupt("a key of the wrong length");
  const uint64_t bucket_id = ReadBigEndian(key.substr(0, 8));
  const auto chunk = static_cast<uint32_t>(ReadBigEndian(key.substr(8)));
  if (bucket_id == 0 && chunk == 0) return RestoreHead(value);
  return RestoreChunk(bucket_id, chunk, value);
}

absl::Status DuplicateWindow::RestoreHead(absl::string_view value) {
  if (!buckets_.empty()) return Corrupt("a second head");
  base::ByteReader reader(value);
  if (reader.U8() != kVersion) return Corrupt("an unknown version");
  const uint64_t now_ms = reader.Varint();
  const uint64_t complete_since_ms = reader.Varint();
  const int64_t jumps = reader.Signed();
  const uint64_t next_bucket_id = reader.Varint();
  const uint64_t bucket_count = reader.Varint();
  bool valid = reader.ok() && now_ms <= kMaxTimeMs && next_bucket_id <= kMaxBucketId &&
               complete_since_ms <= now_ms && jumps > -int64_t{kJumpConfirmations} &&
               jumps < int64_t{kJumpConfirmations} && bucket_count >= 1 &&
               bucket_count <= kMaxLiveBuckets;
  std::deque<Bucket> buckets;
  uint64_t live = 0;
  for (uint64_t i = 0; valid && i < bucket_count; ++i) {
    const uint64_t id = reader.Varint();
    const uint64_t start_ms = reader.Varint();
    const uint64_t newest_ms = reader.Varint();
    const uint64_t count = reader.Varint();
    valid = reader.ok() && id > 0 && id < next_bucket_id && next_bucket_id - id <= kMaxIdDistance &&
            (buckets.empty() || id > buckets.back().id) && start_ms <= newest_ms &&
            newest_ms <= now_ms && count <= uint64_t{1} << 40;
    buckets.push_back({id, static_cast<int64_t>(start_ms), static_cast<int64_t>(newest_ms), count});
    live += count;
  }
  if (!valid || !reader.Done()) return Corrupt("a malformed head");
  now_ms_ = static_cast<int64_t>(now_ms);
  complete_since_ms_ = static_cast<int64_t>(complete_since_ms);
  jumps_ = static_cast<int32_t>(jumps);
  next_bucket_id_ = next_bucket_id;
  buckets_ = std::move(buckets);
  live_ = live;
  for (const Bucket& bucket : buckets_) table_->SetLive(TagOf(bucket.id), true);
  return absl::OkStatus();
}

absl::Status DuplicateWindow::RestoreChunk(uint64_t bucket_id, uint32_t chunk,
                                           absl::string_view value) {
  while (restore_bucket_ < buckets_.size() && restore_count_ == buckets_[restore_bucket_].count) {
    ++restore_bucket_;
    restore_count_ = 0;
  }
  if (restore_bucket_ >= buckets_.size()) return Corrupt("a chunk too many");
  const Bucket& bucket = buckets_[restore_bucket_];
  const uint64_t expected = std::min<uint64_t>(kChunkSize, bucket.count - restore_count_);
  if (bucket.id != bucket_id || chunk != restore_count_ / kChunkSize) {
    return Corrupt("a chunk is missing");
  }
  base::ByteReader reader(value);
  if (reader.U8() != kVersion) return Corrupt("an unknown version");
  if (reader.remaining() != expected * sizeof(uint64_t)) return Corrupt("a chunk's length");
  const bool is_tail = restore_bucket_ + 1 == buckets_.size() && expected < kChunkSize;
  for (uint64_t i = 0; i < expected; ++i) {
    const uint64_t fingerprint = reader.U64();
    if (!table_->Insert(fingerprint, TagOf(bucket_id))) return Corrupt("a fingerprint twice");
    if (is_tail) tail_.push_back(fingerprint);
  }
  restore_count_ += expected;
  return absl::OkStatus();
}

absl::Status DuplicateWindow::FinishRestore() {
  while (restore_bucket_ < buckets_.size() && restore_count_ == buckets_[restore_bucket_].count) {
    ++restore_bucket_;
    restore_count_ = 0;
  }
  if (restore_bucket_ != buckets_.size()) return Corrupt("a chunk is missing");
  KeepWithinCapacity();
  return absl::OkStatus();
}

}  // namespace kindred::clean
