// Answers to calls, over real partitions and a store in memory, without a transport.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "base/hash.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "node/checkpointer.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/request_error.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kPartitions = 2;
constexpr int kCustomers = 120;

SharedOptions TwoPartitions() {
  SharedOptions options;
  options.partition_count = kPartitions;
  return options;
}

// The fields that the request's error names.
std::vector<std::string> Violations(const absl::Status& status) {
  std::vector<std::string> fields;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  google::rpc::BadRequest bad;
  if (!payload.has_value() || !bad.ParseFromString(std::string(*payload))) return fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  return fields;
}

// One shop for all tests: customers 0, 3, 6 … buy tea, the others look at cups.
class ServingTest : public ::testing::Test {
 protected:
  struct Shop {
    Shop()
        : state(TwoPartitions(), store::NewMemoryEnvironment()),
          checkpointer(
              state.store.get(), &registry, [](Partition&, const PendingCheckpoint&) {},
              [](absl::Status) {}),
          learner(Learn(), state.partitions.get(), state.store.get(), &registry),
          predictions({}, state.partitions.get(), state.cold.get(), state.store.get(), &registry),
          serving({"events", "kindred", 1 << 30, absl::Now()}, state.shared.get(),
                  state.partitions.get(), state.cold.get(), state.store.get(), &learner,
                  &predictions, &checkpointer, &health) {
      for (int i = 0; i < kCustomers; ++i) FeedCustomer(i);
      for (int p = 0; p < kPartitions; ++p) {
        state.Checkpoint(p);
        PartitionSlot& slot = state.partitions->slot(PartitionId(p));
        slot.ownership.store(Ownership::kOwned);
        slot.caught_up.store(true);
        slot.last_heard_ms.store(absl::ToUnixMillis(absl::Now()));
      }
      EXPECT_TRUE(learner.Start().ok());
      for (int i = 0; i < 1000 && learner.Current() == nullptr; ++i) {
        absl::SleepFor(absl::Milliseconds(10));
      }
    }

    static LearnerOptions Learn() {
      LearnerOptions options;
      options.segments = 3;
      options.pass_interval = absl::Milliseconds(10);
      return options;
    }

    void Send(const std::string& user, const std::string& type, const std::string& more) {
      const int32_t home = base::PartitionOf(user, kPartitions);
      const int64_t time = kTestTimeMs + ++clock * 1000;
      state.Feed(user, TestEvent(absl::StrCat("e-", clock), user, type, time, more), home, time);
    }

    void FeedCustomer(int i) {
      const std::string user = absl::StrCat("u-", i);
      const auto item = [](const std::string& id, const std::string& category, double price) {
        return absl::StrCat("\"item_id\":\"", id, "\",\"category\":\"", category,
                            "\",\"price\":", price, ",\"currency\":\"USD\",\"quantity\":1");
      };
      if (i % 3 == 0) {
        Send(user, "view", item("green-tea", "tea", 5));
        Send(user, "purchase", item("green-tea", "tea", 5));
        Send(user, "purchase", item("black-tea", "tea", 4));
        Send(user, "view", item("tea-pot", "pots", 40));
      } else {
        Send(user, "view", item(absl::StrCat("cup-", i % 5), "cups", 8 + i % 5));
        Send(user, "view", item(absl::StrCat("cup-", (i + 1) % 5), "cups", 8 + (i + 1) % 5));
      }
    }

    int64_t clock = 0;
    telemetry::Registry registry;
    telemetry::HealthState health;
    TestState state;
    Checkpointer checkpointer;
    Learner learner;
    PredictionLearner predictions;
    LiveServing serving;
  };

  static void SetUpTestSuite() { shop_ = new Shop; }
  static void TearDownTestSuite() {
    delete shop_;
    shop_ = nullptr;
  }

  static absl::StatusOr<v1::Profile> Get(const std::string& name,
                                         const std::vector<std::string>& mask = {}) {
    v1::GetProfileRequest request;
    request.set_name(name);
    for (const std::string& path : mask) request.mutable_read_mask()->add_paths(path);
    v1::Profile profile;
    const absl::Status status = shop_->serving.GetProfile(request, &profile);
    if (!status.ok()) return status;
    return profile;
  }

  static std::vector<std::string> Recommended(const v1::RecommendRequest& request) {
    v1::RecommendResponse response;
    const absl::Status status = shop_->serving.Recommend(request, &response);
    EXPECT_TRUE(status.ok()) << status;
    std::vector<std::string> items;
    for (const auto& one : response.recommendations()) {
      EXPECT_NE(one.reason(), "") << one.item_id();
      EXPECT_NE(one.source(), v1::SOURCE_UNSPECIFIED);
      items.push_back(one.item_id());
    }
    return items;
  }

  static Shop* shop_;
};
ServingTest::Shop* ServingTest::shop_ = nullptr;

TEST_F(ServingTest, AProfileHasNamesUnitsAndASegment) {
  const auto profile = Get("profiles/u-3");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->customer_id(), "u-3");
  EXPECT_EQ(profile->event_count(), 4);
  EXPECT_EQ(profile->event_counts().at("purchase"), 2);
  EXPECT_EQ(profile->purchases().total_amount(), 9);
  EXPECT_EQ(profile->purchases().frequency(), 2);
  ASSERT_THAT(profile->recent_items(), SizeIs(4));
  EXPECT_EQ(profile->recent_items(0).item_id(), "tea-pot") << "newest first";
  EXPECT_EQ(profile->category_affinities(0).value(), "tea");
  EXPECT_THAT(profile->segment().segment(), HasSubstr("segments/"));
  EXPECT_NE(profile->segment().label(), "");
  EXPECT_THAT(profile->features(), Not(IsEmpty()));
  EXPECT_EQ(profile->freshness().partition(), base::PartitionOf("u-3", kPartitions));
  EXPECT_LT(profile->freshness().staleness().seconds(), 60);
}

TEST_F(ServingTest, AMaskKeepsItsFieldsAlone) {
  const auto masked = Get("profiles/u-3", {"purchases.total_amount", "event_count"});
  ASSERT_TRUE(masked.ok()) << masked.status();
  EXPECT_EQ(masked->purchases().total_amount(), 9);
  EXPECT_EQ(masked->purchases().frequency(), 0);
  EXPECT_EQ(masked->event_count(), 4);
  EXPECT_EQ(masked->name(), "");
  EXPECT_FALSE(masked->has_segment());
  EXPECT_THAT(Get("profiles/u-3", {"*"})->recent_items(), SizeIs(4));
  EXPECT_THAT(Violations(Get("profiles/u-3", {"purchases", "salary"}).status()),
              ElementsAre("read_mask"));
}

TEST_F(ServingTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(Get("profiles/nobody").status().code(), absl::StatusCode::kNotFound);
  for (const std::string name : {"", "u-3", "profiles/", "segments/1"}) {
    EXPECT_THAT(Violations(Get(name).status()), ElementsAre("name")) << name;
  }
  EXPECT_THAT(Violations(Get("profiles/" + std::string(300, 'x')).status()), ElementsAre("name"));
  v1::RecommendRequest request;
  request.set_count(101);
  request.mutable_filter()->set_min_price(9);
  request.mutable_filter()->set_max_price(3);
  v1::RecommendResponse response;
  EXPECT_THAT(Violations(shop_->serving.Recommend(request, &response)),
              ElementsAre("count", "filter.min_price"));
}

TEST_F(ServingTest, BatchListsWhatIsMissing) {
  v1::BatchGetProfilesRequest request;
  for (const char* id : {"u-1", "nobody", "u-2", "no one"}) {
    request.add_names(absl::StrCat("profiles/", id));
  }
  v1::BatchGetProfilesResponse response;
  ASSERT_TRUE(shop_->serving.BatchGetProfiles(request, &response).ok());
  ASSERT_THAT(response.profiles(), SizeIs(2));
  EXPECT_EQ(response.profiles(0).customer_id(), "u-1");
  EXPECT_EQ(response.profiles(1).customer_id(), "u-2");
  EXPECT_THAT(response.missing_names(), ElementsAre("profiles/nobody", "profiles/no one"));

  EXPECT_THAT(Violations(shop_->serving.BatchGetProfiles({}, &response)), ElementsAre("names"));
  while (request.names_size() <= 500) request.add_names("profiles/u-1");
  EXPECT_THAT(Violations(shop_->serving.BatchGetProfiles(request, &response)),
              ElementsAre("names"));
}

TEST_F(ServingTest, PagesListEveryCustomerOnceInAStableOrder) {
  for (const int size : {1, 7, 60, 500}) {
    v1::ListProfilesRequest request;
    request.set_page_size(size);
    request.mutable_read_mask()->add_paths("customer_id");
    std::vector<std::string> seen;
    int pages = 0;
    do {
      v1::ListProfilesResponse response;
      ASSERT_TRUE(shop_->serving.ListProfiles(request, &response).ok());
      ASSERT_LE(response.profiles_size(), size);
      for (const v1::Profile& profile : response.profiles()) seen.push_back(profile.customer_id());
      request.set_page_token(response.next_page_token());
      ASSERT_LT(++pages, kCustomers + 3);
    } while (!request.page_token().empty());
    EXPECT_THAT(seen, SizeIs(kCustomers)) << size;
    EXPECT_THAT(std::set<std::string>(seen.begin(), seen.end()), SizeIs(kCustomers));
  }
  v1::ListProfilesRequest bad;
  v1::ListProfilesResponse response;
  bad.set_page_size(501);
  bad.set_page_token("nonsense");
  EXPECT_THAT(Violations(shop_->serving.ListProfiles(bad, &response)),
              ElementsAre("page_size", "page_token"));
}

TEST_F(ServingTest, RecommendFiltersBeforeTheTopIsCut) {
  v1::RecommendRequest request;
  request.set_customer_id("u-3");
  EXPECT_THAT(Recommended(request), Contains("tea-pot"));
  request.mutable_filter()->add_categories("cups");
  request.set_count(5);
  EXPECT_THAT(Recommended(request), SizeIs(5));
  for (const std::string& item : Recommended(request)) EXPECT_THAT(item, HasSubstr("cup-"));
  request.mutable_filter()->set_max_price(9);
  EXPECT_THAT(Recommended(request), ::testing::UnorderedElementsAre("cup-0", "cup-1"));
  request.mutable_filter()->add_exclude_item_ids("cup-0");
  EXPECT_THAT(Recommended(request), ElementsAre("cup-1"));
  request.mutable_filter()->clear_categories();
  request.mutable_filter()->add_categories("no such category");
  EXPECT_THAT(Recommended(request), IsEmpty());
}

TEST_F(ServingTest, PurchasedItemsCanBeLeftOut) {
  v1::RecommendRequest request;
  request.set_customer_id("u-3");
  request.set_count(50);
  request.mutable_filter()->set_exclude_purchased(true);
  const std::vector<std::string> items = Recommended(request);
  EXPECT_THAT(items, Not(IsEmpty()));
  EXPECT_THAT(items, Not(Contains("green-tea")));
  EXPECT_THAT(items, Not(Contains("black-tea")));
}

TEST_F(ServingTest, StrangersAndAnonymousSessionsGetAnswers) {
  v1::RecommendRequest request;
  EXPECT_THAT(Recommended(request), Not(IsEmpty())) << "nobody in particular";
  request.set_customer_id("nobody");
  EXPECT_THAT(Recommended(request), Not(IsEmpty()));
  request.add_session_item_ids("green-tea");
  request.add_session_item_ids("an item that nobody named");
  request.set_count(3);
  EXPECT_THAT(Recommended(request), Contains("black-tea"));
  v1::RecommendRequest page;
  page.set_page_item_id("green-tea");
  page.add_cart_item_ids("tea-pot");
  EXPECT_THAT(Recommended(page), Contains("black-tea"));
}

TEST_F(ServingTest, SimilarItems) {
  v1::SimilarItemsRequest request;
  request.set_item_id("green-tea");
  v1::SimilarItemsResponse response;
  ASSERT_TRUE(shop_->serving.SimilarItems(request, &response).ok());
  ASSERT_THAT(response.recommendations(), Not(IsEmpty()));
  std::vector<std::string> items;
  for (const auto& one : response.recommendations()) items.push_back(one.item_id());
  EXPECT_THAT(items, Contains("black-tea"));
  EXPECT_THAT(items, Not(Contains("green-tea"))) << "an item is not similar to itself";
  request.set_item_id("an item that nobody named");
  EXPECT_EQ(shop_->serving.SimilarItems(request, &response).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Violations(shop_->serving.SimilarItems({}, &response)), ElementsAre("item_id"));
}

TEST_F(ServingTest, ExploresWithoutMovingTheSegments) {
  v1::ExploreRequest request;
  request.set_method(v1::ExploreRequest::METHOD_WARD);
  request.set_cluster_count(2);
  request.set_max_points(1000);
  v1::ExploreResponse response;
  absl::Status status;
  // The first pass has to be over.
  for (int i = 0; i < 1000; ++i) {
    status = shop_->serving.Explore(request, &response);
    if (!absl::IsFailedPrecondition(status)) break;
    absl::SleepFor(absl::Milliseconds(10));
  }
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(response.clusters_size(), 2);
  EXPECT_EQ(response.customer_count(), kCustomers);
  EXPECT_EQ(response.clusters(0).size() + response.clusters(1).size(), kCustomers);
  // A third buys tea; the others look at cups.
  EXPECT_EQ(response.clusters(1).size(), (kCustomers + 2) / 3);
  EXPECT_GT(response.silhouette(), 0.3);
  EXPECT_GT(response.stability(), 0.9);
  EXPECT_EQ(response.points_size(), kCustomers);
  ASSERT_EQ(response.components_size(), 2);
  EXPECT_GE(response.components(0).explained_share(), response.components(1).explained_share());
  const int joins = response.joins_size();
  ASSERT_GT(joins, 1);
  EXPECT_EQ(response.joins(joins - 1).size(), kCustomers);
  for (int i = 0; i < joins; ++i) {
    EXPECT_LT(response.joins(i).left(), response.joins(i).right());
    EXPECT_LT(response.joins(i).right(), joins + 1 + i);
  }
}

TEST_F(ServingTest, ExploreSaysWhatIsWrong) {
  v1::ExploreRequest request;
  request.set_cluster_count(1);
  request.set_radius(-1);
  request.set_max_points(-1);
  request.add_features("no_such");
  v1::ExploreResponse response;
  EXPECT_THAT(Violations(shop_->serving.Explore(request, &response)),
              ::testing::ElementsAre("cluster_count", "radius", "max_points", "features[0]"));
}

TEST_F(ServingTest, SegmentsByPages) {
  v1::ListSegmentsRequest request;
  request.set_page_size(2);
  std::vector<v1::Segment> segments;
  do {
    v1::ListSegmentsResponse response;
    ASSERT_TRUE(shop_->serving.ListSegments(request, &response).ok());
    EXPECT_GT(response.model_version(), 0);
    for (const v1::Segment& segment : response.segments()) segments.push_back(segment);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_THAT(segments, Not(IsEmpty()));
  ASSERT_LE(segments.size(), 3u);
  v1::GetSegmentRequest get;
  get.set_name(segments[0].name());
  v1::Segment one;
  ASSERT_TRUE(shop_->serving.GetSegment(get, &one).ok());
  EXPECT_EQ(one.name(), segments[0].name());
  get.set_name("segments/999999");
  EXPECT_EQ(shop_->serving.GetSegment(get, &one).code(), absl::StatusCode::kNotFound);
  get.set_name("segments/first");
  EXPECT_THAT(Violations(shop_->serving.GetSegment(get, &one)), ElementsAre("name"));
  request.set_page_size(-1);
  request.set_page_token("x");
  v1::ListSegmentsResponse response;
  EXPECT_THAT(Violations(shop_->serving.ListSegments(request, &response)),
              ElementsAre("page_size", "page_token"));
}

TEST_F(ServingTest, PartitionsThatAreNotReadyAnswerUnavailable) {
  PartitionSlot& slot =
      shop_->state.partitions->slot(PartitionId(base::PartitionOf("u-3", kPartitions)));
  slot.caught_up.store(false);
  slot.catch_up_offset.store(1'000'000);
  EXPECT_EQ(Get("profiles/u-3").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Get("profiles/u-3").status().message(), HasSubstr("of 1000000"));
  const grpc::Status sent = ToGrpc(Get("profiles/u-3").status());
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(rich.ParseFromString(sent.error_details()));
  ASSERT_EQ(rich.details_size(), 2);
  for (const google::protobuf::Any& detail : rich.details()) {
    EXPECT_TRUE(detail.UnpackTo(&info) || detail.UnpackTo(&retry)) << detail.type_url();
  }
  EXPECT_EQ(info.reason(), "PARTITION_CATCHING_UP");
  EXPECT_EQ(info.metadata().at("applied_offset"), absl::StrCat(slot.state->next_offset().value()));
  EXPECT_EQ(info.metadata().at("end_offset"), "1000000");
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_THAT(HttpErrorBody(Get("profiles/u-3").status()),
              HasSubstr(R"("reason":"PARTITION_CATCHING_UP","metadata":{"applied_offset":)"));
  slot.caught_up.store(true);
  slot.ownership.store(Ownership::kRevoked);
  EXPECT_THAT(Get("profiles/u-3").status().message(), HasSubstr("another node"));
  slot.ownership.store(Ownership::kLost);
  EXPECT_TRUE(Get("profiles/u-3").ok()) << "while the brokers are away, reads go on";
  slot.ownership.store(Ownership::kOwned);
}

TEST_F(ServingTest, PartsOfACustomerInSeveralPartitionsAreSummed) {
  const std::string user = "u-3";
  const auto before = Get("profiles/u-3");
  ASSERT_TRUE(before.ok());
  const int32_t away = 1 - base::PartitionOf(user, kPartitions);
  shop_->state.Feed(user,
                    TestEvent("stray-1", user, "purchase", kTestTimeMs,
                              R"("item_id":"green-tea","quantity":2,"price":5,"currency":"USD")"),
                    away);
  const auto after = Get("profiles/u-3");
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->event_count(), before->event_count() + 1);
  EXPECT_EQ(after->purchases().total_amount(), before->purchases().total_amount() + 10);
  EXPECT_NE(*shop_->serving.ProfileVersion(user), 0);
  EXPECT_EQ(*shop_->serving.ProfileVersion("nobody"), 0);
}

TEST_F(ServingTest, StatusAddsUp) {
  v1::Status status;
  ASSERT_TRUE(shop_->serving.GetStatus({}, &status).ok());
  EXPECT_EQ(status.partition_count(), kPartitions);
  ASSERT_THAT(status.partitions(), SizeIs(kPartitions));
  EXPECT_GE(status.customer_count(), kCustomers);
  EXPECT_EQ(status.quality().read(), status.quality().accepted());
  EXPECT_EQ(status.partitions(0).applied_offset() + status.partitions(1).applied_offset(),
            status.quality().read());
  EXPECT_EQ(status.item_count(), 8);
  EXPECT_GT(status.model_versions().at("segments"), 0);
}

}  // namespace
}  // namespace kindred::node
