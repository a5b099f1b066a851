#include "node/audience_service.h"

#include <string>
#include <utility>
#include <vector>

#include "kindred/v1/audience.grpc.pb.h"
#include "node/call_answer.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

using ::grpc::CallbackServerContext;
using ::grpc::ServerUnaryReactor;

constexpr size_t kPage = 500;

// Writes page after page; a page is read when the one before is out, so memory is bounded and a
// slow reader slows only itself.
class MemberStream final : public grpc::ServerWriteReactor<v1::AudienceMember> {
 public:
  MemberStream(const AudienceAnswers* answers, std::string name)
      : answers_(*answers), name_(std::move(name)) {
    const absl::Status status = answers_.Check(name_);
    if (status.ok()) {
      WriteNext();
    } else {
      Finish(ToGrpc(status));
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      WriteNext();
    } else {
      Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the reader is gone"));
    }
  }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (next_ == page_.size()) {
      absl::StatusOr<std::vector<std::string>> page = answers_.Members(name_, kPage, &cursor_);
      if (!page.ok() || page->empty()) {
        Finish(ToGrpc(page.status()));
        return;
      }
      page_ = *std::move(page);
      next_ = 0;
    }
    message_.set_customer_id(page_[next_++]);
    StartWrite(&message_);
  }

  const AudienceAnswers& answers_;
  const std::string name_;
  AudienceAnswers::Cursor cursor_;
  std::vector<std::string> page_;
  size_t next_ = 0;
  v1::AudienceMember message_;
};

using AudienceMethods = v1::AudienceService::WithRawCallbackMethod_ListAudiences<
    v1::AudienceService::WithRawCallbackMethod_GetAudience<
        v1::AudienceService::WithRawCallbackMethod_ExplainMembership<
            v1::AudienceService::WithCallbackMethod_StreamMembers<v1::AudienceService::Service>>>>;

class AudienceServiceImpl final : public AudienceMethods {
 public:
  AudienceServiceImpl(const AudienceAnswers* answers, Admission* admission,
                      telemetry::Registry* registry)
      : answers_(*answers),
        admission_(admission),
        list_(registry, "ListAudiences"),
        get_(registry, "GetAudience"),
        explain_(registry, "ExplainMembership") {}

  ServerUnaryReactor* ListAudiences(CallbackServerContext* context, const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override {
    return Answer(context, admission_, &list_, &answers_, &AudienceAnswers::List, in, out);
  }
  ServerUnaryReactor* GetAudience(CallbackServerContext* context, const grpc::ByteBuffer* in,
                                  grpc::ByteBuffer* out) override {
    return Answer(context, admission_, &get_, &answers_, &AudienceAnswers::Get, in, out);
  }
  ServerUnaryReactor* ExplainMembership(CallbackServerContext* context, const grpc::ByteBuffer* in,
                                        grpc::ByteBuffer* out) override {
    return Answer(context, admission_, &explain_, &answers_, &AudienceAnswers::Explain, in, out);
  }
  grpc::ServerWriteReactor<v1::AudienceMember>* StreamMembers(
      CallbackServerContext*, const v1::StreamMembersRequest* request) override {
    return new MemberStream(&answers_, request->name());
  }

 private:
  const AudienceAnswers& answers_;
  Admission* const admission_;
  MethodMetrics list_;
  MethodMetrics get_;
  MethodMetrics explain_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAudienceService(const AudienceAnswers* answers,
                                                   Admission* admission,
                                                   telemetry::Registry* registry) {
  return std::make_unique<AudienceServiceImpl>(answers, admission, registry);
}

}  // namespace kindred::node
