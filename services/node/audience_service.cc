#include "node/audience_service.h"

#include <string>
#include <utility>
#include <vector>

#include "kindred/v1/audience.grpc.pb.h"
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

class AudienceServiceImpl final : public v1::AudienceService::CallbackService {
 public:
  explicit AudienceServiceImpl(const AudienceAnswers* answers) : answers_(*answers) {}

  ServerUnaryReactor* ListAudiences(CallbackServerContext* context,
                                    const v1::ListAudiencesRequest* request,
                                    v1::ListAudiencesResponse* response) override {
    return Done(context, answers_.List(*request, response));
  }
  ServerUnaryReactor* GetAudience(CallbackServerContext* context,
                                  const v1::GetAudienceRequest* request,
                                  v1::Audience* response) override {
    return Done(context, answers_.Get(*request, response));
  }
  ServerUnaryReactor* ExplainMembership(CallbackServerContext* context,
                                        const v1::ExplainMembershipRequest* request,
                                        v1::Membership* response) override {
    return Done(context, answers_.Explain(*request, response));
  }
  grpc::ServerWriteReactor<v1::AudienceMember>* StreamMembers(
      CallbackServerContext*, const v1::StreamMembersRequest* request) override {
    return new MemberStream(&answers_, request->name());
  }

 private:
  static ServerUnaryReactor* Done(CallbackServerContext* context, const absl::Status& status) {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(status));
    return reactor;
  }

  const AudienceAnswers& answers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAudienceService(const AudienceAnswers* answers) {
  return std::make_unique<AudienceServiceImpl>(answers);
}

}  // namespace kindred::node
