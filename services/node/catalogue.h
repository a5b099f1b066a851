// What the items topic says of items: the one side input of the events' fold.
#ifndef KINDRED_NODE_CATALOGUE_H_
#define KINDRED_NODE_CATALOGUE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/strong_int.h"

namespace kindred::node {

struct CatalogueItem {
  std::string title;
  std::string category;
  std::string brand;
  std::string currency;
  bool has_price = false;
  double price = 0;
  bool available = true;
  bool hidden = false;
  std::map<std::string, std::string> attributes;
};

// Threads: any.
class Catalogue {
 public:
  void Set(ItemId item, CatalogueItem facts);
  void Remove(ItemId item);
  bool empty() const { return size_.load(std::memory_order_acquire) == 0; }
  uint64_t size() const { return size_.load(std::memory_order_acquire); }

  // Copies the facts; false when the catalogue does not have the item.
  bool Find(ItemId item, CatalogueItem* facts) const;

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<ItemId, CatalogueItem> items_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> size_{0};
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CATALOGUE_H_
