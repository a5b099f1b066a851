// Memberships against brute force, by events and by the passing of time; and what is told of them,
// whatever crashes come between.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "node/audience_answers.h"
#include "node/audience_keeper.h"
#include "node/identity_world.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using learn::Random;

constexpr int64_t kDay = 86'400'000;

struct Act {
  int64_t time_ms;
  std::string type;
  std::string category;
  double price;
};
struct Person {
  std::string id;
  std::vector<Act> acts;
};
// A condition as it is written, and the same by brute force over all a person did.
struct Definition {
  std::string text;
  std::function<bool(const Person&, int64_t now_ms)> holds;
};

bool Compare(const std::string& op, double a, double b) {
  if (op == ">=") return a >= b;
  if (op == "<") return a < b;
  if (op == "==") return a == b;
  return a != b;
}

Definition Window(Random& random) {
  const bool buys = random.Below(2) == 0;
  const std::string category = absl::StrCat("c", random.Below(3));
  const bool by_category = random.Below(3) > 0;
  const auto days = static_cast<int64_t>(1 + random.Below(30));
  const std::string ops[] = {">=", "<", "==", "!="};
  const std::string op = ops[random.Below(4)];
  const auto count = static_cast<double>(random.Below(4));
  return {
      absl::StrCat(buys ? "buys(" : "views(",
                   by_category ? absl::StrCat("category: '", category, "', ") : "",
                   "within: ", days, "d) ", op, " ", count),
      [=](const Person& person, int64_t now_ms) {
        const auto n = std::count_if(person.acts.begin(), person.acts.end(), [&](const Act& act) {
          return act.type == (buys ? "purchase" : "view") &&
                 (!by_category || act.category == category) && act.time_ms > now_ms - days * kDay;
        });
        return Compare(op, static_cast<double>(n), count);
      }};
}

int64_t Last(const Person& person, const std::string& type) {
  int64_t last_ms = 0;
  for (const Act& act : person.acts) {
    if (type.empty() || act.type == type) last_ms = std::max(last_ms, act.time_ms);
  }
  return last_ms;
}

Definition Leaf(Random& random) {
  const auto days = static_cast<int64_t>(1 + random.Below(20));
  switch (random.Below(6)) {
    case 0:
      return {absl::StrCat("now - last_seen > ", days, "d"),
              [=](const Person& person, int64_t now_ms) {
                return now_ms - Last(person, "") > days * kDay;
              }};
    case 1:
      return {absl::StrCat("now - purchases.last between ", days, "d and ", days + 9, "d"),
              [=](const Person& person, int64_t now_ms) {
                const int64_t last_ms = Last(person, "purchase");
                return last_ms > 0 && now_ms - last_ms >= days * kDay &&
                       now_ms - last_ms <= (days + 9) * kDay;
              }};
    case 2: {
      const double amount = static_cast<double>(random.Below(60));
      return {absl::StrCat("purchases.total > ", amount), [=](const Person& person, int64_t) {
                double total = 0;
                for (const Act& act : person.acts) total += act.type == "purchase" ? act.price : 0;
                return total > amount;
              }};
    }
    default:
      return Window(random);
  }
}

Definition Condition(Random& random, int depth) {
  if (depth == 0 || random.Below(4) == 0) return Leaf(random);
  const Definition a = Condition(random, depth - 1);
  if (random.Below(4) == 0) {
    return {absl::StrCat("not (", a.text, ")"),
            [a](const Person& person, int64_t now_ms) { return !a.holds(person, now_ms); }};
  }
  const Definition b = Condition(random, depth - 1);
  const bool both = random.Below(2) == 0;
  return {absl::StrCat("(", a.text, both ? " and " : " or ", b.text, ")"),
          [a, b, both](const Person& person, int64_t now_ms) {
            return both ? a.holds(person, now_ms) && b.holds(person, now_ms)
                        : a.holds(person, now_ms) || b.holds(person, now_ms);
          }};
}

// A town of people, their events, a node's state, and its audiences.
class Town {
 public:
  Town(uint64_t seed, size_t audiences, size_t people) : random_(seed) {
    std::string yaml = "audiences:\n";
    for (size_t i = 0; i < audiences; ++i) {
      definitions_.push_back(Condition(random_, 3));
      absl::StrAppend(&yaml, "  - name: a", i, "\n    when: \"", definitions_[i].text, "\"\n");
    }
    const auto rules = ParseRules("rules.yaml", yaml);
    EXPECT_TRUE(rules.ok()) << rules.status();
    if (rules.ok()) rules_ = *rules;
    for (size_t i = 0; i < people; ++i) people_.push_back({absl::StrCat("u-", i), {}});
    options_.partition_count = 1;
    Start();
  }

  // A new life of the process, from what the store has.
  void Start() {
    keeper_.reset();
    state_.reset();
    state_ = std::make_unique<TestState>(options_, environment_);
    state_->partition();
    state_->partitions->slot(PartitionId(0)).ownership = Ownership::kOwned;
    state_->shared->rules.Set(rules_);
    keeper_ = std::make_unique<AudienceKeeper>(
        AudienceKeeperOptions(), state_->shared.get(), state_->partitions.get(), state_->cold.get(),
        state_->store.get(), nullptr, nullptr, [](Partition*) {});
    // What the log holds beyond the checkpoint is read again.
    const auto next = static_cast<size_t>(state_->partition().next_offset().value());
    for (size_t i = next; i < log_.size(); ++i) FeedRecord(i);
  }

  void Event() {
    Person& person = people_[random_.Below(people_.size())];
    if (person.acts.size() == 20) return;  // beyond them windows are by day
    const bool buys = random_.Below(3) == 0;
    // Some come late.
    const int64_t late_ms =
        random_.Below(4) == 0 ? static_cast<int64_t>(random_.Below(9)) * kDay : 0;
    const Act act{now_ms_ - late_ms, buys ? "purchase" : "view",
                  absl::StrCat("c", random_.Below(3)), static_cast<double>(1 + random_.Below(20))};
    person.acts.push_back(act);
    const std::string price = buys ? absl::StrCat(",\"price\":", act.price) : "";
    log_.push_back({person.id,
                    TestEvent(absl::StrCat("e-", log_.size()), person.id, act.type, act.time_ms,
                              absl::StrCat("\"item_id\":\"i", random_.Below(5),
                                           "\",\"category\":\"", act.category, "\"", price)),
                    now_ms_});
    FeedRecord(log_.size() - 1);
  }
  void PassTime() { now_ms_ += static_cast<int64_t>(1 + random_.Below(5 * kDay)); }
  void Settle() {
    while (keeper_->Step(now_ms_)) {
    }
  }
  void Checkpoint() { state_->Checkpoint(); }

  // The number of members over all audiences; -1 and a failure when it is not that of brute force.
  int64_t CheckMemberships() {
    const PartitionAudiences& audiences = state_->partition().audiences();
    int64_t members = 0;
    for (size_t i = 0; i < definitions_.size(); ++i) {
      const int slot = audiences.SlotOf(absl::StrCat("a", i));
      for (const Person& person : people_) {
        const bool expected = !person.acts.empty() && definitions_[i].holds(person, now_ms_);
        const bool actual = audiences.Contains(profile::CustomerMap::Hash(person.id), slot);
        members += expected;
        if (expected == actual) continue;
        ADD_FAILURE() << person.id << (expected ? " should be in " : " should not be in ")
                      << definitions_[i].text << " at " << now_ms_;
        return -1;
      }
    }
    return members;
  }

  // What the outbox holds goes out; some of it is acknowledged, the rest goes out again later.
  void Produce(bool acknowledge_all) {
    std::vector<uint64_t> acknowledged;
    const absl::Status status = state_->store->ForEachOutbox(
        PartitionId(0), 0, SIZE_MAX, [&](uint64_t sequence, absl::string_view bytes) {
          const auto entry = DecodeOutboxEntry(bytes);
          EXPECT_TRUE(entry.ok()) << entry.status();
          EXPECT_EQ(entry->kind, OutboxKind::kAudienceChange);
          produced_.push_back(*entry);
          if (acknowledge_all || random_.Below(2) == 0) acknowledged.push_back(sequence);
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(state_->store->DeleteOutbox(PartitionId(0), acknowledged).ok());
  }

  // As a receiver folds it: an id that was seen is dropped.
  std::map<std::string, std::set<std::string>> Folded() const {
    std::map<std::string, std::set<std::string>> folded;
    std::set<std::string> seen;
    for (const OutboxEntry& entry : produced_) {
      if (!seen.insert(entry.id).second) continue;
      const std::vector<std::string> parts = absl::StrSplit(entry.value, '"');
      if (parts[11] == "entered") {
        EXPECT_TRUE(folded[parts[3]].insert(entry.key).second) << entry.value;
      } else {
        EXPECT_EQ(folded[parts[3]].erase(entry.key), 1u) << entry.value;
      }
    }
    return folded;
  }
  std::map<std::string, std::set<std::string>> Expected() const {
    std::map<std::string, std::set<std::string>> expected;
    for (size_t i = 0; i < definitions_.size(); ++i) {
      for (const Person& person : people_) {
        if (person.acts.empty() || !definitions_[i].holds(person, now_ms_)) continue;
        expected[absl::StrCat("a", i)].insert(person.id);
      }
    }
    return expected;
  }

  TestState& state() { return *state_; }
  AudienceKeeper& keeper() { return *keeper_; }
  Random& random() { return random_; }
  size_t produced() const { return produced_.size(); }

 private:
  struct Logged {
    std::string key;
    std::string value;
    int64_t arrival_ms;
  };
  void FeedRecord(size_t i) { state_->Feed(log_[i].key, log_[i].value, 0, log_[i].arrival_ms); }

  Random random_;
  std::vector<Definition> definitions_;
  std::shared_ptr<const RuleSet> rules_;
  std::vector<Person> people_;
  SharedOptions options_;
  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  std::unique_ptr<TestState> state_;
  std::unique_ptr<AudienceKeeper> keeper_;
  std::vector<Logged> log_;
  std::vector<OutboxEntry> produced_;
  int64_t now_ms_ = kTestTimeMs;
};

TEST(AudienceTest, TwoHundredDefinitionsAgreeWithBruteForce) {
  int64_t members = 0;
  int64_t changes_by_time = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Town town(seed, 20, 30);
    for (int step = 0; step < 60; ++step) {
      if (town.random().Below(2) == 0) {
        for (int i = 0; i < 8; ++i) town.Event();
        town.Settle();
        ASSERT_GE(town.CheckMemberships(), 0);
      }
      const int64_t before = town.CheckMemberships();
      town.PassTime();
      town.Settle();
      const int64_t after = town.CheckMemberships();
      ASSERT_GE(after, 0);
      members += after;
      changes_by_time += before != after;
    }
    EXPECT_EQ(town.keeper().walks(), 1u);  // the first one: all else was found without
  }
  EXPECT_GT(members, 10'000);
  EXPECT_GT(changes_by_time, 200);
}

TEST(AudienceTest, WhatIsToldFoldsToTheMembershipWhateverCrashes) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Town town(seed, 6, 20);
    int crashes = 0;
    for (int step = 0; step < 120; ++step) {
      switch (town.random().Below(7)) {
        case 0:
          town.PassTime();
          break;
        case 1:
          town.Settle();
          break;
        case 2:
          town.Settle();
          town.Checkpoint();
          break;
        case 3:
          town.Produce(/*acknowledge_all=*/false);
          break;
        case 4:
          if (town.random().Below(3) == 0) {
            town.Start();
            ++crashes;
          }
          break;
        default:
          town.Event();
      }
    }
    EXPECT_GT(crashes, 0);
    town.Settle();
    town.Checkpoint();
    town.Produce(/*acknowledge_all=*/true);
    EXPECT_EQ(town.state().partition().audiences().pending(), false);
    EXPECT_GT(town.produced(), 10u);
    auto folded = town.Folded();
    std::erase_if(folded, [](const auto& entry) { return entry.second.empty(); });
    EXPECT_EQ(folded, town.Expected());
    if (HasFailure()) return;
  }
}

TEST(AudienceTest, AnAudienceThatIsNoLongerDefinedIsLeftByAll) {
  Town town(3, 4, 20);
  for (int i = 0; i < 60; ++i) town.Event();
  town.Settle();
  town.Checkpoint();
  ASSERT_GT(town.CheckMemberships(), 0);
  town.state().shared->rules.Set(*ParseRules("rules.yaml", ""));
  town.Settle();
  town.Checkpoint();
  town.Produce(/*acknowledge_all=*/true);
  for (const auto& [audience, members] : town.Folded()) EXPECT_TRUE(members.empty()) << audience;
}

TEST(AudienceTest, LinkedIdsAreJudgedByTheirSum) {
  IdentityWorld world(3);
  const auto rules = ParseRules("rules.yaml", R"(
tags:
  - {name: seen, when: event_count("page") >= 1}
audiences:
  - {name: three, when: event_count("page") >= 3}
  - {name: soon, when: 'event_count("page") >= 3 and now - last_seen < 2h'}
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  world.state->shared->rules.Set(*rules);
  AudienceKeeper keeper(AudienceKeeperOptions(), world.state->shared.get(),
                        world.state->partitions.get(), world.state->cold.get(),
                        world.state->store.get(), nullptr, nullptr, [](Partition*) {});
  int64_t now_ms = kTestTimeMs;
  const auto members = [&](const char* audience) {
    while (keeper.Step(now_ms)) {
    }
    std::set<std::string> in;
    for (const char* id : {"ann", "browser", "phone", "bob"}) {
      const PartitionAudiences& audiences =
          world.state->partition(world.state->partitions->Home(id).value()).audiences();
      if (audiences.Contains(profile::CustomerMap::Hash(id), audiences.SlotOf(audience))) {
        in.insert(id);
      }
    }
    return in;
  };
  using Ids = std::set<std::string>;
  for (const char* id : {"ann", "browser", "phone", "bob", "bob"}) world.Event("page", id, now_ms);
  EXPECT_EQ(members("three"), Ids());
  // Three ids that become one customer, each of them told, whichever partition has it.
  const auto link = [&](const char* id) {
    world.Event("identify", "ann", now_ms, absl::StrCat("\"anonymous_id\":\"", id, "\""));
    world.Deliver();
  };
  link("browser");
  EXPECT_EQ(members("three"), Ids());
  link("phone");
  EXPECT_EQ(members("three"), (Ids{"ann", "browser", "phone"}));
  EXPECT_EQ(members("soon"), (Ids{"ann", "browser", "phone"}));
  // An event of one id keeps the others in, and time takes all of them out.
  now_ms += 90 * 60'000;
  world.Event("page", "phone", now_ms);
  now_ms += 60 * 60'000;
  EXPECT_EQ(members("soon"), (Ids{"ann", "browser", "phone"}));
  now_ms += 90 * 60'000;
  EXPECT_EQ(members("soon"), Ids());
  // A customer counts once among those with a tag.
  keeper.BeginWalk();
  EXPECT_EQ(members("three").size(), 3u);
  EXPECT_EQ(keeper.TagCounts(), (std::vector<uint64_t>{2}));
  const AudienceAnswers answers(world.state->shared.get(), world.state->partitions.get(),
                                world.state->cold.get(), world.state->store.get(), nullptr,
                                nullptr);
  v1::ExplainMembershipRequest request;
  request.set_name("audiences/three");
  request.set_customer_id("browser");
  v1::Membership membership;
  ASSERT_TRUE(answers.Explain(request, &membership).ok());
  EXPECT_TRUE(membership.matches() && membership.member());
  // Undone: what each id did by itself.
  world.Unlink("ann", "phone", now_ms);
  world.Deliver();
  EXPECT_EQ(members("three"), Ids());
}

TEST(AudienceTest, ADeletedCustomerLeaves) {
  Town town(4, 6, 5);
  for (int i = 0; i < 60; ++i) town.Event();
  town.Settle();
  town.Checkpoint();
  ASSERT_GT(town.CheckMemberships(), 0);
  for (int i = 0; i < 5; ++i) {
    const std::string id = absl::StrCat("u-", i);
    town.state().Feed(id, TestEvent(absl::StrCat("delete-", i), id, "delete", kTestTimeMs, ""));
  }
  town.Settle();
  town.Checkpoint();
  town.Produce(/*acknowledge_all=*/true);
  for (const auto& [audience, members] : town.Folded()) EXPECT_TRUE(members.empty()) << audience;
}

TEST(AudienceTest, ListsExplainsAndStreamsMembers) {
  Town town(5, 3, 10);
  for (int i = 0; i < 80; ++i) town.Event();
  town.Settle();
  town.Checkpoint();
  town.state().partitions->slot(PartitionId(0)).caught_up = true;
  const AudienceAnswers answers(town.state().shared.get(), town.state().partitions.get(),
                                town.state().cold.get(), town.state().store.get(), nullptr,
                                nullptr);
  v1::ListAudiencesResponse list;
  ASSERT_TRUE(answers.List({}, &list).ok());
  ASSERT_EQ(list.audiences_size(), 3);
  EXPECT_EQ(list.rules_version().size(), 16u);
  const auto expected = town.Expected();
  for (const v1::Audience& audience : list.audiences()) {
    const std::string name = audience.name().substr(std::string("audiences/").size());
    std::set<std::string> members;
    AudienceAnswers::Cursor cursor;
    while (true) {
      const auto page = answers.Members(audience.name(), 3, &cursor);
      ASSERT_TRUE(page.ok()) << page.status();
      if (page->empty()) break;
      members.insert(page->begin(), page->end());
    }
    EXPECT_EQ(members, expected.contains(name) ? expected.at(name) : std::set<std::string>());
    EXPECT_EQ(audience.member_count(), static_cast<int64_t>(members.size()));
    for (int i = 0; i < 10; ++i) {
      v1::ExplainMembershipRequest request;
      request.set_name(audience.name());
      request.set_customer_id(absl::StrCat("u-", i));
      v1::Membership membership;
      const absl::Status status = answers.Explain(request, &membership);
      if (absl::IsNotFound(status)) continue;  // no event of it
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(membership.member(), members.contains(request.customer_id()));
      EXPECT_EQ(membership.matches(), membership.member());
      EXPECT_EQ(membership.clause().value(), membership.matches());
      EXPECT_FALSE(membership.clause().text().empty());
    }
  }
  v1::Audience none;
  v1::GetAudienceRequest request;
  request.set_name("audiences/none");
  EXPECT_TRUE(absl::IsNotFound(answers.Get(request, &none)));
}

}  // namespace
}  // namespace kindred::node
