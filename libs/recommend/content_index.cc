#include "recommend/content_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status_macros.h"

namespace kindred::recommend {
namespace {

constexpr size_t kLeastSearched =
    64;  // of an approximate search; exact likeness chooses among them
constexpr float kRootOfHalf = 0.70710678f;

bool MoreAlike(const Alike& a, const Alike& b) {
  return a.likeness != b.likeness ? a.likeness > b.likeness : a.item < b.item;
}

}  // namespace

ContentIndex::ContentIndex(const ContentOptions& options, ContentRows* rows)
    : options_(options), rows_(*rows), counts_(kCounts) {}

ContentIndex::~ContentIndex() = default;

bool ContentIndex::Set(ItemId item, const ItemContent& content) {
  std::vector<Feature> features = FeaturesOf(content);
  std::vector<float> embedding = FoldEmbedding(content.embedding);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(item.value());
  if (found == entries_.end() && entries_.size() >= options_.max_items) {
    ++refused_;
    return false;
  }
  if (found != entries_.end()) {
    if (found->second.features == features && found->second.embedding == embedding) return false;
    Count(found->second, -1u);
  }
  Entry& entry = found != entries_.end() ? found->second : entries_[item.value()];
  entry.features = std::move(features);
  entry.embedding = std::move(embedding);
  entry.embedding_numbers = static_cast<uint32_t>(content.embedding.size());
  entry.placed = false;
  embeddings_ = embeddings_ || !entry.embedding.empty();
  Count(entry, 1);
  if (weighed_items_ > 0) Weigh(&entry);
  Queue(item.value());
  return true;
}

void ContentIndex::Remove(ItemId item) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(item.value());
  if (found == entries_.end()) return;
  // Their rows have a place to fill.
  rows_.ForEach(item.value(), [&](uint32_t other, float) {
    rows_.Drop(other, item.value());
    Queue(other);
  });
  rows_.Replace(item.value(), {});
  if (vectors_ != nullptr) vectors_->Remove(item.value());
  Count(found->second, -1u);
  entries_.erase(found);
}

// An item is in it once. What left the catalogue meanwhile is swept out, so that the queue is never
// much longer than the catalogue.
void ContentIndex::Queue(uint32_t item) {
  if (!queued_.insert(item).second) return;
  queue_.push_back(item);
  if (queue_.size() <= 2 * entries_.size() + 1024) return;
  std::erase_if(queue_, [this](uint32_t id) { return !entries_.contains(id); });
  queued_.clear();
  queued_.insert(queue_.begin(), queue_.end());
}

void ContentIndex::Count(const Entry& entry, uint32_t one) {
  for (const Feature& feature : entry.features) counts_[feature.id % kCounts] += one;
}

void ContentIndex::Weigh(Entry* entry) const {
  entry->weighed = entry->features;
  for (Feature& feature : entry->weighed) feature.weight *= rarities_[feature.id % kCounts];
  Normalise(absl::MakeSpan(entry->weighed));
}

absl::Status ContentIndex::WeighAll() {
  weighed_items_ = entries_.size();
  rarities_.resize(kCounts);
  for (uint32_t i = 0; i < kCounts; ++i) {
    rarities_[i] = static_cast<float>(
        std::log1p(static_cast<double>(weighed_items_) / std::max(counts_[i], 1u)));
  }
  vectors_ = nullptr;
  embeddings_placed_ = embeddings_;
  if (entries_.size() > options_.exact_items) {
    KINDRED_ASSIGN_OR_RETURN(
        vectors_, NearestVectors::Create(kTextDimensions + (embeddings_ ? kMaxEmbedding : 0)));
  }
  std::vector<uint32_t> items;
  items.reserve(entries_.size());
  for (auto& [item, entry] : entries_) {
    Weigh(&entry);
    entry.placed = false;
    items.push_back(item);
  }
  std::sort(items.begin(), items.end());
  queue_.assign(items.begin(), items.end());
  queued_.clear();
  queued_.insert(items.begin(), items.end());
  return absl::OkStatus();
}

absl::StatusOr<size_t> ContentIndex::Work(size_t items) {
  for (size_t done = 0;; ++done) {
    const std::lock_guard lock(mutex_);
    if (queue_.empty() || done == items) return queue_.size();
    const bool outgrown = vectors_ == nullptr && entries_.size() > options_.exact_items;
    if (entries_.size() >= 2 * weighed_items_ || outgrown || embeddings_ != embeddings_placed_) {
      if (!entries_.empty()) KINDRED_RETURN_IF_ERROR(WeighAll());
    }
    const uint32_t item = queue_.front();
    queue_.pop_front();
    queued_.erase(item);
    const auto found = entries_.find(item);
    if (found == entries_.end()) continue;
    KINDRED_ASSIGN_OR_RETURN(const bool again, Step(item, &found->second));
    // At the end: when all are weighed, all are in vectors_ before the first is compared.
    if (again) Queue(item);
  }
}

absl::StatusOr<bool> ContentIndex::Step(uint32_t item, Entry* entry) {
  if (vectors_ != nullptr && !entry->placed) {
    KINDRED_RETURN_IF_ERROR(vectors_->Set(item, VectorOf(*entry)));
    entry->placed = true;
    return true;
  }
  KINDRED_ASSIGN_OR_RETURN(const std::vector<Alike> alike,
                           FindAlike(item, *entry, ContentRows::kWidth));
  WriteRow(item, *entry, alike);
  return false;
}

void ContentIndex::WriteRow(uint32_t item, const Entry& entry, absl::Span<const Alike> alike) {
  // What was like it before may not be any more.
  rows_.ForEach(item, [&](uint32_t other, float) {
    const auto found = entries_.find(other);
    const float likeness = found == entries_.end() ? 0 : Likeness(entry, found->second);
    if (likeness < kLeastLikeness) rows_.Drop(other, item);
  });
  rows_.Replace(item, alike);
  for (const Alike& other : alike) rows_.Offer(other.item, {item, other.likeness});
}

// Text in the first dimensions, each feature with a sign of its own at a place of its hash; the
// vector behind it.
std::vector<float> ContentIndex::VectorOf(const Entry& entry) const {
  std::vector<float> vector(kTextDimensions + (embeddings_placed_ ? kMaxEmbedding : 0), 0.0f);
  const float share = entry.embedding.empty() ? 1 : kRootOfHalf;
  for (const Feature& feature : entry.weighed) {
    const float sign = (feature.id >> 16 & 1) != 0 ? share : -share;
    vector[feature.id % kTextDimensions] += sign * feature.weight;
  }
  if (embeddings_placed_) {
    for (size_t i = 0; i < entry.embedding.size(); ++i) {
      vector[kTextDimensions + i] = share * entry.embedding[i];
    }
  }
  return vector;
}

float ContentIndex::Likeness(const Entry& a, const Entry& b) {
  float likeness = InnerProduct(a.weighed, b.weighed);
  if (!a.embedding.empty() && !b.embedding.empty() && a.embedding_numbers == b.embedding_numbers) {
    const float seen = std::max(0.0f, InnerProduct(absl::MakeConstSpan(a.embedding), b.embedding));
    const bool no_text = a.weighed.empty() && b.weighed.empty();
    likeness = no_text ? seen : (likeness + seen) / 2;
  }
  return std::min(likeness, 1.0f);
}

absl::StatusOr<std::vector<Alike>> ContentIndex::FindAlike(uint32_t item, const Entry& entry,
                                                           size_t count) const {
  std::vector<Alike> alike;
  const auto consider = [&](uint32_t other, const Entry& to) {
    if (other == item) return;
    const float likeness = Likeness(entry, to);
    if (likeness >= kLeastLikeness) alike.push_back({other, likeness});
  };
  if (vectors_ == nullptr) {
    for (const auto& [other, to] : entries_) consider(other, to);
  } else {
    KINDRED_ASSIGN_OR_RETURN(
        const std::vector<uint32_t> near,
        vectors_->Find(VectorOf(entry), std::max(kLeastSearched, 2 * count) + 1));
    for (const uint32_t other : near) {
      if (const auto found = entries_.find(other); found != entries_.end()) {
        consider(other, found->second);
      }
    }
  }
  const size_t kept = std::min(count, alike.size());
  std::partial_sort(alike.begin(), alike.begin() + static_cast<std::ptrdiff_t>(kept), alike.end(),
                    MoreAlike);
  alike.resize(kept);
  return alike;
}

std::vector<Alike> ContentIndex::Nearest(ItemId item, size_t count) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(item.value());
  if (found == entries_.end() || weighed_items_ == 0) return {};
  absl::StatusOr<std::vector<Alike>> alike = FindAlike(item.value(), found->second, count);
  return alike.ok() ? *std::move(alike) : std::vector<Alike>();
}

size_t ContentIndex::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

uint64_t ContentIndex::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

size_t ContentIndex::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = sizeof(*this) + entries_.capacity() * (sizeof(*entries_.begin()) + 1) +
                 (counts_.capacity() + rarities_.capacity()) * sizeof(float) +
                 queue_.size() * sizeof(uint32_t) + queued_.capacity() * (sizeof(uint32_t) + 1);
  for (const auto& [item, entry] : entries_) {
    bytes += (entry.features.capacity() + entry.weighed.capacity()) * sizeof(Feature) +
             entry.embedding.capacity() * sizeof(float);
  }
  return bytes + (vectors_ == nullptr ? 0 : vectors_->memory_bytes());
}

}  // namespace kindred::recommend
