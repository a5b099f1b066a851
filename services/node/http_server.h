// The HTTP front of a node: the same messages as JSON, metrics and health.
#ifndef KINDRED_NODE_HTTP_SERVER_H_
#define KINDRED_NODE_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/admission.h"
#include "node/audience_answers.h"
#include "node/serving.h"
#include "telemetry/health.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct HttpServerOptions {
  std::string address;         // host:port; port 0 picks a free one
  int max_connections = 1000;  // open at once, each with a thread; more wait
  int max_calls = 32;          // answered at once; more wait for their turn
  absl::Duration longest_wait = absl::Milliseconds(50);  // for a turn; then 429 with Retry-After
  Admission* admission = nullptr;                        // shared with other transports; null: none
  const AudienceAnswers* audiences = nullptr;            // null: no /v1/audiences
};

// GET  /v1/profiles/{id}                    kindred.v1.Profile
// GET  /v1/profiles:batchGet?ids=a,b        BatchGetProfilesResponse (POST takes the request's
// JSON) GET
// /v1/recommendations/{id}?n=&category=&exclude=&page=&cart=&session=&min_price=&max_price= GET
// /v1/items/{id}/similar?n=&category=&exclude= GET  /v1/segments, /v1/segments/{id}, /v1/status GET
// /metrics, /healthz (liveness), /readyz (readiness)
//
// GET  /v1/audiences, /v1/audiences/{name}, /v1/audiences/{name}/members/{id} (whether and why)
//
// More calls than can be answered get 429 with Retry-After, but not health and metrics.
// Field names are those of the protos; errors as request_error.h says.
// Threads: all methods from any thread. What is passed in must outlive it.
class HttpServer {
 public:
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           Serving* serving,
                                                           telemetry::Registry* registry,
                                                           const telemetry::HealthState* health);
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
  // Requests in flight finish; new ones are refused.
  virtual void Shutdown() = 0;
};

// A message as JSON: snake_case names, zero values written.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace kindred::node

#endif  // KINDRED_NODE_HTTP_SERVER_H_
