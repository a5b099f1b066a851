#include "node/shared_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kindred::node {
namespace {

// Names of items and of everything else that one node can tell apart.
constexpr uint32_t kMaxItems = 1u << 25;
constexpr uint32_t kMaxTerms = 1u << 24;

int64_t DaysToMs(double days) { return static_cast<int64_t>(days * 86'400'000.0); }

}  // namespace

absl::Status StoredDictionary::Restore(const store::Store& store) {
  const std::string prefix(1, prefix_);
  const absl::Status status = store.ForEach(
      store::Table::kDictionary, store::kNodeScope,
      [this](absl::string_view id, absl::string_view name) -> absl::Status {
        if (id.empty() || id[0] != prefix_) return absl::CancelledError();
        const absl::StatusOr<uint32_t> number = store::ParseNumberKey(id.substr(1));
        if (!number.ok()) return number.status();
        return names_.Restore(*number, name);
      },
      nullptr, prefix);
  // The next dictionary's names begin where this one's end.
  if (!status.ok() && !absl::IsCancelled(status)) {
    return absl::DataLossError(absl::StrCat("stored names are damaged: ", status.message()));
  }
  stored_.store(names_.size(), std::memory_order_release);
  return absl::OkStatus();
}

uint32_t StoredDictionary::AddTo(store::Checkpoint* checkpoint) const {
  const uint32_t upto = names_.size();
  std::string id;
  for (uint32_t number = stored_.load(std::memory_order_acquire) + 1; number <= upto; ++number) {
    id.assign(1, prefix_);
    id += store::NumberKey(number);
    checkpoint->Put(store::Table::kDictionary, id, names_.Name(number));
  }
  return upto;
}

void StoredDictionary::Stored(uint32_t upto) {
  uint32_t current = stored_.load(std::memory_order_relaxed);
  while (current < upto &&
         !stored_.compare_exchange_weak(current, upto, std::memory_order_acq_rel)) {
  }
}

void StrayIndex::Add(uint64_t customer_hash, PartitionId partition) {
  absl::MutexLock lock(&mutex_);
  auto& partitions = strays_[customer_hash];
  if (std::find(partitions.begin(), partitions.end(), partition) == partitions.end()) {
    partitions.push_back(partition);
  }
  any_.store(true, std::memory_order_release);
}

absl::InlinedVector<PartitionId, 2> StrayIndex::Find(uint64_t customer_hash) const {
  if (!any_.load(std::memory_order_acquire)) return {};
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = strays_.find(customer_hash);
  if (it == strays_.end()) return {};
  return it->second;
}

SharedState::SharedState(const SharedOptions& shared_options)
    : options(shared_options),
      items('i', kMaxItems),
      terms('t', kMaxTerms),
      default_currency(terms.names().Intern(options.default_currency)),
      affinity_decay(DaysToMs(options.affinity_half_life_days)),
      index(options.decay),
      content(options.content, &index.content()) {}

void SetCatalogueItem(ItemId item, CatalogueItem facts, absl::Span<const float> embedding,
                      SharedState* shared) {
  base::Dictionary& terms = shared->terms.names();
  recommend::ItemAttributes attributes;
  attributes.category = TermId(terms.Intern(facts.category));
  attributes.brand = TermId(terms.Intern(facts.brand));
  attributes.currency = TermId(terms.Intern(facts.currency));
  if (facts.has_price) attributes.price = static_cast<float>(facts.price);
  attributes.available = facts.available;
  attributes.hidden = facts.hidden;
  attributes.title = facts.title;
  shared->index.SetAttributes(item, attributes);
  const std::vector<std::pair<std::string, std::string>> free(facts.attributes.begin(),
                                                              facts.attributes.end());
  shared->content.Set(item, {.title = facts.title,
                             .category = facts.category,
                             .brand = facts.brand,
                             .attributes = free,
                             .embedding = embedding});
  shared->catalogue.Set(item, std::move(facts));
}

void RemoveCatalogueItem(ItemId item, SharedState* shared) {
  shared->catalogue.Remove(item);
  shared->content.Remove(item);
  shared->index.RemoveFromCatalogue(item);
}

}  // namespace kindred::node
