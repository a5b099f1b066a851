// What an Environment is made of; only libs/store and its test support include this.
#ifndef KINDRED_STORE_ENVIRONMENT_IMPL_H_
#define KINDRED_STORE_ENVIRONMENT_IMPL_H_

#include <memory>

#include "rocksdb/env.h"
#include "store/environment.h"

namespace kindred::store {

struct Environment::Impl {
  std::shared_ptr<rocksdb::Env> env;
  // Files the operating system knows, so that two processes can meet on them.
  bool on_disk = false;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_ENVIRONMENT_IMPL_H_
