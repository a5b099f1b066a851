#include "node/partition_state.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/types/span.h"

namespace kindred::node {
namespace {

clean::DuplicateOptions DuplicateOptionsOf(const SharedOptions& options) {
  clean::DuplicateOptions duplicates;
  duplicates.window_ms = options.dedup_window_ms;
  duplicates.memory_bytes = options.dedup_bytes_per_partition;
  duplicates.seed = options.dedup_seed;
  return duplicates;
}

}  // namespace

PartitionState::PartitionState(PartitionId id, SharedState* shared)
    : id_(id),
      shared_(*shared),
      sample_(shared->options.sampled_customers),
      duplicates_(DuplicateOptionsOf(shared->options)),
      breaker_(shared->options.breaker),
      attribution_(shared->options.attribution),
      pairs_(std::make_shared<recommend::PairTable>(id, shared->options.pairs, &shared->index)) {
  shared_.index.Attach(pairs_);
}

PartitionState::~PartitionState() { shared_.index.Detach(id_); }

absl::StatusOr<bool> PartitionState::Visit(
    absl::string_view customer_id, uint64_t hash, const ColdReader& cold,
    absl::FunctionRef<void(const profile::Profile&)> visit) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (const profile::Customer* customer = customers_.Peek(customer_id, hash)) {
      visit(customer->profile);
      return true;
    }
    if (!customers_.MayBeStored(hash)) return false;
  }
  const absl::string_view ids[] = {customer_id};
  absl::StatusOr<std::vector<std::optional<std::string>>> stored = cold.Read(id_, ids);
  if (!stored.ok()) return stored.status();
  absl::ReaderMutexLock lock(&mutex_);
  // An event may have brought it back to memory meanwhile: that is newer.
  if (const profile::Customer* customer = customers_.Peek(customer_id, hash)) {
    visit(customer->profile);
    return true;
  }
  if (!stored->front().has_value()) return false;
  const absl::StatusOr<profile::Profile> profile = profile::Profile::Decode(*stored->front());
  if (!profile.ok()) return profile.status();
  visit(*profile);
  return true;
}

bool PartitionState::Unchanged(absl::Span<const PartVersion> parts) const {
  absl::ReaderMutexLock lock(&mutex_);
  return std::all_of(parts.begin(), parts.end(), [this](const PartVersion& part) {
    mutex_.AssertReaderHeld();
    const profile::Customer* customer = customers_.Peek(part.id, part.hash);
    if (customer == nullptr) return part.version == 0 && !customers_.MayBeStored(part.hash);
    return part.version != 0 && customer->profile.version() == part.version;
  });
}

uint64_t PartitionState::Walk(uint64_t cursor, size_t count,
                              absl::FunctionRef<void(const profile::Customer&)> visit) const {
  absl::ReaderMutexLock lock(&mutex_);
  return customers_.Walk(cursor, count, visit);
}

void PartitionState::VisitSample(
    absl::FunctionRef<void(const profile::OutcomeSample&)> visit) const {
  absl::ReaderMutexLock lock(&mutex_);
  visit(sample_);
}

bool PartitionState::InMemory(absl::string_view customer_id, uint64_t hash) const {
  absl::ReaderMutexLock lock(&mutex_);
  return customers_.Peek(customer_id, hash) != nullptr;
}

PartitionState::Figures PartitionState::figures() const {
  absl::ReaderMutexLock lock(&mutex_);
  Figures figures;
  figures.quality = quality_;
  figures.customers = customer_count_;
  figures.customers_in_memory = customers_.size();
  const uint64_t made = next_outbox_ - 1;
  const uint64_t delivered = outbox_delivered_.load(std::memory_order_relaxed);
  figures.outbox_pending = made > delivered ? made - delivered : 0;
  figures.window_records = breaker_.records();
  figures.window_rejected = breaker_.rejected();
  figures.dedup_window_ms = duplicates_.window_in_force_ms();
  figures.profile_bytes = customers_.memory_bytes();
  figures.dedup_bytes = duplicates_.memory_bytes();
  figures.relation_bytes = pairs_->memory_bytes();
  return figures;
}

PartitionState::WalkedBytes PartitionState::walked_bytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  return {series_.memory_bytes(), sample_.memory_bytes(), quality_book_.memory_bytes()};
}

int64_t PartitionState::quality_newest_ms() const {
  absl::ReaderMutexLock lock(&mutex_);
  return quality_book_.newest_ms();
}

void PartitionState::AddQualityHours(clean::QualityHours* sum) const {
  absl::ReaderMutexLock lock(&mutex_);
  quality_book_.AddTo(sum);
}

size_t PartitionState::profile_bytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  return customers_.memory_bytes();
}

void PartitionState::ReadSeries(absl::FunctionRef<void(const series::SeriesBook&)> read) const {
  absl::ReaderMutexLock lock(&mutex_);
  read(series_);
}

void PartitionState::VisitRatings(
    absl::FunctionRef<void(const recommend::RatingTable&)> visit) const {
  absl::ReaderMutexLock lock(&mutex_);
  visit(rating_table_);
}

std::map<AttributionCell, AttributionCounts> PartitionState::attribution() const {
  absl::ReaderMutexLock lock(&mutex_);
  return attribution_.cells();
}

}  // namespace kindred::node
