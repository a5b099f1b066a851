#include "store/testing/dying_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"

extern char** environ;

namespace kindred::store {

StoreOptions SmallStore(const std::string& data_dir, Durability durability) {
  StoreOptions options;
  options.data_dir = data_dir;
  options.cluster_id = "cluster";
  options.topic = "events";
  options.partition_count = 2;
  options.durability = durability;
  options.write_buffer_bytes = 1 << 20;
  options.block_cache_bytes = 4 << 20;
  return options;
}

std::unique_ptr<Store> MustOpen(const StoreOptions& options) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  KINDRED_CHECK(store.ok()) << store.status();
  return *std::move(store);
}

absl::string_view NameOf(Durability durability) {
  return durability == Durability::kWriteAheadLog ? "log" : "flush";
}

DyingProcess Start(const std::string& role, const std::string& data_dir, Durability durability) {
  int ends[2];
  KINDRED_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string arguments[] = {"dying_process", absl::StrCat("--role=", role), data_dir,
                             std::string(NameOf(durability))};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  DyingProcess process;
  KINDRED_CHECK(::posix_spawn(&process.pid, "/proc/self/exe", &actions, nullptr, argv, environ) ==
                0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  process.out = ends[0];
  return process;
}

int WaitFor(const DyingProcess& process) {
  int status = 0;
  KINDRED_CHECK(::waitpid(process.pid, &status, 0) == process.pid);
  ::close(process.out);
  return status;
}

bool WasKilled(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

int MainWithRoles(int argc, char** argv, const std::vector<std::pair<std::string, Role>>& roles) {
  for (const auto& [name, role] : roles) {
    if (argc != 4 || argv[1] != absl::StrCat("--role=", name)) continue;
    return role(argv[2], argv[3] == NameOf(Durability::kFlushOnly) ? Durability::kFlushOnly
                                                                   : Durability::kWriteAheadLog);
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace kindred::store
