// An environment in memory that fails on demand and can lose power.
#ifndef KINDRED_STORE_TESTING_FAULT_ENVIRONMENT_H_
#define KINDRED_STORE_TESTING_FAULT_ENVIRONMENT_H_

#include <cstdint>
#include <memory>

#include "store/environment.h"

namespace kindred::store {

enum class Fault {
  kIoError,    // the operation fails and nothing is written
  kNoSpace,    // as above, and the error says that the disk is full
  kTornWrite,  // half of the bytes are written before the I/O error
  kHang,       // the operation waits until Heal(), then succeeds
};

// Operations are what changes files: appends, syncs, renames, new files.
// Threads: any.
class FaultEnvironment {
 public:
  FaultEnvironment();
  ~FaultEnvironment();
  FaultEnvironment(const FaultEnvironment&) = delete;
  FaultEnvironment& operator=(const FaultEnvironment&) = delete;

  // For StoreOptions. May outlive this object, then without faults to come.
  std::shared_ptr<Environment> environment() const;

  // The first `operations` from now on succeed, all later ones fail until Heal().
  void FailAfter(int64_t operations, Fault fault);
  void Heal();
  int64_t operations() const;  // so far, failed ones included

  // What was not synced is gone, except for a part of each file's tail, between nothing and all of
  // it, that `seed` chooses. Renames and deletions stay. No store may be open.
  void LosePower(uint64_t seed);

 private:
  class FaultFileSystem;
  std::shared_ptr<FaultFileSystem> file_system_;
  std::shared_ptr<Environment> environment_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_TESTING_FAULT_ENVIRONMENT_H_
