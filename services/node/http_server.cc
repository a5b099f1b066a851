#include "node/http_server.h"

#include <google/protobuf/util/json_util.h>
#include <httplib.h>

#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "node/connection_threads.h"
#include "node/control_text.h"
#include "node/http_gate.h"
#include "node/http_params.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

constexpr size_t kMaxRequestBytes = 1 << 20;
constexpr time_t kKeepAliveSeconds = 1;
constexpr size_t kKeepAliveRequests = 100'000;
constexpr char kRetryAfterSeconds[] = "1";
constexpr char kJson[] = "application/json";

void SendError(const absl::Status& status, httplib::Response* response) {
  response->status = HttpCodeOf(status);
  response->set_content(HttpErrorBody(status), kJson);
}

void Send(const absl::Status& status, const google::protobuf::Message& message,
          httplib::Response* response) {
  if (!status.ok()) return SendError(status, response);
  response->status = HttpCodeOf(status);
  response->set_content(ToJson(message), kJson);
}

class HttpServerImpl final : public HttpServer {
 public:
  HttpServerImpl(const HttpServerOptions& options, Serving* serving, telemetry::Registry* registry,
                 const telemetry::HealthState* health)
      : serving_(serving),
        registry_(registry),
        health_(health),
        audiences_(options.audiences),
        refused_(registry->GetCounter("kindred_http_refused_total",
                                      "HTTP calls answered with 429: more than can be answered.")),
        gate_(options.admission, options.max_calls, options.longest_wait) {}

  ~HttpServerImpl() override { Shutdown(); }

  absl::Status Listen(const HttpServerOptions& options) {
    const size_t colon = options.address.rfind(':');
    int port = 0;
    if (colon == std::string::npos || !absl::SimpleAtoi(options.address.substr(colon + 1), &port)) {
      return absl::InvalidArgumentError(
          absl::StrCat("http address \"", options.address, "\": expected host:port"));
    }
    const std::string host = options.address.substr(0, colon);
    const size_t connections = static_cast<size_t>(options.max_connections);
    server_.new_task_queue = [connections] { return new ConnectionThreads(connections); };
    server_.set_payload_max_length(kMaxRequestBytes);
    // The library's default lets a second process share the port silently.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_tcp_nodelay(true);
    // An idle connection holds a thread, and a stop waits for it; the library closes a busy one
    // after five requests unless told otherwise.
    server_.set_keep_alive_timeout(kKeepAliveSeconds);
    server_.set_keep_alive_max_count(kKeepAliveRequests);
    server_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (!response.body.empty()) return;
      absl::Status status = absl::NotFoundError(
          absl::StrCat("no such page: ", request.path, "; see /v1/status, /v1/profiles/{id}"));
      if (response.status == 413) status = absl::InvalidArgumentError("request is too large");
      if (response.status == 404) response.status = HttpCodeOf(status);
      response.set_content(HttpErrorBody(status), kJson);
    });
    Route();
    port_ = port == 0 ? server_.bind_to_any_port(host.c_str())
                      : (server_.bind_to_port(host.c_str(), port) ? port : -1);
    if (port_ <= 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address,
                                                 ": is another process using the port?"));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    return absl::OkStatus();
  }

  int port() const override { return port_; }

  void Shutdown() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Route() {
    RouteProfiles();
    RouteRecommendations();
    RouteSegments();
    RouteInsight();
    if (audiences_ != nullptr) RouteAudiences();
    RouteOperations();
  }

  // A call is answered when it gets its turn; health, metrics and the status always are.
  httplib::Server::Handler Admitted(httplib::Server::Handler answer) {
    return [this, answer = std::move(answer)](const httplib::Request& in, httplib::Response& out) {
      const HttpGate::Turn turn(&gate_);
      if (turn.admitted()) return answer(in, out);
      refused_.Increment();
      out.set_header("Retry-After", kRetryAfterSeconds);
      SendError(absl::ResourceExhaustedError("more calls than can be answered; retry later"), &out);
    };
  }
  void Get(const char* path, httplib::Server::Handler answer) {
    server_.Get(path, Admitted(std::move(answer)));
  }
  void Post(const char* path, httplib::Server::Handler answer) {
    server_.Post(path, Admitted(std::move(answer)));
  }

  // `fields`: of the profiles, those to answer with.
  template <typename Request>
  static void ReadFields(const httplib::Request& in, Request* request) {
    for (std::string& path : ListParam(in, "fields")) {
      request->mutable_read_mask()->add_paths(std::move(path));
    }
  }

  void RouteProfiles() {
    Get(R"(/v1/profiles/(.+))", [this](const httplib::Request& in, httplib::Response& out) {
      v1::GetProfileRequest request;
      request.set_name(absl::StrCat("profiles/", in.matches[1].str()));
      ReadFields(in, &request);
      v1::Profile profile;
      Send(serving_->GetProfile(request, &profile), profile, &out);
    });
    Get("/v1/profiles:batchGet", [this](const httplib::Request& in, httplib::Response& out) {
      v1::BatchGetProfilesRequest request;
      for (const std::string& id : ListParam(in, "ids")) {
        request.add_names(absl::StrCat("profiles/", id));
      }
      for (std::string& name : ListParam(in, "names")) request.add_names(std::move(name));
      ReadFields(in, &request);
      v1::BatchGetProfilesResponse response;
      Send(serving_->BatchGetProfiles(request, &response), response, &out);
    });
    Post("/v1/profiles:batchGet", [this](const httplib::Request& in, httplib::Response& out) {
      PostJson<v1::BatchGetProfilesRequest, v1::BatchGetProfilesResponse>(
          in, &Serving::BatchGetProfiles, &out);
    });
  }

  void RouteRecommendations() {
    Get(R"(/v1/recommendations/(.*))",
        [this](const httplib::Request& in, httplib::Response& out) { Recommend(in, &out); });
    Post("/v1/recommendations", [this](const httplib::Request& in, httplib::Response& out) {
      PostJson<v1::RecommendRequest, v1::RecommendResponse>(in, &Serving::Recommend, &out);
    });
    Get(R"(/v1/customers/(.+)/similar)",
        [this](const httplib::Request& in, httplib::Response& out) {
          v1::SimilarCustomersRequest request;
          RequestCheck check;
          request.set_customer_id(in.matches[1].str());
          ReadCount(in, &check, [&request](int32_t n) { request.set_count(n); });
          v1::SimilarCustomersResponse response;
          absl::Status status = check.status();
          if (status.ok()) status = serving_->SimilarCustomers(request, &response);
          Send(status, response, &out);
        });
    Get("/v1/performance", [this](const httplib::Request& in, httplib::Response& out) {
      v1::QueryPerformanceRequest request;
      RequestCheck check;
      for (const std::string& by : ListParam(in, "group_by")) {
        const absl::Status status = AddDimension(by, &request);
        if (!status.ok()) check.Violation("group_by", status.message());
      }
      v1::QueryPerformanceResponse response;
      absl::Status status = check.status();
      if (status.ok()) status = serving_->QueryPerformance(request, &response);
      Send(status, response, &out);
    });
    Get(R"(/v1/items/(.+)/similar)", [this](const httplib::Request& in, httplib::Response& out) {
      v1::SimilarItemsRequest request;
      RequestCheck check;
      request.set_item_id(in.matches[1].str());
      ReadCount(in, &check, [&request](int32_t n) { request.set_count(n); });
      ReadFilter(in, &check, request.mutable_filter());
      EachParam(in, "method", &check,
                [&request](const std::string& text) { return SetMethod(text, &request); });
      v1::SimilarItemsResponse response;
      absl::Status status = check.status();
      if (status.ok()) status = serving_->SimilarItems(request, &response);
      Send(status, response, &out);
    });
  }

  void RouteSegments() {
    Get("/v1/segments", [this](const httplib::Request& in, httplib::Response& out) {
      v1::ListSegmentsRequest request;
      RequestCheck check;
      ReadCount(in, &check, [&request](int32_t n) { request.set_page_size(n); });
      request.set_page_token(in.get_param_value("page_token"));
      v1::ListSegmentsResponse response;
      absl::Status status = check.status();
      if (status.ok()) status = serving_->ListSegments(request, &response);
      Send(status, response, &out);
    });
    Get("/v1/segments:explore",
        [this](const httplib::Request& in, httplib::Response& out) { Explore(in, &out); });
    Get(R"(/v1/segments/(.+))", [this](const httplib::Request& in, httplib::Response& out) {
      v1::GetSegmentRequest request;
      request.set_name(absl::StrCat("segments/", in.matches[1].str()));
      v1::Segment segment;
      Send(serving_->GetSegment(request, &segment), segment, &out);
    });
  }

  void RouteInsight() {
    Get("/v1/series", [this](const httplib::Request&, httplib::Response& out) {
      v1::ListSeriesResponse response;
      Send(serving_->ListSeries({}, &response), response, &out);
    });
    Get(R"(/v1/series/(.+))", [this](const httplib::Request& in, httplib::Response& out) {
      v1::GetSeriesRequest request;
      RequestCheck check;
      request.set_name(absl::StrCat("series/", in.matches[1].str()));
      request.set_step(ReadStep(in, &check));
      ReadCount(in, &check, [&request](int32_t n) { request.set_count(n); });
      v1::Series series;
      absl::Status status = check.status();
      if (status.ok()) status = serving_->GetSeries(request, &series);
      Send(status, series, &out);
    });
    Get(R"(/v1/forecasts/(.+))", [this](const httplib::Request& in, httplib::Response& out) {
      v1::ForecastRequest request;
      RequestCheck check;
      request.set_name(absl::StrCat("series/", in.matches[1].str()));
      request.set_step(ReadStep(in, &check));
      request.set_measure(ReadMeasure(in, &check));
      ReadCount(in, &check, [&request](int32_t n) { request.set_horizon(n); });
      v1::ForecastResponse response;
      absl::Status status = check.status();
      if (status.ok()) status = serving_->Forecast(request, &response);
      Send(status, response, &out);
    });
    Get("/v1/data-quality", [this](const httplib::Request& in, httplib::Response& out) {
      v1::GetDataQualityRequest request;
      request.set_alerts_only(in.get_param_value("alerts_only") == "true");
      v1::DataQuality quality;
      Send(serving_->GetDataQuality(request, &quality), quality, &out);
    });
  }

  void RouteAudiences() {
    Get("/v1/audiences", [this](const httplib::Request&, httplib::Response& out) {
      v1::ListAudiencesResponse response;
      Send(audiences_->List({}, &response), response, &out);
    });
    Get(R"(/v1/audiences/([^/]+))", [this](const httplib::Request& in, httplib::Response& out) {
      v1::GetAudienceRequest request;
      request.set_name(absl::StrCat("audiences/", in.matches[1].str()));
      v1::Audience audience;
      Send(audiences_->Get(request, &audience), audience, &out);
    });
    Get(R"(/v1/audiences/([^/]+)/members/(.+))",
        [this](const httplib::Request& in, httplib::Response& out) {
          v1::ExplainMembershipRequest request;
          request.set_name(absl::StrCat("audiences/", in.matches[1].str()));
          request.set_customer_id(in.matches[2].str());
          v1::Membership membership;
          Send(audiences_->Explain(request, &membership), membership, &out);
        });
  }

  void RouteOperations() {
    server_.Get("/v1/status", [this](const httplib::Request&, httplib::Response& out) {
      v1::Status status;
      Send(serving_->GetStatus({}, &status), status, &out);
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& out) {
      out.set_content(registry_->RenderText(), telemetry::Registry::kContentType.data());
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& out) {
      SendHealth(telemetry::Probe::kLiveness, &out);
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& out) {
      SendHealth(telemetry::Probe::kReadiness, &out);
    });
  }

  void Explore(const httplib::Request& in, httplib::Response* out) {
    v1::ExploreRequest request;
    RequestCheck check;
    const std::string method =
        absl::StrCat("METHOD_", absl::AsciiStrToUpper(in.get_param_value("method")));
    v1::ExploreRequest::Method parsed = v1::ExploreRequest::METHOD_UNSPECIFIED;
    if (in.has_param("method") && !v1::ExploreRequest::Method_Parse(method, &parsed)) {
      check.Violation("method", "expected kmeans, ward or dbscan");
    }
    request.set_method(parsed);
    const auto number = [&](const char* name, auto parse, auto set) {
      if (!in.has_param(name)) return;
      typename std::remove_pointer_t<decltype(parse)> value{};
      if (SetNumber(in.get_param_value(name), &value)) {
        set(value);
      } else {
        check.Violation(name, "expected a number");
      }
    };
    number("k", static_cast<int32_t*>(nullptr), [&](int32_t n) { request.set_cluster_count(n); });
    number("min_neighbors", static_cast<int32_t*>(nullptr),
           [&](int32_t n) { request.set_min_neighbors(n); });
    number("points", static_cast<int32_t*>(nullptr), [&](int32_t n) { request.set_max_points(n); });
    number("radius", static_cast<double*>(nullptr), [&](double r) { request.set_radius(r); });
    const std::string features = in.get_param_value("features");
    for (absl::string_view name : absl::StrSplit(features, ',', absl::SkipEmpty())) {
      request.add_features(std::string(name));
    }
    v1::ExploreResponse response;
    absl::Status status = check.status();
    if (status.ok()) status = serving_->Explore(request, &response);
    Send(status, response, out);
  }

  static bool SetNumber(const std::string& text, int32_t* value) {
    return absl::SimpleAtoi(text, value);
  }
  static bool SetNumber(const std::string& text, double* value) {
    return absl::SimpleAtod(text, value);
  }

  void Recommend(const httplib::Request& in, httplib::Response* out) {
    v1::RecommendRequest request;
    RequestCheck check;
    request.set_customer_id(in.matches[1].str());
    ReadCount(in, &check, [&request](int32_t n) { request.set_count(n); });
    ReadFilter(in, &check, request.mutable_filter());
    request.set_page_item_id(in.get_param_value("page"));
    for (std::string& item : ListParam(in, "cart")) request.add_cart_item_ids(std::move(item));
    for (std::string& item : ListParam(in, "session")) {
      request.add_session_item_ids(std::move(item));
    }
    ReadControls(in, &check, &request);
    v1::RecommendResponse response;
    absl::Status status = check.status();
    if (status.ok()) status = serving_->Recommend(request, &response);
    Send(status, response, out);
  }

  template <typename Request, typename Response>
  void PostJson(const httplib::Request& in,
                absl::Status (Serving::*method)(const Request&, Response*),
                httplib::Response* out) {
    Request request;
    Response response;
    absl::Status status;
    const auto parsed = google::protobuf::util::JsonStringToMessage(in.body, &request);
    if (!parsed.ok()) {
      status = absl::InvalidArgumentError(absl::StrCat("body: ", parsed.message().ToString()));
    } else {
      status = (serving_->*method)(request, &response);
    }
    Send(status, response, out);
  }

  void SendHealth(telemetry::Probe probe, httplib::Response* out) {
    const absl::Status status = health_->Check(probe);
    out->status = status.ok() ? 200 : 503;
    out->set_content(status.ok() ? "ok\n" : absl::StrCat(status.message(), "\n"), "text/plain");
  }

  Serving* const serving_;
  const telemetry::Registry* const registry_;
  const telemetry::HealthState* const health_;
  const AudienceAnswers* const audiences_;
  telemetry::Counter& refused_;
  HttpGate gate_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const HttpServerOptions& options, Serving* serving, telemetry::Registry* registry,
    const telemetry::HealthState* health) {
  auto server = std::make_unique<HttpServerImpl>(options, serving, registry, health);
  const absl::Status status = server->Listen(options);
  if (!status.ok()) return status;
  return server;
}

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return HttpErrorBody(absl::InternalError(status.ToString()));
  return json;
}

}  // namespace kindred::node
