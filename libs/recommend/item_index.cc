#include "recommend/item_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "recommend/pair_table.h"

namespace kindred::recommend {
namespace {

constexpr double kMillisPerDay = 86'400'000.0;
constexpr double kRounding = 1e-9;

enum Flag : uint32_t {
  kMet = 1,            // in an event or in the catalogue
  kFromCatalogue = 2,  // attributes are the catalogue's
  kUnavailable = 4,
  kHidden = 8,          // by the catalogue
  kRemoved = 16,        // taken out of the catalogue
  kInTop = 32,          // in the list over all
  kInCategoryTop = 64,  // in the list of its category
  kWithdrawn = 128,     // hidden by SetHidden(), whatever the catalogue says
  kTitled = 256,        // there is a title; who finds none takes no lock
};

bool IsEligible(uint32_t flags) {
  return (flags & (kMet | kUnavailable | kHidden | kRemoved | kWithdrawn)) == kMet;
}

// Adds without a lock and gives the new sum.
double AddTo(std::atomic<double>& sum, double value) {
  double old_value = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(old_value, old_value + value, std::memory_order_relaxed)) {
  }
  return old_value + value;
}

// What rounding leaves of a sum whose parts are gone is nothing. Gives what is left.
double TakeFrom(std::atomic<double>& sum, double value) {
  double left = AddTo(sum, -value);
  if (left >= value * kRounding) return left;
  sum.compare_exchange_strong(left, 0, std::memory_order_relaxed);  // unless another added
  return 0;
}

void SetFlag(std::atomic<uint32_t>& flags, uint32_t bit, bool on) {
  if (on) {
    flags.fetch_or(bit, std::memory_order_relaxed);
  } else {
    flags.fetch_and(~bit, std::memory_order_relaxed);
  }
}

// Half-lives since 1970, of at least an hour each, are far from the largest number.
double Floor(double halvings) {
  const double cut = static_cast<double>(static_cast<int64_t>(halvings));
  return cut > halvings ? cut - 1 : cut;
}

// `power`: -1022 to 1023.
double PowerOfTwo(int64_t power) {
  constexpr int64_t kBias = 1023;
  constexpr int kMantissaBits = 52;
  return std::bit_cast<double>((power + kBias) << kMantissaBits);
}

}  // namespace

double ForwardWeight(int64_t time_ms, int64_t base_ms, double half_life_days, int bound) {
  const double half_life_ms = half_life_days * kMillisPerDay;
  const double halvings = static_cast<double>(time_ms) / half_life_ms;
  const double whole = Floor(halvings);
  const double base = Floor(static_cast<double>(base_ms) / half_life_ms);
  const double power = std::clamp<double>(whole - base, -bound, bound);
  return std::exp2(halvings - whole) * PowerOfTwo(static_cast<int64_t>(power));
}

int64_t WholeHalfLives(int64_t time_ms, double half_life_days) {
  return static_cast<int64_t>(
      std::floor(static_cast<double>(time_ms) / (half_life_days * kMillisPerDay)));
}

ItemIndex::ItemIndex(const DecayOptions& decay)
    : decay_(decay),
      base_ms_(kNoBase),
      chunks_(kMaxItems >> kChunkBits),
      tables_(std::make_shared<const Tables>()) {
  KINDRED_CHECK(Validate(decay).ok()) << Validate(decay).message();
}

ItemIndex::~ItemIndex() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

ItemIndex::Chunk* ItemIndex::Ensure(uint32_t item) {
  KINDRED_CHECK(item > 0 && item < kMaxItems) << "item id " << item;
  Chunk* chunk = ChunkOf(item);
  if (chunk == nullptr) {
    auto fresh = std::make_unique<Chunk>();
    if (chunks_[item >> kChunkBits].compare_exchange_strong(chunk, fresh.get(),
                                                            std::memory_order_acq_rel)) {
      chunk = fresh.release();
    }
  }
  auto& flags = chunk->flags[item & kChunkMask];
  if ((flags.load(std::memory_order_relaxed) & kMet) == 0) {
    if ((flags.fetch_or(kMet, std::memory_order_relaxed) & kMet) == 0) {
      items_.fetch_add(1, std::memory_order_relaxed);
    }
    uint32_t max = max_item_.load(std::memory_order_relaxed);
    while (max < item && !max_item_.compare_exchange_weak(max, item, std::memory_order_release)) {
    }
  }
  return chunk;
}

void ItemIndex::SetAttributes(ItemId item, const ItemAttributes& attributes) {
  const uint32_t id = item.value();
  Chunk* chunk = Ensure(id);
  const uint32_t slot = id & kChunkMask;
  chunk->category[slot].store(attributes.category.value(), std::memory_order_relaxed);
  chunk->brand[slot].store(attributes.brand.value(), std::memory_order_relaxed);
  chunk->currency[slot].store(attributes.currency.value(), std::memory_order_relaxed);
  chunk->price[slot].store(attributes.price, std::memory_order_relaxed);
  auto& flags = chunk->flags[slot];
  SetFlag(flags, kFromCatalogue, true);
  SetFlag(flags, kRemoved, false);
  SetFlag(flags, kUnavailable, !attributes.available);
  SetFlag(flags, kHidden, attributes.hidden);
  {
    const std::lock_guard lock(titles_mutex_);
    if (attributes.title.empty()) {
      titles_.erase(id);
    } else {
      titles_[id] = attributes.title;
    }
    SetFlag(flags, kTitled, !attributes.title.empty());
  }
  // The category may be another one now.
  SetFlag(flags, kInCategoryTop, false);
  chunk->futile_in_category[slot].store(0, std::memory_order_relaxed);
  Rank(id, chunk);
}

void ItemIndex::SetAttributesFromEvent(ItemId item, TermId category, TermId brand, float price) {
  const uint32_t id = item.value();
  Chunk* chunk = Ensure(id);
  const uint32_t slot = id & kChunkMask;
  auto& flags = chunk->flags[slot];
  if ((flags.load(std::memory_order_relaxed) & (kFromCatalogue | kRemoved)) != 0) return;
  if (brand.value() != 0) chunk->brand[slot].store(brand.value(), std::memory_order_relaxed);
  const float known = chunk->price[slot].load(std::memory_order_relaxed);
  // A new chunk's prices are 0; an event's price of 0 says nothing either.
  if (price > 0) {
    chunk->price[slot].store(price, std::memory_order_relaxed);
  } else if (!(known > 0)) {
    chunk->price[slot].store(std::numeric_limits<float>::quiet_NaN(), std::memory_order_relaxed);
  }
  if (category.value() != 0 &&
      chunk->category[slot].exchange(category.value(), std::memory_order_relaxed) !=
          category.value()) {
    SetFlag(flags, kInCategoryTop, false);
    chunk->futile_in_category[slot].store(0, std::memory_order_relaxed);
    Rank(id, chunk);
  }
}

bool ItemIndex::SetTitleFromEvent(ItemId item, absl::string_view title, int64_t time_ms) {
  const uint32_t id = item.value();
  Chunk* chunk = Ensure(id);
  if (title.empty() ||
      (chunk->flags[id & kChunkMask].load(std::memory_order_relaxed) & kFromCatalogue) != 0) {
    return false;
  }
  // Times are at least 0 here, so that the difference stays in range.
  const int64_t lead = std::max<int64_t>(time_ms, 0) - kNoTitleTime;
  std::atomic<int64_t>& known = chunk->title_lead[id & kChunkMask];
  if (known.load(std::memory_order_relaxed) < lead) return false;  // nearly always
  const std::lock_guard lock(titles_mutex_);
  const int64_t earliest = known.load(std::memory_order_relaxed);
  std::string& kept = titles_[id];
  if (earliest < lead || (earliest == lead && !kept.empty() && kept <= title)) return false;
  kept = std::string(title);
  SetFlag(chunk->flags[id & kChunkMask], kTitled, true);
  known.store(lead, std::memory_order_relaxed);
  return true;
}

int64_t ItemIndex::TitleTime(ItemId item) const {
  const Chunk* chunk = item.value() < kMaxItems ? ChunkOf(item.value()) : nullptr;
  if (chunk == nullptr) return kNoTitleTime;
  return kNoTitleTime +
         chunk->title_lead[item.value() & kChunkMask].load(std::memory_order_relaxed);
}

void ItemIndex::RemoveFromCatalogue(ItemId item) {
  Chunk* chunk = Ensure(item.value());
  SetFlag(chunk->flags[item.value() & kChunkMask], kRemoved, true);
}

void ItemIndex::SetHidden(ItemId item, bool hidden) {
  Chunk* chunk = Ensure(item.value());
  SetFlag(chunk->flags[item.value() & kChunkMask], kWithdrawn, hidden);
}

bool ItemIndex::Known(ItemId item) const {
  if (item.value() >= kMaxItems) return false;
  const Chunk* chunk = ChunkOf(item.value());
  return chunk != nullptr &&
         (chunk->flags[item.value() & kChunkMask].load(std::memory_order_relaxed) & kMet) != 0;
}

ItemIndex::Facts ItemIndex::GetFacts(uint32_t item) const {
  Facts facts{.category = {}, .brand = {}, .price = 0, .eligible = false};
  const Chunk* chunk = item < kMaxItems ? ChunkOf(item) : nullptr;
  if (chunk == nullptr) return facts;
  const uint32_t slot = item & kChunkMask;
  const uint32_t flags = chunk->flags[slot].load(std::memory_order_relaxed);
  facts.category = TermId(chunk->category[slot].load(std::memory_order_relaxed));
  facts.brand = TermId(chunk->brand[slot].load(std::memory_order_relaxed));
  facts.price = chunk->price[slot].load(std::memory_order_relaxed);
  if ((flags & kFromCatalogue) == 0 && !(facts.price > 0)) {
    facts.price = std::numeric_limits<float>::quiet_NaN();
  }
  facts.eligible = IsEligible(flags);
  return facts;
}

bool ItemIndex::Eligible(uint32_t item) const {
  const Chunk* chunk = item < kMaxItems ? ChunkOf(item) : nullptr;
  return chunk != nullptr &&
         IsEligible(chunk->flags[item & kChunkMask].load(std::memory_order_relaxed));
}

ItemAttributes ItemIndex::Attributes(ItemId item) const {
  ItemAttributes attributes;
  attributes.available = false;
  const Chunk* chunk = item.value() < kMaxItems ? ChunkOf(item.value()) : nullptr;
  if (chunk == nullptr) return attributes;
  const Facts facts = GetFacts(item.value());
  const uint32_t slot = item.value() & kChunkMask;
  const uint32_t flags = chunk->flags[slot].load(std::memory_order_relaxed);
  attributes.category = facts.category;
  attributes.brand = facts.brand;
  attributes.price = facts.price;
  attributes.currency = TermId(chunk->currency[slot].load(std::memory_order_relaxed));
  attributes.available = (flags & (kMet | kUnavailable | kRemoved)) == kMet;
  attributes.hidden = (flags & (kHidden | kWithdrawn)) != 0;
  attributes.title = Title(item);
  return attributes;
}

std::string ItemIndex::Title(ItemId item) const {
  const Chunk* chunk = item.value() < kMaxItems ? ChunkOf(item.value()) : nullptr;
  if (chunk == nullptr) return {};
  const auto& flags = chunk->flags[item.value() & kChunkMask];
  if ((flags.load(std::memory_order_relaxed) & kTitled) == 0) return {};
  const std::lock_guard lock(titles_mutex_);
  const auto found = titles_.find(item.value());
  return found == titles_.end() ? std::string() : found->second;
}

void ItemIndex::Attach(std::shared_ptr<PairTable> table) {
  const std::lock_guard lock(tables_mutex_);
  auto tables = std::make_shared<Tables>(*tables_);
  for (const auto& other : *tables) KINDRED_CHECK(other->partition() != table->partition());
  tables->push_back(std::move(table));
  // In order of partition, so that sums do not depend on the order of assignment.
  std::sort(tables->begin(), tables->end(),
            [](const auto& a, const auto& b) { return a->partition() < b->partition(); });
  tables_ = std::move(tables);
}

void ItemIndex::Detach(PartitionId partition) {
  std::shared_ptr<PairTable> leaving;
  {
    const std::lock_guard lock(tables_mutex_);
    auto tables = std::make_shared<Tables>(*tables_);
    for (auto it = tables->begin(); it != tables->end(); ++it) {
      if ((*it)->partition() != partition) continue;
      leaving = *it;
      tables->erase(it);
      break;
    }
    tables_ = std::move(tables);
  }
  if (leaving == nullptr) return;
  leaving->ForEachItem([this](ItemId item, double support, double popularity) {
    Chunk* chunk = Ensure(item.value());
    const uint32_t slot = item.value() & kChunkMask;
    const double left = TakeFrom(chunk->support[slot], support);
    chunk->root_support[slot].store(static_cast<float>(std::sqrt(left)), std::memory_order_relaxed);
    TakeFrom(chunk->popularity[slot], popularity);
  });
  RebuildTopLists();
}

std::shared_ptr<const ItemIndex::Tables> ItemIndex::tables() const {
  const std::lock_guard lock(tables_mutex_);
  return tables_;
}

void ItemIndex::SetBase(int64_t time_ms) {
  int64_t none = kNoBase;
  base_ms_.compare_exchange_strong(none, time_ms);
}

double ItemIndex::RelationWeight(int64_t time_ms) const {
  if (base_ms() == kNoBase) return 1;
  return ForwardWeight(time_ms, base_ms(), decay_.relation_half_life_days, kRelationPowers);
}

double ItemIndex::PopularityWeight(int64_t time_ms) const {
  if (base_ms() == kNoBase) return 1;
  return ForwardWeight(time_ms, base_ms(), decay_.popularity_half_life_days, kPopularityPowers);
}

void ItemIndex::Add(ItemId item, double support, double popularity) {
  const uint32_t id = item.value();
  Chunk* chunk = Ensure(id);
  const uint32_t slot = id & kChunkMask;
  const auto add = [](std::atomic<double>& sum, double value) {
    return value < 0 ? TakeFrom(sum, -value) : AddTo(sum, value);
  };
  if (support != 0) {
    const double sum = add(chunk->support[slot], support);
    chunk->root_support[slot].store(static_cast<float>(std::sqrt(sum)), std::memory_order_relaxed);
  }
  if (popularity != 0) {
    add(chunk->popularity[slot], popularity);
    changes_.fetch_add(1, std::memory_order_relaxed);
    Rank(id, chunk);
  }
  if (popularity < 0) {
    const std::lock_guard lock(top_mutex_);
    for (const uint32_t category : {0u, chunk->category[slot].load(std::memory_order_relaxed)}) {
      if (const auto top = top_.find(category); top != top_.end()) top->second.list.Fell();
    }
  }
  if (support > 0 || popularity > 0) return;
  // If all its events were taken back, now or before it was restored: as if there had never been
  // one.
  const auto nothing = [&] { return chunk->support[slot] <= 0 && chunk->popularity[slot] <= 0; };
  auto& flags = chunk->flags[slot];
  if (!nothing() || (flags.load() & (kMet | kFromCatalogue)) != kMet) return;
  if ((flags.fetch_and(~uint32_t{kMet}) & kMet) != 0) {
    items_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (!nothing()) Ensure(id);  // another partition added meanwhile
}

double ItemIndex::Support(ItemId item, int64_t now_ms) const {
  const int64_t base = base_ms();
  if (base == kNoBase || !Known(item)) return 0;
  const double raw =
      ChunkOf(item.value())->support[item.value() & kChunkMask].load(std::memory_order_relaxed);
  return raw / ForwardWeight(now_ms, base, decay_.relation_half_life_days, kRelationPowers);
}

double ItemIndex::Popularity(ItemId item, int64_t now_ms) const {
  const int64_t base = base_ms();
  if (base == kNoBase || !Known(item)) return 0;
  return RawPopularity(item.value()) /
         ForwardWeight(now_ms, base, decay_.popularity_half_life_days, kPopularityPowers);
}

// Takes no lock for an item that is in its lists already or too unpopular to enter them: thresholds
// only rise, because forward weights do.
void ItemIndex::Rank(uint32_t item, Chunk* chunk) {
  const uint32_t slot = item & kChunkMask;
  const uint32_t flags = chunk->flags[slot].load(std::memory_order_relaxed);
  if ((flags & kInTop) == 0) {
    Offer(item, TermId(0), kInTop, chunk, &chunk->futile_in_top[slot]);
  }
  const uint32_t category = chunk->category[slot].load(std::memory_order_relaxed);
  if (category != 0 && (flags & kInCategoryTop) == 0) {
    Offer(item, TermId(category), kInCategoryTop, chunk, &chunk->futile_in_category[slot]);
  }
}

void ItemIndex::Offer(uint32_t item, TermId category, uint32_t flag_bit, Chunk* chunk,
                      std::atomic<double>* futile_below) {
  const double popularity = RawPopularity(item);
  const double futile = futile_below->load(std::memory_order_relaxed);
  if (futile > 0 && popularity <= futile) return;
  const std::lock_guard lock(top_mutex_);
  TopList& top = top_[category.value()];
  const PopularList::Outcome outcome =
      top.list.Offer(item, [this](uint32_t of) { return RawPopularity(of); });
  if (!outcome.kept) {
    futile_below->store(outcome.least, std::memory_order_relaxed);
    return;
  }
  if (Chunk* const evicted = outcome.evicted == 0 ? nullptr : ChunkOf(outcome.evicted)) {
    SetFlag(evicted->flags[outcome.evicted & kChunkMask], flag_bit, false);
  }
  top.sorted = nullptr;
  SetFlag(chunk->flags[item & kChunkMask], flag_bit, true);
}

std::shared_ptr<const ItemIndex::PopularItems> ItemIndex::Popular(TermId category) const {
  const std::lock_guard lock(top_mutex_);
  const auto found = top_.find(category.value());
  if (found == top_.end()) return nullptr;
  TopList& top = found->second;
  const uint64_t changes = changes_.load(std::memory_order_relaxed);
  if (top.sorted == nullptr || changes > top.sorted_at + top.sorted_at / 1000) {
    top.sorted = std::make_shared<PopularItems>(
        top.list.Sorted([this](uint32_t item) { return RawPopularity(item); }));
    top.sorted_at = changes;
  }
  return top.sorted;
}

void ItemIndex::RebuildTopLists() {
  {
    const std::lock_guard lock(top_mutex_);
    top_.clear();
  }
  changes_.fetch_add(1, std::memory_order_relaxed);
  for (uint32_t item = 1; item <= max_item(); ++item) {
    Chunk* chunk = ChunkOf(item);
    if (chunk == nullptr) continue;
    auto& flags = chunk->flags[item & kChunkMask];
    SetFlag(flags, kInTop | kInCategoryTop, false);
    chunk->futile_in_top[item & kChunkMask].store(0, std::memory_order_relaxed);
    chunk->futile_in_category[item & kChunkMask].store(0, std::memory_order_relaxed);
    if ((flags.load(std::memory_order_relaxed) & kMet) != 0) Rank(item, chunk);
  }
}

size_t ItemIndex::memory_bytes() const {
  size_t bytes = sizeof(*this) + chunks_.size() * sizeof(chunks_[0]) + content_->memory_bytes();
  for (const auto& chunk : chunks_) {
    if (chunk.load(std::memory_order_relaxed) != nullptr) bytes += sizeof(Chunk);
  }
  {
    const std::lock_guard lock(titles_mutex_);
    bytes += titles_.capacity() * (sizeof(*titles_.begin()) + 1);
    const size_t inside = std::string().capacity();  // the string itself
    for (const auto& [item, title] : titles_) {
      if (title.capacity() > inside) bytes += title.capacity() + 1;
    }
  }
  const std::lock_guard lock(top_mutex_);
  bytes += top_.capacity() * (sizeof(*top_.begin()) + 1);
  for (const auto& [category, top] : top_) {
    bytes += top.list.allocated_bytes();
    if (top.sorted != nullptr) bytes += top.sorted->capacity() * sizeof(uint32_t);
  }
  return bytes;
}

}  // namespace kindred::recommend
