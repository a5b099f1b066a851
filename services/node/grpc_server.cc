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
#include "node/call_wait.h"
#include "node/request_error.h"
#include "node/watch.h"

namespace kindred::node {
namespace {

using ::grpc::CallbackServerContext;
using ::grpc::ServerUnaryReactor;

constexpr int kMaxRequestBytes = 1 << 20;
constexpr int kMaxMetadataBytes = 8 << 10;
constexpr int kMaxStreamsPerConnection = 1000;

// What one method counts.
struct MethodMetrics {
  MethodMetrics(telemetry::Registry* registry, const std::string& method)
      : duration(registry->GetHistogram("kindred_rpc_duration_seconds",
                                        "Time from a call's start to its answer, by method.",
                                        telemetry::CallBounds(), {{"method", method}})),
        ok(Code(registry, method, "OK")),
        invalid(Code(registry, method, "INVALID_ARGUMENT")),
        not_found(Code(registry, method, "NOT_FOUND")),
        unavailable(Code(registry, method, "UNAVAILABLE")),
        exhausted(Code(registry, method, "RESOURCE_EXHAUSTED")),
        other(Code(registry, method, "OTHER")) {}

  void Count(const absl::Status& status, absl::Duration took) {
    duration.Observe(took);
    switch (status.code()) {
      case absl::StatusCode::kOk:
        return ok.Increment();
      case absl::StatusCode::kInvalidArgument:
        return invalid.Increment();
      case absl::StatusCode::kNotFound:
        return not_found.Increment();
      case absl::StatusCode::kUnavailable:
        return unavailable.Increment();
      case absl::StatusCode::kResourceExhausted:
        return exhausted.Increment();
      default:
        return other.Increment();
    }
  }

  telemetry::Histogram& duration;
  telemetry::Counter& ok;
  telemetry::Counter& invalid;
  telemetry::Counter& not_found;
  telemetry::Counter& unavailable;
  telemetry::Counter& exhausted;
  telemetry::Counter& other;

 private:
  static telemetry::Counter& Code(telemetry::Registry* registry, const std::string& method,
                                  const std::string& code) {
    return registry->GetCounter("kindred_rpc_requests_total", "Calls answered, by method and code.",
                                {{"method", method}, {"code", code}});
  }
};

// Runs one call to its end on the calling thread: answers take microseconds, so a hand-over to
// another thread would cost more than it saves.
template <typename Request, typename Response>
ServerUnaryReactor* Answer(CallbackServerContext* context, Admission* admission,
                           MethodMetrics* metrics, Serving* serving,
                           absl::Status (Serving::*method)(const Request&, Response*),
                           const Request* request, Response* response) {
  const absl::Time start = absl::Now();
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status;
  absl::Duration took = absl::ZeroDuration();
  if (!admission->Enter()) {
    status = absl::ResourceExhaustedError("more calls than can be answered; retry with backoff");
  } else {
    if (context->IsCancelled()) {
      status = absl::CancelledError("cancelled before the call was started");
    } else if (absl::FromChrono(context->deadline()) <= start) {
      status = absl::DeadlineExceededError("the deadline passed before the call was started");
    } else {
      status = (serving->*method)(*request, response);
    }
    took = absl::Now() - start;
    admission->Leave(took);
  }
  metrics->Count(status, took);
  reactor->Finish(ToGrpc(status));
  return reactor;
}

class ProfileServiceImpl final : public v1::ProfileService::CallbackService {
 public:
  ProfileServiceImpl(Serving* serving, Admission* admission, WatchHub* hub,
                     telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        hub_(hub),
        get_(registry, "GetProfile"),
        batch_(registry, "BatchGetProfiles"),
        list_(registry, "ListProfiles") {}

  ServerUnaryReactor* GetProfile(CallbackServerContext* context,
                                 const v1::GetProfileRequest* request,
                                 v1::Profile* response) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetProfile, request, response);
  }
  ServerUnaryReactor* BatchGetProfiles(CallbackServerContext* context,
                                       const v1::BatchGetProfilesRequest* request,
                                       v1::BatchGetProfilesResponse* response) override {
    return Answer(context, admission_, &batch_, serving_, &Serving::BatchGetProfiles, request,
                  response);
  }
  ServerUnaryReactor* ListProfiles(CallbackServerContext* context,
                                   const v1::ListProfilesRequest* request,
                                   v1::ListProfilesResponse* response) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListProfiles, request, response);
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

class RecommendationServiceImpl final : public v1::RecommendationService::CallbackService {
 public:
  RecommendationServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        recommend_(registry, "Recommend"),
        similar_(registry, "SimilarItems"),
        similar_customers_(registry, "SimilarCustomers"),
        performance_(registry, "QueryPerformance") {}

  ServerUnaryReactor* Recommend(CallbackServerContext* context, const v1::RecommendRequest* request,
                                v1::RecommendResponse* response) override {
    return Answer(context, admission_, &recommend_, serving_, &Serving::Recommend, request,
                  response);
  }
  ServerUnaryReactor* SimilarItems(CallbackServerContext* context,
                                   const v1::SimilarItemsRequest* request,
                                   v1::SimilarItemsResponse* response) override {
    return Answer(context, admission_, &similar_, serving_, &Serving::SimilarItems, request,
                  response);
  }
  ServerUnaryReactor* SimilarCustomers(CallbackServerContext* context,
                                       const v1::SimilarCustomersRequest* request,
                                       v1::SimilarCustomersResponse* response) override {
    return Answer(context, admission_, &similar_customers_, serving_, &Serving::SimilarCustomers,
                  request, response);
  }
  ServerUnaryReactor* QueryPerformance(CallbackServerContext* context,
                                       const v1::QueryPerformanceRequest* request,
                                       v1::QueryPerformanceResponse* response) override {
    return Answer(context, admission_, &performance_, serving_, &Serving::QueryPerformance, request,
                  response);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics recommend_;
  MethodMetrics similar_;
  MethodMetrics similar_customers_;
  MethodMetrics performance_;
};

class SegmentServiceImpl final : public v1::SegmentService::CallbackService {
 public:
  SegmentServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        list_(registry, "ListSegments"),
        get_(registry, "GetSegment"),
        explore_(registry, "Explore") {}

  ServerUnaryReactor* ListSegments(CallbackServerContext* context,
                                   const v1::ListSegmentsRequest* request,
                                   v1::ListSegmentsResponse* response) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListSegments, request, response);
  }
  ServerUnaryReactor* GetSegment(CallbackServerContext* context,
                                 const v1::GetSegmentRequest* request,
                                 v1::Segment* response) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetSegment, request, response);
  }
  ServerUnaryReactor* Explore(CallbackServerContext* context, const v1::ExploreRequest* request,
                              v1::ExploreResponse* response) override {
    return Answer(context, admission_, &explore_, serving_, &Serving::Explore, request, response);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics list_;
  MethodMetrics get_;
  MethodMetrics explore_;
};

class IdentityServiceImpl final : public v1::IdentityService::CallbackService {
 public:
  IdentityServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        get_(registry, "GetIdentity"),
        unlink_(registry, "UnlinkIds") {}

  ServerUnaryReactor* GetIdentity(CallbackServerContext* context,
                                  const v1::GetIdentityRequest* request,
                                  v1::CustomerIdentity* response) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetIdentity, request, response);
  }
  ServerUnaryReactor* UnlinkIds(CallbackServerContext* context, const v1::UnlinkIdsRequest* request,
                                v1::CustomerIdentity* response) override {
    return Answer(context, admission_, &unlink_, serving_, &Serving::UnlinkIds, request, response);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics get_;
  MethodMetrics unlink_;
};

class InsightServiceImpl final : public v1::InsightService::CallbackService {
 public:
  InsightServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving),
        admission_(admission),
        list_(registry, "ListSeries"),
        get_(registry, "GetSeries"),
        forecast_(registry, "Forecast") {}

  ServerUnaryReactor* ListSeries(CallbackServerContext* context,
                                 const v1::ListSeriesRequest* request,
                                 v1::ListSeriesResponse* response) override {
    return Answer(context, admission_, &list_, serving_, &Serving::ListSeries, request, response);
  }
  ServerUnaryReactor* GetSeries(CallbackServerContext* context, const v1::GetSeriesRequest* request,
                                v1::Series* response) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetSeries, request, response);
  }
  ServerUnaryReactor* Forecast(CallbackServerContext* context, const v1::ForecastRequest* request,
                               v1::ForecastResponse* response) override {
    return Answer(context, admission_, &forecast_, serving_, &Serving::Forecast, request, response);
  }

 private:
  Serving* const serving_;
  Admission* const admission_;
  MethodMetrics list_;
  MethodMetrics get_;
  MethodMetrics forecast_;
};

class StatusServiceImpl final : public v1::StatusService::CallbackService {
 public:
  StatusServiceImpl(Serving* serving, Admission* admission, telemetry::Registry* registry)
      : serving_(serving), admission_(admission), get_(registry, "GetStatus") {}

  ServerUnaryReactor* GetStatus(CallbackServerContext* context, const v1::GetStatusRequest* request,
                                v1::Status* response) override {
    return Answer(context, admission_, &get_, serving_, &Serving::GetStatus, request, response);
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
    if (options.audiences != nullptr) audiences_ = MakeAudienceService(options.audiences);
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
