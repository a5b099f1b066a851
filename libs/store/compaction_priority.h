// Compactions come behind what somebody waits for.
#ifndef KINDRED_STORE_COMPACTION_PRIORITY_H_
#define KINDRED_STORE_COMPACTION_PRIORITY_H_

#include <rocksdb/listener.h>

#include "base/thread_priority.h"

namespace kindred::store {

// RocksDB calls it on the thread that compacts, which keeps the low priority for good.
class CompactionPriority final : public rocksdb::EventListener {
 public:
  const char* Name() const override { return "kindred.CompactionPriority"; }
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    base::LowerThreadPriority(base::ThreadRole::kTidies);
  }
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_COMPACTION_PRIORITY_H_
