// How one unary call is answered over gRPC: whether at all, then from bytes to bytes.
#ifndef KINDRED_NODE_CALL_ANSWER_H_
#define KINDRED_NODE_CALL_ANSWER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <type_traits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "node/admission.h"
#include "node/answer_arena.h"
#include "node/wire_buffer.h"
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

// Runs one call on the calling thread; what it returns ends the call. What is refused, cancelled or
// too late costs no decoding: the request comes as bytes. `serialize` is called when `answer` was
// OK.
grpc::Status AnswerBytes(const grpc::CallbackServerContext& context, Admission* admission,
                         MethodMetrics* metrics, const grpc::ByteBuffer& in,
                         google::protobuf::MessageLite* request,
                         absl::FunctionRef<absl::Status()> answer,
                         absl::FunctionRef<grpc::Status()> serialize);

grpc::Status Serialize(const google::protobuf::MessageLite& message, grpc::ByteBuffer* out);
grpc::Status Serialize(const WireBuffer& bytes, grpc::ByteBuffer* out);

// Where the answer of a call is made; one at a time on each thread.
template <typename Response>
Response* MakeResponse(AnswerArena* arena) {
  if constexpr (std::is_same_v<Response, WireBuffer>) {
    thread_local WireBuffer buffer;
    buffer.clear();
    return &buffer;
  } else {
    return arena->Make<Response>();
  }
}

// A call that may be over already: `work` is done only if the caller can be told that the answer
// begins. It lives until the call ends.
grpc::ServerUnaryReactor* AnswerIfWanted(grpc::CallbackServerContext* context,
                                         MethodMetrics* metrics,
                                         std::function<grpc::Status()> work);

// Answers take microseconds, so a hand-over to another thread would cost more than it saves: the
// call ends on the thread that brought it. `Object` may be const. `in` and `out` live until the end
// of the call.
template <typename Object, typename Method, typename Request, typename Response>
grpc::ServerUnaryReactor* AnswerAs(grpc::CallbackServerContext* context, Admission* admission,
                                   MethodMetrics* metrics, Object* object, Method method,
                                   const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  const auto work = [=] {
    AnswerArena arena;
    Request* const request = arena.Make<Request>();
    Response* const response = MakeResponse<Response>(&arena);
    return AnswerBytes(
        *context, admission, metrics, *in, request,
        [&] { return (object->*method)(*request, response); },
        [&] { return Serialize(*response, out); });
  };
  if (admission->hold_up().Recent(absl::Now())) return AnswerIfWanted(context, metrics, work);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(work());
  return reactor;
}

template <typename Object, typename Request, typename Response>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Admission* admission,
                                 MethodMetrics* metrics, Object* object,
                                 absl::Status (Object::*method)(const Request&, Response*),
                                 const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  return AnswerAs<Object, decltype(method), Request, Response>(context, admission, metrics, object,
                                                               method, in, out);
}

template <typename Object, typename Request, typename Response>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Admission* admission,
                                 MethodMetrics* metrics, const Object* object,
                                 absl::Status (Object::*method)(const Request&, Response*) const,
                                 const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  return AnswerAs<const Object, decltype(method), Request, Response>(context, admission, metrics,
                                                                     object, method, in, out);
}

}  // namespace kindred::node

#endif  // KINDRED_NODE_CALL_ANSWER_H_
