// What the gRPC front refuses, over real connections: messages, metadata and streams above their
// limits.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "node/grpc_server.h"
#include "telemetry/metrics.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kSoon = absl::Seconds(10);

// Knows every customer; everything but profiles is not asked of it.
class ProfilesOnly final : public Serving {
 public:
  int begun() const { return begun_; }

  absl::Status GetProfile(const v1::GetProfileRequest& request, v1::Profile* profile) override {
    ++begun_;
    profile->set_name(request.name());
    return absl::OkStatus();
  }
  absl::Status GetProfileBytes(const v1::GetProfileRequest& request, WireBuffer* profile) override {
    ++begun_;
    profile->String(v1::Profile::kNameFieldNumber, request.name());
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> ProfileVersion(absl::string_view) override { return 1; }

  using S = absl::Status;
  S BatchGetProfiles(const v1::BatchGetProfilesRequest&, v1::BatchGetProfilesResponse*) override {
    return None();
  }
  S ListProfiles(const v1::ListProfilesRequest&, v1::ListProfilesResponse*) override {
    return None();
  }
  S GetIdentity(const v1::GetIdentityRequest&, v1::CustomerIdentity*) override { return None(); }
  void UnlinkIds(const v1::UnlinkIdsRequest&, v1::CustomerIdentity*,
                 std::function<void(const absl::Status&)> done) override {
    done(None());
  }
  S Recommend(const v1::RecommendRequest&, v1::RecommendResponse*) override { return None(); }
  S RecommendBytes(const v1::RecommendRequest&, WireBuffer*) override { return None(); }
  S SimilarItems(const v1::SimilarItemsRequest&, v1::SimilarItemsResponse*) override {
    return None();
  }
  S SimilarCustomers(const v1::SimilarCustomersRequest&, v1::SimilarCustomersResponse*) override {
    return None();
  }
  S QueryPerformance(const v1::QueryPerformanceRequest&, v1::QueryPerformanceResponse*) override {
    return None();
  }
  S ListSegments(const v1::ListSegmentsRequest&, v1::ListSegmentsResponse*) override {
    return None();
  }
  S GetSegment(const v1::GetSegmentRequest&, v1::Segment*) override { return None(); }
  S ListSeries(const v1::ListSeriesRequest&, v1::ListSeriesResponse*) override { return None(); }
  S GetSeries(const v1::GetSeriesRequest&, v1::Series*) override { return None(); }
  S GetDataQuality(const v1::GetDataQualityRequest&, v1::DataQuality*) override { return None(); }
  S Forecast(const v1::ForecastRequest&, v1::ForecastResponse*) override { return None(); }
  S Explore(const v1::ExploreRequest&, v1::ExploreResponse*) override { return None(); }
  S GetStatus(const v1::GetStatusRequest&, v1::Status*) override { return None(); }

 private:
  static absl::Status None() { return absl::UnimplementedError("not asked here"); }

  std::atomic<int> begun_{0};
};

class GrpcLimitsTest : public ::testing::Test {
 protected:
  GrpcLimitsTest() {
    GrpcServerOptions options;
    options.address = "127.0.0.1:0";
    options.max_watches = 3;
    options.watch_interval = absl::Milliseconds(20);
    auto started = GrpcServer::Start(options, &serving_, &registry_);
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    server_->SetServing(true);
  }
  ~GrpcLimitsTest() override { server_->Shutdown(absl::Now() + kSoon); }

  // Over a connection of its own.
  std::unique_ptr<v1::ProfileService::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::ProfileService::NewStub(
        grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                  grpc::InsecureChannelCredentials(), arguments));
  }

  static grpc::Status Get(v1::ProfileService::Stub& stub, const std::string& name,
                          const std::string& metadata = "") {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kSoon));
    if (!metadata.empty()) context.AddMetadata("x-much", metadata);
    v1::GetProfileRequest request;
    request.set_name(name);
    v1::Profile profile;
    return stub.GetProfile(&context, request, &profile);
  }

  telemetry::Registry registry_;
  ProfilesOnly serving_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(GrpcLimitsTest, AMessageAboveItsLimitIsRefusedWithTheSizes) {
  const auto stub = Connect();
  const grpc::Status status = Get(*stub, std::string(2 << 20, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("larger than max"));
  EXPECT_EQ(serving_.begun(), 0);
  EXPECT_TRUE(Get(*stub, "profiles/a").ok()) << "the connection goes on";
}

TEST_F(GrpcLimitsTest, MetadataAboveItsLimitIsRefused) {
  const auto stub = Connect();
  EXPECT_TRUE(Get(*stub, "profiles/a", std::string(4 << 10, 'm')).ok());
  const grpc::Status status = Get(*stub, "profiles/a", std::string(20 << 10, 'm'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(serving_.begun(), 1);
  EXPECT_TRUE(Get(*Connect(), "profiles/a").ok()) << "others go on";
}

TEST_F(GrpcLimitsTest, OneStreamTooManyIsRefusedAndTheOthersGoOn) {
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchProfileResponse>> reader;
  };
  const auto stub = Connect();
  const auto watch = [&stub] {
    auto watcher = std::make_unique<Watcher>();
    v1::WatchProfileRequest request;
    request.set_name("profiles/a");
    watcher->context.set_deadline(absl::ToChronoTime(absl::Now() + 2 * kSoon));
    watcher->reader = stub->WatchProfile(&watcher->context, request);
    return watcher;
  };
  v1::WatchProfileResponse response;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 3; ++i) {
    watchers.push_back(watch());
    ASSERT_TRUE(watchers.back()->reader->Read(&response)) << i;
  }
  const absl::Time begin = absl::Now();
  const auto more = watch();
  EXPECT_FALSE(more->reader->Read(&response));
  EXPECT_EQ(more->reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LT(absl::Now() - begin, kSoon);
  EXPECT_TRUE(Get(*stub, "profiles/a").ok()) << "calls are answered meanwhile";
  // When one leaves there is room again.
  watchers.front()->context.TryCancel();
  EXPECT_EQ(watchers.front()->reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  bool taken = false;
  for (const absl::Time limit = absl::Now() + kSoon; !taken && absl::Now() < limit;) {
    auto again = watch();
    taken = again->reader->Read(&response);
    again->context.TryCancel();
    again->reader->Finish();
  }
  EXPECT_TRUE(taken);
  for (size_t i = 1; i < watchers.size(); ++i) {
    watchers[i]->context.TryCancel();
    EXPECT_EQ(watchers[i]->reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

}  // namespace
}  // namespace kindred::node
