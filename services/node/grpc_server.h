// The gRPC front of a node: kindred.v1 services, grpc.health.v1 and reflection.
#ifndef KINDRED_NODE_GRPC_SERVER_H_
#define KINDRED_NODE_GRPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/admission.h"
#include "node/audience_answers.h"
#include "node/serving.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct GrpcServerOptions {
  std::string address;                               // host:port; port 0 picks a free one
  int max_calls = 1000;                              // calls at once; more get ResourceExhausted
  int max_watches = 1000;                            // WatchProfile streams at once
  const AudienceAnswers* audiences = nullptr;        // null: no AudienceService
  absl::Duration watch_interval = absl::Seconds(1);  // at most one message per stream and interval
};

// Threads: all methods from any thread. `serving` and `registry` must outlive it.
class GrpcServer {
 public:
  // Unavailable when the address cannot be bound (two nodes on one port: the second is refused).
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options,
                                                           Serving* serving,
                                                           telemetry::Registry* registry);
  virtual ~GrpcServer() = default;

  // The port in use.
  virtual int port() const = 0;
  // Which calls are answered now; for other transports of the same node to ask too.
  virtual Admission& admission() = 0;
  // What grpc.health.v1 answers, for the whole server and for every service.
  virtual void SetServing(bool serving) = 0;
  // Calls in flight get until `deadline`; new ones are refused.
  virtual void Shutdown(absl::Time deadline) = 0;
};

// Liveness from outside: connects anew to `address` and asks for health. Ok when an answer comes
// within `timeout`, also when it is NOT_SERVING.
absl::Status DialHealth(const std::string& address, absl::Duration timeout);

}  // namespace kindred::node

#endif  // KINDRED_NODE_GRPC_SERVER_H_
