// Where a store keeps its files.
#ifndef KINDRED_STORE_ENVIRONMENT_H_
#define KINDRED_STORE_ENVIRONMENT_H_

#include <memory>

namespace kindred::store {

// Opaque; given to Store::Open. One environment may serve one store after another, so that a test
// can close (or abandon) a store and open what it left behind.
// Threads: any.
class Environment {
 public:
  struct Impl;
  explicit Environment(std::unique_ptr<Impl> impl);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Files in memory, gone with the last reference: for simulations and tests.
std::shared_ptr<Environment> NewMemoryEnvironment();

}  // namespace kindred::store

#endif  // KINDRED_STORE_ENVIRONMENT_H_
