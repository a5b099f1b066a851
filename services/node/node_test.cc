// The whole node on a broker inside this process: events in, answers out over real connections.
// One node serves all tests of the suite, for joining a group takes seconds.
#include "node/node.h"

#include <grpcpp/grpcpp.h>
#include <httplib.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "kindred/v1/recommendation.grpc.pb.h"
#include "kindred/v1/segment.grpc.pb.h"
#include "kindred/v1/status.grpc.pb.h"
#include "node/config.h"
#include "node/grpc_server.h"
#include "node/test_state.h"
#include "store/testing/scratch_directory.h"
#include "stream/embedded_broker.h"
#include "stream/record_sink.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

constexpr int kPartitions = 2;
constexpr absl::Duration kPatience = absl::Seconds(60);

// Calls `done` until it says true.
template <typename Done>
bool Eventually(Done done) {
  const absl::Time limit = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > limit) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

class NodeTest : public ::testing::Test {
 protected:
  struct World {
    World() {
      auto started = stream::EmbeddedBroker::Start();
      EXPECT_TRUE(started.ok()) << started.status();
      broker = *std::move(started);
      for (const char* topic : {"events", "items", "events.dead-letters"}) {
        EXPECT_TRUE(
            broker->CreateTopic(topic, topic == std::string("events") ? kPartitions : 1).ok());
      }
      stream::KafkaSinkOptions options;
      options.connection.brokers = broker->address();
      auto opened = stream::OpenKafkaRecordSink(options);
      EXPECT_TRUE(opened.ok()) << opened.status();
      sink = *std::move(opened);
      Produce("items", "sku-9",
              R"({"item_id":"sku-9","title":"Green tea","category":"tea","price":5})");
      StartNode();
    }

    config::v1::NodeConfig Config() const {
      config::v1::NodeConfig config = DefaultConfig();
      config.mutable_kafka()->set_brokers(broker->address());
      config.mutable_kafka()->set_topic("events");
      config.mutable_kafka()->set_items_topic("items");
      // The broker of the test remembers a member that left until its session ends.
      config.mutable_kafka()->set_session_timeout_ms(6000);
      config.mutable_store()->set_data_dir(directory.path());
      config.mutable_store()->set_checkpoint_interval_ms(50);
      config.mutable_store()->set_memory_limit_mib(512);
      config.mutable_serve()->set_grpc_address("127.0.0.1:0");
      config.mutable_serve()->set_http_address("127.0.0.1:0");
      config.mutable_segments()->set_count(2);
      config.mutable_segments()->set_pass_interval_ms(50);
      return config;
    }

    void StartNode() {
      NodeHooks hooks;
      hooks.partition_count = kPartitions;
      auto started = Node::Start(Config(), hooks, [] { return false; });
      ASSERT_TRUE(started.ok()) << started.status();
      node = *std::move(started);
      channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", node->grpc_port()),
                                    grpc::InsecureChannelCredentials());
      ready_at_first = node->ready();
      readyz_at_first = Http("/readyz").first;
      grpc::ClientContext context;
      v1::Profile profile;
      v1::GetProfileRequest request;
      request.set_name("profiles/u-1");
      code_at_first = v1::ProfileService::NewStub(channel)
                          ->GetProfile(&context, request, &profile)
                          .error_code();
      ASSERT_TRUE(Eventually([this] { return node->ready() && Http("/readyz").first == 200; }));
    }

    void Produce(const std::string& topic, const std::string& key, const std::string& value) {
      stream::OutRecord record;
      record.topic = topic;
      record.key = key;
      record.value = value;
      EXPECT_TRUE(sink->Produce(record).ok());
      EXPECT_TRUE(sink->Flush(absl::Seconds(10)).ok());
      if (topic == "events") ++sent;
    }
    void Send(const std::string& id, const std::string& user, const std::string& type,
              const std::string& more) {
      const int64_t now = absl::ToUnixMillis(absl::Now());
      Produce("events", user, TestEvent(id, user, type, now, more));
    }

    v1::Status Status() const {
      v1::Status status;
      EXPECT_TRUE(node->serving().GetStatus({}, &status).ok());
      return status;
    }
    void WaitApplied() const {
      ASSERT_TRUE(Eventually([this] { return Status().quality().read() >= sent; }))
          << Status().ShortDebugString();
    }
    void WaitStored() const {
      ASSERT_TRUE(Eventually([this] {
        int64_t stored = 0;
        const v1::Status status = Status();
        for (const auto& partition : status.partitions()) stored += partition.stored_offset();
        return stored == sent;
      })) << Status().ShortDebugString();
    }

    // Status code and body.
    std::pair<int, std::string> Http(const std::string& path, const std::string& post = "") const {
      httplib::Client client("127.0.0.1", node->http_port());
      const httplib::Result result =
          post.empty() ? client.Get(path) : client.Post(path, post, "application/json");
      if (!result) return {0, httplib::to_string(result.error())};
      return {result->status, result->body};
    }

    store::ScratchDirectory directory;
    std::unique_ptr<stream::EmbeddedBroker> broker;
    std::unique_ptr<stream::RecordSink> sink;
    std::unique_ptr<Node> node;
    std::shared_ptr<grpc::Channel> channel;
    int64_t sent = 0;
    bool ready_at_first = true;
    int readyz_at_first = 0;
    grpc::StatusCode code_at_first = grpc::StatusCode::OK;
  };

  static void SetUpTestSuite() {
    world_ = new World;
    if (world_->node == nullptr) return;
    for (int i = 0; i < 40; ++i) {
      const std::string user = absl::StrCat("u-", i);
      const std::string item = absl::StrCat("\"item_id\":\"sku-", i % 4, "\",\"category\":\"c\"");
      world_->Send(absl::StrCat("v-", i), user, "view", item);
      world_->Send(absl::StrCat("p-", i), user, "purchase",
                   absl::StrCat("\"item_id\":\"sku-", i % 4 + 4,
                                "\",\"quantity\":2,\"price\":3,\"currency\":\"USD\""));
    }
    world_->WaitApplied();
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(world_->node, nullptr); }

  static grpc::Status Get(const std::string& name, v1::Profile* profile) {
    grpc::ClientContext context;
    v1::GetProfileRequest request;
    request.set_name(name);
    return v1::ProfileService::NewStub(world_->channel)->GetProfile(&context, request, profile);
  }

  static World* world_;
};
NodeTest::World* NodeTest::world_ = nullptr;

TEST_F(NodeTest, IsNotReadyBeforeItsPartitionsAre) {
  EXPECT_FALSE(world_->ready_at_first);
  EXPECT_EQ(world_->readyz_at_first, 503);
  EXPECT_EQ(world_->code_at_first, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(world_->Http("/readyz").first, 200);
  EXPECT_EQ(world_->Http("/healthz").first, 200);
  EXPECT_TRUE(
      DialHealth(absl::StrCat("127.0.0.1:", world_->node->grpc_port()), absl::Seconds(5)).ok());
}

TEST_F(NodeTest, EventsBecomeAnswers) {
  v1::Profile profile;
  ASSERT_TRUE(Get("profiles/u-1", &profile).ok());
  EXPECT_EQ(profile.event_count(), 2);
  EXPECT_EQ(profile.purchases().total_amount(), 6);

  grpc::ClientContext context;
  v1::RecommendRequest request;
  request.set_customer_id("u-1");
  v1::RecommendResponse response;
  const auto recommender = v1::RecommendationService::NewStub(world_->channel);
  ASSERT_TRUE(recommender->Recommend(&context, request, &response).ok());
  EXPECT_GT(response.recommendations_size(), 0);

  grpc::ClientContext similar_context;
  v1::SimilarItemsRequest similar;
  similar.set_item_id("sku-1");
  v1::SimilarItemsResponse items;
  ASSERT_TRUE(recommender->SimilarItems(&similar_context, similar, &items).ok());
  ASSERT_GT(items.recommendations_size(), 0);
  EXPECT_EQ(items.recommendations(0).item_id(), "sku-5");

  ASSERT_TRUE(Eventually([] {
    grpc::ClientContext segments_context;
    v1::ListSegmentsResponse segments;
    return v1::SegmentService::NewStub(world_->channel)
               ->ListSegments(&segments_context, {}, &segments)
               .ok() &&
           segments.segments_size() > 0;
  }));
  grpc::ClientContext status_context;
  v1::Status status;
  ASSERT_TRUE(
      v1::StatusService::NewStub(world_->channel)->GetStatus(&status_context, {}, &status).ok());
  EXPECT_TRUE(status.ready()) << status.ShortDebugString();
  EXPECT_EQ(status.customer_count(), 40);
}

TEST_F(NodeTest, ErrorsSayWhatTheCallerDoes) {
  v1::Profile profile;
  EXPECT_EQ(Get("profiles/nobody", &profile).error_code(), grpc::StatusCode::NOT_FOUND);
  const grpc::Status invalid = Get("nobody", &profile);
  EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(invalid.error_details()));
  google::rpc::BadRequest bad;
  ASSERT_TRUE(rich.details_size() == 1 && rich.details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "name");

  grpc::ClientContext late;
  late.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  v1::GetProfileRequest request;
  request.set_name("profiles/u-1");
  EXPECT_EQ(v1::ProfileService::NewStub(world_->channel)
                ->GetProfile(&late, request, &profile)
                .error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(NodeTest, EveryRouteGivesItsMessageAsJson) {
  const auto parsed = [](const std::string& path, google::protobuf::Message* message,
                         const std::string& post = "") {
    const auto [code, body] = world_->Http(path, post);
    EXPECT_EQ(code, 200) << path << " " << body;
    const auto read = google::protobuf::util::JsonStringToMessage(body, message);
    EXPECT_TRUE(read.ok()) << path << " " << read;
  };
  v1::Profile profile;
  parsed("/v1/profiles/u-1", &profile);
  EXPECT_EQ(profile.purchases().line_count(), 1);
  v1::Profile masked;
  parsed("/v1/profiles/u-1?fields=event_count", &masked);
  EXPECT_EQ(masked.event_count(), 2);
  EXPECT_EQ(masked.name(), "");
  v1::BatchGetProfilesResponse batch;
  parsed("/v1/profiles:batchGet?ids=u-1,nobody", &batch);
  EXPECT_EQ(batch.profiles_size(), 1);
  EXPECT_EQ(batch.missing_names_size(), 1);
  v1::BatchGetProfilesResponse posted;
  v1::BatchGetProfilesResponse narrow;
  parsed("/v1/profiles:batchGet?ids=u-1&fields=event_count", &narrow);
  ASSERT_EQ(narrow.profiles_size(), 1);
  EXPECT_EQ(narrow.profiles(0).event_count(), 2);
  EXPECT_FALSE(narrow.profiles(0).has_as_of_time()) << "only what was asked for";
  parsed("/v1/profiles:batchGet", &posted, R"({"names":["profiles/u-2","profiles/u-3"]})");
  EXPECT_EQ(posted.profiles_size(), 2);
  v1::RecommendResponse recommended;
  parsed("/v1/recommendations/u-1?n=2&exclude=sku-5", &recommended);
  EXPECT_EQ(recommended.recommendations_size(), 2);
  v1::RecommendResponse stranger;
  parsed("/v1/recommendations/?category=c", &stranger);
  EXPECT_GT(stranger.recommendations_size(), 0);
  v1::SimilarItemsResponse similar;
  parsed("/v1/items/sku-1/similar?n=1", &similar);
  EXPECT_EQ(similar.recommendations_size(), 1);
  v1::ListSegmentsResponse segments;
  parsed("/v1/segments", &segments);
  v1::Status status;
  parsed("/v1/status", &status);
  EXPECT_EQ(status.topic(), "events");
  const auto [code, metrics] = world_->Http("/metrics");
  EXPECT_EQ(code, 200);
  EXPECT_THAT(metrics, HasSubstr("kindred_records_applied_total"));

  EXPECT_EQ(world_->Http("/v1/profiles/nobody").first, 404);
  EXPECT_THAT(world_->Http("/v1/profiles/nobody").second, HasSubstr("\"NOT_FOUND\""));
  EXPECT_EQ(world_->Http("/v1/recommendations/u-1?n=many").first, 400);
  EXPECT_EQ(world_->Http("/v1/profiles:batchGet", "not json").first, 400);
  EXPECT_EQ(world_->Http("/v1/profiles/" + std::string(7000, 'x')).first, 400);
  EXPECT_EQ(world_->Http("/nothing").first, 404);
}

TEST_F(NodeTest, WatchersGetTheNewestStateAtMostOnceASecond) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::WatchProfileRequest request;
  request.set_name("profiles/watched");
  const auto reader = v1::ProfileService::NewStub(world_->channel)->WatchProfile(&context, request);
  // The server writes the first state after this moment, and the k-th one after it k seconds later.
  const absl::Time begin = absl::Now();
  world_->Send("w-0", "watched", "search", "\"query\":\"tea\"");
  v1::WatchProfileResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.profile().event_count(), 1);
  for (int i = 1; i <= 20; ++i) {
    world_->Send(absl::StrCat("w-", i), "watched", "search", "\"query\":\"tea\"");
  }
  int messages = 0;
  while (message.profile().event_count() < 21 && reader->Read(&message)) ++messages;
  EXPECT_EQ(message.profile().event_count(), 21);
  EXPECT_GE(messages, 1);
  EXPECT_LE(messages, (absl::Now() - begin) / absl::Seconds(1));
  // Deleted and back: news, although the count has been seen.
  world_->Send("w-delete", "watched", "delete", "");
  world_->WaitApplied();
  for (int i = 1; i <= 21; ++i) {
    world_->Send(absl::StrCat("again-", i), "watched", "search", "\"query\":\"tea\"");
  }
  do {
    ASSERT_TRUE(reader->Read(&message));
  } while (message.profile().event_count() < 21);
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);

  grpc::ClientContext wrong;
  request.set_name("watched");
  const auto refused = v1::ProfileService::NewStub(world_->channel)->WatchProfile(&wrong, request);
  EXPECT_FALSE(refused->Read(&message));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(NodeTest, RejectedRecordsGoToTheDeadLetterTopicOnce) {
  world_->Produce("events", "u-1", "neither JSON nor protobuf");
  world_->Send("bad", "u-1", "view", "");  // of no item
  world_->WaitApplied();
  ASSERT_TRUE(Eventually([] {
    const v1::Status status = world_->Status();
    return status.quality().outbox_pending() == 0 &&
           absl::StrContains(world_->Http("/metrics").second,
                             "\nkindred_dead_letters_produced_total 2");
  })) << world_->Status().quality().ShortDebugString();
  EXPECT_EQ(world_->Status().quality().rejected().at("missing_item"), 1);
}

TEST_F(NodeTest, ASecondNodeOnTheSameDirectoryIsRefused) {
  NodeHooks hooks;
  hooks.partition_count = kPartitions;
  const auto second = Node::Start(world_->Config(), hooks, [] { return false; });
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
}

// Last, for it ends the node that the others use.
TEST_F(NodeTest, StopsCleanlyAndGoesOnWhereItStopped) {
  world_->WaitStored();
  v1::Profile before;
  ASSERT_TRUE(Get("profiles/u-1", &before).ok());
  const v1::Quality counts = world_->Status().quality();
  // Not yet stored when the node is told to stop.
  world_->Send("last", "u-39", "search", "\"query\":\"last\"");
  world_->WaitApplied();
  const absl::Time start = absl::Now();
  const absl::Status stopped = world_->node->Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
  v1::Profile profile;
  EXPECT_EQ(Get("profiles/u-1", &profile).error_code(), grpc::StatusCode::UNAVAILABLE);
  world_->node.reset();

  world_->StartNode();
  EXPECT_EQ(world_->code_at_first, grpc::StatusCode::UNAVAILABLE)
      << "what another node may have changed is not answered for";
  ASSERT_TRUE(Get("profiles/u-1", &profile).ok());
  for (v1::Profile* one : {&before, &profile}) {
    one->clear_freshness();
    one->clear_as_of_time();
    one->clear_segment();
    one->clear_features();
    one->clear_category_affinities();
    one->mutable_purchases()->clear_recency();
  }
  EXPECT_EQ(profile.ShortDebugString(), before.ShortDebugString());
  EXPECT_EQ(world_->Status().quality().read(), counts.read() + 1) << "nothing is read again";
  world_->Send("last", "u-39", "search", "\"query\":\"last\"");
  world_->WaitApplied();
  EXPECT_EQ(world_->Status().quality().duplicates(), 1);
  EXPECT_TRUE(world_->node->Stop().ok());
}

}  // namespace
}  // namespace kindred::node
