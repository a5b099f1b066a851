// A node: owns partitions, applies their events, serves their customers. Only wires.
#ifndef KINDRED_NODE_NODE_H_
#define KINDRED_NODE_NODE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/strong_int.h"
#include "kindred/config/v1/config.pb.h"
#include "node/serving.h"

namespace kindred::node {

struct NodeHooks {
  // The first offset not read yet, for feeders of the embedded broker. May be empty.
  std::function<void(PartitionId partition, Offset next)> on_consumed;
  // The topics exist already and cannot be asked for (embedded broker): partitions of the events
  // topic. 0: ask the brokers.
  int32_t partition_count = 0;
  // Gives the memory that the allocator holds and nobody uses back to the system; called where the
  // process is near its bound, several times a second. May be empty.
  std::function<void()> release_free_memory;
};

// Threads: Start() and Stop() from one thread; the rest from any.
class Node {
 public:
  // Waits for the brokers, opens the store, restores, reads the catalogue, then starts to ingest
  // and to serve. `stop` is looked at while waiting: true gives Cancelled. Errors say what to do.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const config::v1::NodeConfig& config,
                                                     const NodeHooks& hooks,
                                                     const std::function<bool()>& stop);
  virtual ~Node() = default;

  // Health turns NOT_SERVING, calls in flight finish, a last checkpoint is written, the group is
  // left. The error that made the node stop by itself, if any.
  virtual absl::Status Stop() = 0;

  // Set when the node cannot go on: stop it, and say why.
  virtual absl::Status fatal() const = 0;
  // Everything is ready to serve.
  virtual bool ready() const = 0;
  // Reads the rules file again, whether or not it changed.
  virtual void ReloadRules() = 0;
  virtual Serving& serving() = 0;
  virtual int grpc_port() const = 0;
  virtual int http_port() const = 0;  // 0 without HTTP
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_NODE_H_
