// The memory that RocksDB keeps records in until they go to a file, on our own skip list.
#ifndef KINDRED_STORE_MEMTABLE_H_
#define KINDRED_STORE_MEMTABLE_H_

#include <memory>

#include "rocksdb/memtablerep.h"

namespace kindred::store {

// For families whose keys are compared byte by byte, of a database that does not write to its
// memtables from several threads at a time (allow_concurrent_memtable_write = false).
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtableFactory();

}  // namespace kindred::store

#endif  // KINDRED_STORE_MEMTABLE_H_
