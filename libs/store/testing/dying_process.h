// Processes that write to a store and are killed: the test's own program with other arguments.
#ifndef KINDRED_STORE_TESTING_DYING_PROCESS_H_
#define KINDRED_STORE_TESTING_DYING_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "store/store.h"

namespace kindred::store {

// The store that dying processes write and tests open again: so small that flushes and compactions
// go on all the time.
StoreOptions SmallStore(const std::string& data_dir, Durability durability);
std::unique_ptr<Store> MustOpen(const StoreOptions& options);

absl::string_view NameOf(Durability durability);

struct DyingProcess {
  pid_t pid = -1;
  int out = -1;  // what it writes to stdout
};

// Starts this program in a role of those that MainWithRoles was given.
DyingProcess Start(const std::string& role, const std::string& data_dir, Durability durability);

// Waits for its end and closes `out`; returns the status as waitpid gives it.
int WaitFor(const DyingProcess& process);
bool WasKilled(int status);

// What a process does in a role; its exit code, if it gets so far.
using Role = int (*)(const std::string& data_dir, Durability durability);

// The main function of such a test: plays the role that Start asked for, else runs the tests.
int MainWithRoles(int argc, char** argv, const std::vector<std::pair<std::string, Role>>& roles);

}  // namespace kindred::store

#endif  // KINDRED_STORE_TESTING_DYING_PROCESS_H_
