// How one unary call is answered over gRPC: whether at all, then from bytes to bytes.
#ifndef KINDRED_NODE_CALL_ANSWER_H_
#define KINDRED_NODE_CALL_ANSWER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "node/admission.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// What one method counts. A call that was not begun (refused, cancelled, too late) is counted by
// its code; it took no time and is not in the histogram.
class MethodMetrics {
 public:
  MethodMetrics(telemetry::Registry* registry, const std::string& method);

  void Count(absl::StatusCode code);
  void Took(absl::Duration took) { duration_.Observe(took); }

 private:
  telemetry::Histogram& duration_;
  telemetry::Counter& ok_;
  telemetry::Counter& invalid_;
  telemetry::Counter& not_found_;
  telemetry::Counter& unavailable_;
  telemetry::Counter& exhausted_;
  telemetry::Counter& cancelled_;
  telemetry::Counter& late_;
  telemetry::Counter& other_;
};

// Runs one call to its end on the calling thread: answers take microseconds, so a hand-over to
// another thread would cost more than it saves. What is refused, cancelled or too late costs no
// decoding: the request comes as bytes.
grpc::ServerUnaryReactor* AnswerBytes(grpc::CallbackServerContext* context, Admission* admission,
                                      MethodMetrics* metrics, const grpc::ByteBuffer& in,
                                      google::protobuf::MessageLite* request,
                                      google::protobuf::MessageLite* response,
                                      absl::FunctionRef<absl::Status()> answer,
                                      grpc::ByteBuffer* out);

template <typename Object, typename Request, typename Response>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Admission* admission,
                                 MethodMetrics* metrics, Object* object,
                                 absl::Status (Object::*method)(const Request&, Response*),
                                 const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  Request request;
  Response response;
  return AnswerBytes(
      context, admission, metrics, *in, &request, &response,
      [&] { return (object->*method)(request, &response); }, out);
}

template <typename Object, typename Request, typename Response>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Admission* admission,
                                 MethodMetrics* metrics, const Object* object,
                                 absl::Status (Object::*method)(const Request&, Response*) const,
                                 const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  Request request;
  Response response;
  return AnswerBytes(
      context, admission, metrics, *in, &request, &response,
      [&] { return (object->*method)(request, &response); }, out);
}

}  // namespace kindred::node

#endif  // KINDRED_NODE_CALL_ANSWER_H_
