// An environment on disk in which, from a moment on, no table is ever finished.
#ifndef KINDRED_STORE_TESTING_HELD_TABLES_H_
#define KINDRED_STORE_TESTING_HELD_TABLES_H_

#include <memory>

#include "store/environment.h"

namespace kindred::store {

// For a process that is going to be killed and must leave what it wrote last in its logs: whether a
// flush comes before the kill is otherwise a race.
// Threads: any.
class HeldTables {
 public:
  HeldTables();
  ~HeldTables();
  HeldTables(const HeldTables&) = delete;
  HeldTables& operator=(const HeldTables&) = delete;

  // For StoreOptions.
  std::shared_ptr<Environment> environment() const;

  // From now on whoever begins a table file waits for ever.
  void Hold();

 private:
  class FileSystem;
  std::shared_ptr<FileSystem> file_system_;
  std::shared_ptr<Environment> environment_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_TESTING_HELD_TABLES_H_
