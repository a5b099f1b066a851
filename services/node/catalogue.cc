#include "node/catalogue.h"

#include <utility>

namespace kindred::node {

void Catalogue::Set(ItemId item, CatalogueItem facts) {
  absl::MutexLock lock(&mutex_);
  items_[item] = std::move(facts);
  size_.store(items_.size(), std::memory_order_release);
}

void Catalogue::Remove(ItemId item) {
  absl::MutexLock lock(&mutex_);
  items_.erase(item);
  size_.store(items_.size(), std::memory_order_release);
}

bool Catalogue::Find(ItemId item, CatalogueItem* facts) const {
  if (empty()) return false;
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = items_.find(item);
  if (it == items_.end()) return false;
  *facts = it->second;
  return true;
}

}  // namespace kindred::node
