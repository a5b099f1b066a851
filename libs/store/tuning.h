// How RocksDB is set up for what Kindred keeps in it. README.md, "Tuning", has the reasons.
#ifndef KINDRED_STORE_TUNING_H_
#define KINDRED_STORE_TUNING_H_

#include <memory>
#include <vector>

#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "store/store_options.h"

namespace kindred::store {

struct Tuning {
  rocksdb::DBOptions db;
  // In the order of Family.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  std::shared_ptr<rocksdb::Cache> cache;
};

Tuning MakeTuning(const StoreOptions& options, rocksdb::Env* env,
                  std::shared_ptr<rocksdb::EventListener> listener);

}  // namespace kindred::store

#endif  // KINDRED_STORE_TUNING_H_
