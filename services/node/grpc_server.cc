#include "node/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "kindred/v1/identity.grpc.pb.h"
#include "kindred/v1/insight.grpc.pb.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "kindred/v1/recommendation.grpc.pb.h"
#include "kindred/v1/segment.grpc.pb.h"
#include "kindred/v1/status.grpc.pb.h"
#include "node/admission.h"
#include "node/audience_service.h"
#include "node/call_answer.h"
#include "node/call_wait.h"
#include "node/request_error.h"
#include "node/watch.h"

namespace kindred::node {
namespace {

using ::grpc::ByteBuffer;
using ::grpc::CallbackServerContext;
using ::grpc::ServerUnaryReactor;

constexpr int kMaxRequestBytes = 1 << 20;
constexpr int kMaxMetadataBytes = 8 << 10;
constexpr int kMaxStreamsPerConnection = 1000;

// Every unary method takes and gives bytes, see call_answer.h; but for UnlinkIds, whose messages
// outlive the call to it.
using ProfileMethods = v1::ProfileService::WithRawCallbackMethod_GetProfile<
    v1::ProfileService::WithRawCallbackMethod_BatchGetProfiles<
        v1::ProfileService::WithRawCallbackMethod_ListProfiles<
            v1::ProfileService::WithCallbackMethod_WatchProfile<v1::ProfileService::Service>>>>;
using RecommendationMethods = v1::RecommendationService::WithRawCallbackMethod_Recommend<
    v1::RecommendationService::WithRawCallbackMethod_SimilarItems<
        v1::RecommendationService::WithRawCallbackMethod_SimilarCustomers<
            v1::RecommendationService::WithRawCallbackMethod_QueryPerformance<
                v1::RecommendationService::Service>>>>;
using SegmentMethods = v1::SegmentService::WithRawCallbackMethod_ListSegments<
    v1::SegmentService::WithRawCallbackMethod_GetSegment<
        v1::SegmentService::WithRawCallbackMethod_Explore<v1::SegmentService::Service>>>;
using IdentityMethods = v1::IdentityService::WithRawCallbackMethod_GetIdentity<
    v1::IdentityService::WithCallbackMethod_UnlinkIds<v1::IdentityService::Service>>;
using InsightMethods = v1::InsightService::WithRawCallbackMethod_ListSeries<
    v1::InsightService::WithRawCallbackMethod_GetSeries<
        v1::InsightService::WithRawCallbackMethod_Forecast<
            v1::InsightService::WithRawCallbackMethod_GetDataQuality<
                v1::InsightService::Service>>>>;
using StatusMethods =
    v1::StatusService::WithRawCallbackMethod_GetStatus<v1::StatusService::Service>;

class ProfileServiceImpl final : public ProfileMethods {
 public:
  ProfileServiceImpl(Serving* serving, Admission* admission, WatchHub* hub,
                     telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        hub_(hub),
        get_(registry, "GetProfile"),
        batch_(registry, "BatchGetProfiles"),
        list_(registry, "ListProfiles") {}

  ServerUnaryReactor* GetProfile(CallbackServerContext* context, const ByteBuffer* in,
                                 ByteBuffer* out) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetProfileBytes, in, out);
  }
  ServerUnaryReactor* BatchGetProfiles(CallbackServerContext* context, const ByteBuffer* in,
                                       ByteBuffer* out) override {
    return Answer(context, admission_, &batch_, serving_, &Serving::BatchGetProfiles, in, out);
  }
  ServerUnaryReactor* ListProfiles(CallbackServerContext* context, const ByteBuffer* in,
                                   ByteBuffer* out) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListProfiles, in, out);
  }
  WatchHub::Reactor* WatchProfile(CallbackServerContext*,
                                  const v1::WatchProfileRequest* request) override {
    return hub_->Watch(*request);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  WatchHub* const hub_;
  MethodMetrics get_;
  MethodMetrics batch_;
  MethodMetrics list_;
};

class RecommendationServiceImpl final : public RecommendationMethods {
 public:
  RecommendationServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        recommend_(registry, "Recommend"),
        similar_(registry, "SimilarItems"),
        similar_customers_(registry, "SimilarCustomers"),
        performance_(registry, "QueryPerformance") {}

  ServerUnaryReactor* Recommend(CallbackServerContext* context, const ByteBuffer* in,
                                ByteBuffer* out) override {
    return Answer(context, admission_, &recommend_, serving_, &Serving::RecommendBytes, in, out);
  }
  ServerUnaryReactor* SimilarItems(CallbackServerContext* context, const ByteBuffer* in,
                                   ByteBuffer* out) override {
    return Answer(context, admission_, &similar_, serving_, &Serving::SimilarItems, in, out);
  }
  ServerUnaryReactor* SimilarCustomers(CallbackServerContext* context, const ByteBuffer* in,
                                       ByteBuffer* out) override {
    return Answer(context, admission_, &similar_customers_, serving_, &Serving::SimilarCustomers,
                  in, out);
  }
  ServerUnaryReactor* QueryPerformance(CallbackServerContext* context, const ByteBuffer* in,
                                       ByteBuffer* out) override {
    return Answer(context, admission_, &performance_, serving_, &Serving::QueryPerformance, in,
                  out);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics recommend_;
  MethodMetrics similar_;
  MethodMetrics similar_customers_;
  MethodMetrics performance_;
};

class SegmentServiceImpl final : public SegmentMethods {
 public:
  SegmentServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        list_(registry, "ListSegments"),
        get_(registry, "GetSegment"),
        explore_(registry, "Explore") {}

  ServerUnaryReactor* ListSegments(CallbackServerContext* context, const ByteBuffer* in,
                                   ByteBuffer* out) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListSegments, in, out);
  }
  ServerUnaryReactor* GetSegment(CallbackServerContext* context, const ByteBuffer* in,
                                 ByteBuffer* out) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetSegment, in, out);
  }
  ServerUnaryReactor* Explore(CallbackServerContext* context, const ByteBuffer* in,
                              ByteBuffer* out) override {
    return Answer(context, admission_, &explore_, serving_, &Serving::Explore, in, out);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics list_;
  MethodMetrics get_;
  MethodMetrics explore_;
};

class IdentityServiceImpl final : public IdentityMethods {
 public:
  IdentityServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        get_(registry, "GetIdentity"),
        unlink_(registry, "UnlinkIds") {}

  ServerUnaryReactor* GetIdentity(CallbackServerContext* context, const ByteBuffer* in,
                                  ByteBuffer* out) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetIdentity, in, out);
  }
  ServerUnaryReactor* UnlinkIds(CallbackServerContext* context, const v1::UnlinkIdsRequest* request,
                                v1::CustomerIdentity* response) override {
    const absl::Time start = absl::Now();
    ServerUnaryReactor* const reactor = context->DefaultReactor();
    const auto finish = [this, reactor, start](const absl::Status& status) {
      unlink_.Count(status.code());
      unlink_.Took(absl::Now() - start);
      reactor->Finish(ToGrpc(status));
    };
    if (!admission_->Enter()) {
      const absl::Status refused =
          absl::ResourceExhaustedError("more calls than can be answered; retry with backoff");
      unlink_.Count(refused.code());
      reactor->Finish(ToGrpc(refused));
      return reactor;
    }
    // It waits for the log, which is no work: neither a thread nor the admission waits with it.
    serving_->UnlinkIds(*request, response, finish);
    admission_->Leave(absl::Now() - start);
    return reactor;
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics get_;
  MethodMetrics unlink_;
};

class InsightServiceImpl final : public InsightMethods {
 public:
  InsightServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        list_(registry, "ListSeries"),
        get_(registry, "GetSeries"),
        forecast_(registry, "Forecast"),
        quality_(registry, "GetDataQuality") {}

  ServerUnaryReactor* ListSeries(CallbackServerContext* context, const ByteBuffer* in,
                                 ByteBuffer* out) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListSeries, in, out);
  }
  ServerUnaryReactor* GetSeries(CallbackServerContext* context, const ByteBuffer* in,
                                ByteBuffer* out) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetSeries, in, out);
  }
  ServerUnaryReactor* Forecast(CallbackServerContext* context, const ByteBuffer* in,
                               ByteBuffer* out) override {
    return Answer(context, admission_, &forecast_, serving_, &Serving::Forecast, in, out);
  }
  ServerUnaryReactor* GetDataQuality(CallbackServerContext* context, const ByteBuffer* in,
                                     ByteBuffer* out) override {
    return Answer(context, admission_, &quality_, serving_, &Serving::GetDataQuality, in, out);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics list_;
  MethodMetrics get_;
  MethodMetrics forecast_;
  MethodMetrics quality_;
};

class StatusServiceImpl final : public StatusMethods {
 public:
  StatusServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving), admission_(admission), get_(registry, "GetStatus") {}

  ServerUnaryReactor* GetStatus(CallbackServerContext* context, const ByteBuffer* in,
                                ByteBuffer* out) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetStatus, in, out);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics get_;
};

class GrpcServerImpl final : public GrpcServer {
 public:
  GrpcServerImpl(const GrpcServerOptions& options, Serving* serving, telemetry::Registry* registry)
      : admission_({options.max_calls}),
        hub_(serving, options.watch_interval, options.max_watches),
        profiles_(serving, &admission_, &hub_, registry),
        recommendations_(serving, &admission_, registry),
        segments_(serving, &admission_, registry),
        identities_(serving, &admission_, registry),
        insight_(serving, &admission_, registry),
        status_(serving, &admission_, registry),
        share_(registry->AddCollector(
            telemetry::MetricKind::kGauge, "kindred_rpc_admitted_share",
            "Of the calls that come now, the share that is answered; the others get "
            "RESOURCE_EXHAUSTED.",
            [this] {
              return std::vector<telemetry::Sample>{{{}, admission_.share()}};
            })) {
    if (options.audiences != nullptr)
      audiences_ = MakeAudienceService(options.audiences, &admission_, registry);
  }

  ~GrpcServerImpl() override { Shutdown(absl::Now()); }

  absl::Status Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    // Two processes on one port would share it silently.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.RegisterService(&profiles_);
    builder.RegisterService(&recommendations_);
    builder.RegisterService(&segments_);
    builder.RegisterService(&identities_);
    builder.RegisterService(&insight_);
    builder.RegisterService(&status_);
    if (audiences_ != nullptr) builder.RegisterService(audiences_.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address, ": is another process using the port?"));
    }
    SetServing(false);
    call_wait_ = std::make_unique<CallWait>(absl::StrCat("127.0.0.1:", port_), &admission_);
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  Admission& admission() override { return admission_; }

  void SetServing(bool serving) override {
    grpc::HealthCheckServiceInterface& health = *server_->GetHealthCheckService();
    health.SetServingStatus(serving);
    for (const char* name :
         {v1::ProfileService::service_full_name(), v1::RecommendationService::service_full_name(),
          v1::SegmentService::service_full_name(), v1::IdentityService::service_full_name(),
          v1::SegmentService::service_full_name(), v1::InsightService::service_full_name(),
          v1::StatusService::service_full_name()}) {
      health.SetServingStatus(name, serving);
    }
  }

  void Shutdown(absl::Time deadline) override {
    if (server_ == nullptr || stopped_.exchange(true)) return;
    SetServing(false);
    call_wait_.reset();
    hub_.Stop();
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
  }

 private:
  Admission admission_;
  WatchHub hub_;
  ProfileServiceImpl profiles_;
  RecommendationServiceImpl recommendations_;
  SegmentServiceImpl segments_;
  IdentityServiceImpl identities_;
  InsightServiceImpl insight_;
  StatusServiceImpl status_;
  std::unique_ptr<telemetry::Registry::Collector> share_;
  std::unique_ptr<grpc::Service> audiences_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CallWait> call_wait_;
  std::atomic<bool> stopped_{false};
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              Serving* serving,
                                                              telemetry::Registry* registry) {
  auto server = std::make_unique<GrpcServerImpl>(options, serving, registry);
  const absl::Status status = server->Listen(options.address);
  if (!status.ok()) return status;
  return server;
}

absl::Status DialHealth(const std::string& address, absl::Duration timeout) {
  grpc::ChannelArguments arguments;
  // A pool of its own: a connection that is open already proves nothing about new ones.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(true);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &response);
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("no answer on a new connection to ", address, ": ", status.error_message()));
  }
  return absl::OkStatus();
}

}  // namespace kindred::node
