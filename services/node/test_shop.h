// A shop for tests of recommendations: one partition, a catalogue, and the calls, without a
// transport.
#ifndef KINDRED_NODE_TEST_SHOP_H_
#define KINDRED_NODE_TEST_SHOP_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/checkpointer.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/test_state.h"

namespace kindred::node {

class TestShop {
 public:
  explicit TestShop(const SharedOptions& options = SharedOptions())
      : state(options, store::NewMemoryEnvironment()),
        checkpointer_(
            state.store.get(), &registry_, [](Partition&, const PendingCheckpoint&) {},
            [](absl::Status) {}),
        learner_(LearnerOptions(), state.partitions.get(), state.store.get(), &registry_),
        predictions_({}, state.partitions.get(), state.cold.get(), state.store.get(), &registry_),
        serving({"events", "kindred", 1 << 30, absl::Now()}, state.shared.get(),
                state.partitions.get(), state.cold.get(), state.store.get(), &learner_,
                &predictions_, &checkpointer_, &health_) {
    state.partition();
    PartitionSlot& slot = state.partitions->slot(PartitionId(0));
    slot.ownership.store(Ownership::kOwned);
    slot.caught_up.store(true);
  }

  // As the follower of the items topic does.
  void SetItem(const std::string& id, CatalogueItem facts,
               const std::vector<float>& embedding = {}) {
    const ItemId item(state.shared->items.names().Intern(id));
    SetCatalogueItem(item, std::move(facts), embedding, state.shared.get());
  }
  void CompareItems() { EXPECT_TRUE(state.shared->content.Work(1u << 20).ok()); }
  void Send(const std::string& id, const std::string& user, const std::string& type,
            const std::string& more, int64_t time_ms) {
    newest_ = std::max(newest_, time_ms);
    state.Feed(user, TestEvent(id, user, type, time_ms, more), 0, newest_);
  }
  std::string Send(const std::string& user, const std::string& type, const std::string& item,
                   const std::string& more = "") {
    const std::string id = absl::StrCat("e-", ++clock);
    Send(id, user, type, absl::StrCat("\"item_id\":\"", item, "\"", more), Now());
    return id;
  }
  int64_t Now() const { return kTestTimeMs + clock * 1000; }

  absl::StatusOr<v1::RecommendResponse> Ask(const v1::RecommendRequest& request) {
    WireBuffer bytes;
    const absl::Status status = serving.RecommendBytes(request, &bytes);
    if (!status.ok()) return status;
    v1::RecommendResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string(bytes.bytes())));
    // The bytes are those that protobuf would have written.
    EXPECT_EQ(response.SerializeAsString(), bytes.bytes());
    return response;
  }
  std::vector<std::string> Items(const v1::RecommendRequest& request) {
    const absl::StatusOr<v1::RecommendResponse> response = Ask(request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> items;
    if (!response.ok()) return items;
    for (const auto& item : response->recommendations()) items.push_back(item.item_id());
    return items;
  }

  int64_t clock = 0;

 private:
  telemetry::Registry registry_;
  telemetry::HealthState health_;
  int64_t newest_ = 0;

 public:
  TestState state;

 private:
  Checkpointer checkpointer_;
  Learner learner_;
  PredictionLearner predictions_;

 public:
  LiveServing serving;
};

inline v1::RecommendRequest For(const std::string& customer, int count = 10) {
  v1::RecommendRequest request;
  request.set_customer_id(customer);
  request.set_count(count);
  return request;
}

// A small shop with a history.
inline void FillShop(TestShop* shop, int items = 30) {
  for (int i = 0; i < items; ++i) {
    CatalogueItem facts;
    facts.category = absl::StrCat("category-", i % 3);
    facts.brand = absl::StrCat("brand-", i % 5);
    facts.has_price = true;
    facts.price = i + 0.95;
    shop->SetItem(absl::StrCat("sku-", i), facts);
  }
  for (int visit = 0; visit < 3 * items; ++visit) {
    const std::string user = absl::StrCat("visitor-", visit);
    for (int step = 0; step < 3; ++step) {
      shop->Send(user, "view", absl::StrCat("sku-", (visit * visit + step) % items));
    }
  }
}

}  // namespace kindred::node

#endif  // KINDRED_NODE_TEST_SHOP_H_
