#include "store/environment.h"

#include <utility>

#include "store/environment_impl.h"

namespace kindred::store {

Environment::Environment(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Environment::~Environment() = default;

std::shared_ptr<Environment> NewMemoryEnvironment() {
  auto impl = std::make_unique<Environment::Impl>();
  impl->env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  return std::make_shared<Environment>(std::move(impl));
}

}  // namespace kindred::store
