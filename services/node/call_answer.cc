#include "node/call_answer.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "absl/time/clock.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

telemetry::Counter& Code(telemetry::Registry* registry, const std::string& method,
                         const std::string& code) {
  return registry->GetCounter("kindred_rpc_requests_total", "Calls answered, by method and code.",
                              {{"method", method}, {"code", code}});
}

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite* message) {
  grpc::Slice slice;
  // Nearly every request lies in one piece.
  if (!bytes.TrySingleSlice(&slice).ok() && !bytes.DumpToSingleSlice(&slice).ok()) return false;
  return message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

const grpc::Status& Refusal() {
  static const grpc::Status* const status = new grpc::Status(
      grpc::StatusCode::RESOURCE_EXHAUSTED, "more calls than can be answered; retry with backoff");
  return *status;
}

// OK: it is worth to begin.
absl::StatusCode Worth(const grpc::CallbackServerContext& context, absl::Time now) {
  if (context.IsCancelled()) return absl::StatusCode::kCancelled;
  if (absl::FromChrono(context.deadline()) <= now) return absl::StatusCode::kDeadlineExceeded;
  return absl::StatusCode::kOk;
}

grpc::Status NotBegun(absl::StatusCode code, MethodMetrics* metrics) {
  metrics->Count(code);
  return {static_cast<grpc::StatusCode>(code), "cancelled or too late before the call was begun"};
}

// Sends the headers of the answer ahead: that fails when the caller has given up, which the server
// is told of nowhere else before the call is begun.
class WantedCall final : public grpc::ServerUnaryReactor {
 public:
  WantedCall(const grpc::CallbackServerContext* context, MethodMetrics* metrics,
             std::function<grpc::Status()> work)
      : context_(*context), metrics_(metrics), work_(std::move(work)) {
    StartSendInitialMetadata();
  }

 private:
  void OnSendInitialMetadataDone(bool sent) override {
    const bool wanted = sent && !context_.IsCancelled();
    Finish(wanted ? work_() : NotBegun(absl::StatusCode::kCancelled, metrics_));
  }
  void OnDone() override { delete this; }

  const grpc::CallbackServerContext& context_;
  MethodMetrics* const metrics_;
  const std::function<grpc::Status()> work_;
};

}  // namespace

MethodMetrics::MethodMetrics(telemetry::Registry* registry, const std::string& method)
    : duration_(registry->GetHistogram("kindred_rpc_duration_seconds",
                                       "From the start of a call's work to its answer, by method; "
                                       "calls that were not begun are not in it.",
                                       telemetry::CallBounds(), {{"method", method}})),
      ok_(Code(registry, method, "OK")),
      invalid_(Code(registry, method, "INVALID_ARGUMENT")),
      not_found_(Code(registry, method, "NOT_FOUND")),
      unavailable_(Code(registry, method, "UNAVAILABLE")),
      exhausted_(Code(registry, method, "RESOURCE_EXHAUSTED")),
      cancelled_(Code(registry, method, "CANCELLED")),
      late_(Code(registry, method, "DEADLINE_EXCEEDED")),
      other_(Code(registry, method, "OTHER")) {}

void MethodMetrics::Count(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return ok_.Increment();
    case absl::StatusCode::kInvalidArgument:
      return invalid_.Increment();
    case absl::StatusCode::kNotFound:
      return not_found_.Increment();
    case absl::StatusCode::kUnavailable:
      return unavailable_.Increment();
    case absl::StatusCode::kResourceExhausted:
      return exhausted_.Increment();
    case absl::StatusCode::kCancelled:
      return cancelled_.Increment();
    case absl::StatusCode::kDeadlineExceeded:
      return late_.Increment();
    default:
      return other_.Increment();
  }
}

grpc::Status AnswerBytes(const grpc::CallbackServerContext& context, Admission* admission,
                         MethodMetrics* metrics, const grpc::ByteBuffer& in,
                         google::protobuf::MessageLite* request,
                         absl::FunctionRef<absl::Status()> answer,
                         absl::FunctionRef<grpc::Status()> serialize) {
  const absl::Time start = absl::Now();
  const absl::StatusCode worth = Worth(context, start);
  if (worth != absl::StatusCode::kOk) return NotBegun(worth, metrics);
  if (!admission->Enter()) {
    metrics->Count(absl::StatusCode::kResourceExhausted);
    return Refusal();
  }
  absl::Status status;
  grpc::Status sent;
  {
    const CpuSample sample(admission);
    if (Parse(in, request)) {
      status = answer();
      sent = status.ok() ? serialize() : ToGrpc(status);
    } else {
      status = absl::InvalidArgumentError("the request is not a message of this method");
      sent = ToGrpc(status);
    }
  }
  const absl::Duration took = absl::Now() - start;
  admission->Leave(took);
  metrics->Took(took);
  metrics->Count(status.code());
  return sent;
}

grpc::Status Serialize(const google::protobuf::MessageLite& message, grpc::ByteBuffer* out) {
  bool own = false;
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::MessageLite>(message,
                                                                                        out, &own);
}

grpc::Status Serialize(const WireBuffer& bytes, grpc::ByteBuffer* out) {
  const grpc::Slice slice(bytes.bytes().data(), bytes.size());
  *out = grpc::ByteBuffer(&slice, 1);
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* AnswerIfWanted(grpc::CallbackServerContext* context,
                                         MethodMetrics* metrics,
                                         std::function<grpc::Status()> work) {
  return new WantedCall(context, metrics, std::move(work));
}

}  // namespace kindred::node
