// Rules tried on events: what is said is what a node would do.
#include "cli/rules_trial.h"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kT = 1'760'000'000'000;
constexpr int64_t kDayMs = 86'400'000;

constexpr absl::string_view kRules = R"(
cleaning:
  - name: our own tests
    when: starts_with(customer_id, "test-")
    action: drop
  - name: one name for tea
    when: lower(category) in ["tee", "thé"]
    action: fix
    set: {category: '"tea"'}
  - name: price looks wrong
    when: price > 1000
    action: flag
tags:
  - name: tea drinker
    when: 'buys(category: "tea", within: 30d) >= 1'
  - name: top spender
    when: percentile("purchases.total") >= 60
audiences:
  - name: drinks-no-more
    when: 'buys(category: "tea") >= 1 and buys(category: "tea", within: 30d) == 0'
)";

std::shared_ptr<const node::RuleSet> Rules(absl::string_view yaml) {
  auto rules = node::ParseRules("rules.yaml", yaml);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return *rules;
}

std::string Event(const std::string& id, const std::string& user, const std::string& type,
                  int64_t time_ms, const std::string& more) {
  return absl::StrCat("{\"event_id\":\"", id, "\",\"user_id\":\"", user, "\",\"type\":\"", type,
                      "\",\"event_time\":", time_ms, ",", more, "}\n");
}

std::string File(const std::string& name, const std::string& content) {
  const std::string path = absl::StrCat(testing::TempDir(), "/rules_trial_", name);
  std::ofstream(path) << content;
  return path;
}

RulesTrial Try(absl::string_view yaml, const std::string& path, size_t examples = 2) {
  auto trial = TryRules(Rules(yaml), path, examples);
  EXPECT_TRUE(trial.ok()) << trial.status();
  return *std::move(trial);
}

// Ann bought tea long ago, bob lately under another name; a test and a wrong price beside them.
std::string Events() {
  const std::string tea = R"("item_id":"green","price":5,"category":)";
  return absl::StrCat(
      Event("e-1", "ann", "purchase", kT - 90 * kDayMs, tea + "\"tea\""),
      Event("e-2", "bob", "purchase", kT - kDayMs, tea + "\"Tee\""),
      Event("e-3", "bob", "view", kT, tea + "\"thé\""),
      Event("e-3", "bob", "view", kT, tea + "\"thé\""),
      Event("e-4", "test-7", "view", kT, tea + "\"tea\""),
      Event("e-5", "cid", "purchase", kT, R"("item_id":"ring","price":5000,"category":"rings")"),
      "{\"user_id\":\"nobody\",\"event_time\":1}\n");
}

TEST(RulesTrialTest, SaysWhatBecomesOfEventsAndWhoIsInWhat) {
  const RulesTrial trial = Try(kRules, File("events", Events()));
  EXPECT_EQ(trial.records, 7u);
  EXPECT_EQ(trial.accepted, 4u);
  EXPECT_EQ(trial.duplicates, 1u);
  EXPECT_EQ(trial.dropped, 1u);
  EXPECT_EQ(trial.rejected, 1u);
  EXPECT_EQ(trial.customers, 3u);
  EXPECT_EQ(trial.as_of_ms, kT);
  ASSERT_EQ(trial.cleaning.size(), 3u);
  EXPECT_EQ(trial.cleaning[0].action, "drop");
  EXPECT_EQ(trial.cleaning[0].events, 1u);
  EXPECT_EQ(trial.cleaning[0].examples[0].customer_id, "test-7");
  // The copy is none of its events.
  EXPECT_EQ(trial.cleaning[1].events, 2u);
  ASSERT_EQ(trial.cleaning[1].examples.size(), 2u);
  EXPECT_EQ(trial.cleaning[1].examples[0].event_id, "e-2");
  EXPECT_EQ(trial.cleaning[1].examples[0].changes, "category \"Tee\" → \"tea\"");
  EXPECT_EQ(trial.cleaning[2].events, 1u);
  EXPECT_THAT(trial.tags[0].customers, ElementsAre("bob"));
  EXPECT_THAT(trial.tags[1].customers, ElementsAre("cid"));
  EXPECT_THAT(trial.audiences[0].customers, ElementsAre("ann"));
}

TEST(RulesTrialTest, ExamplesAreAsManyAsWereAskedFor) {
  const std::string path = File("few", Events());
  EXPECT_EQ(Try(kRules, path, 1).cleaning[1].examples.size(), 1u);
  const RulesTrial none = Try(kRules, path, 0);
  EXPECT_THAT(none.cleaning[1].examples, IsEmpty());
  EXPECT_EQ(none.cleaning[1].events, 2u);
  EXPECT_THAT(TrialText(none, nullptr, 0), Not(HasSubstr("bob")));
}

TEST(RulesTrialTest, TextAndJsonSayTheSame) {
  const RulesTrial trial = Try(kRules, File("said", Events()));
  EXPECT_EQ(
      TrialText(trial, nullptr, 2),
      absl::StrCat("rules ", trial.version,
                   ", 7 records: 4 events accepted, 1 copies, 1 rejected, 1 dropped by rules\n"
                   "cleaning\n"
                   "           1 events  drop  our own tests\n"
                   "      e-4: view of test-7\n"
                   "           2 events  fix   one name for tea\n"
                   "      e-2: purchase of bob, category \"Tee\" → \"tea\"\n"
                   "      e-3: view of bob, category \"thé\" → \"tea\"\n"
                   "           1 events  flag  price looks wrong\n"
                   "      e-5: purchase of cid\n"
                   "3 customers as of 2025-10-09T08:53:20.000Z\n"
                   "tags\n"
                   "           1 customers  tea drinker\n"
                   "      bob\n"
                   "           1 customers  top spender\n"
                   "      cid\n"
                   "audiences\n"
                   "           1 customers  drinks-no-more\n"
                   "      ann\n"));
  const std::string json = TrialJson(trial, nullptr, 2);
  for (const char* part :
       {"\"dropped_events\": 1", "\"changes\": \"category \\\"Tee\\\" → \\\"tea\\\"\"",
        "\"as_of_time\": \"2025-10-09T08:53:20.000Z\"", "\"name\": \"drinks-no-more\"",
        "\"customer_count\": 1"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(RulesTrialTest, AgainstOtherRulesItSaysWhoComesAndGoes) {
  const std::string path = File("before", Events());
  const RulesTrial now = Try(kRules, path);
  const RulesTrial before = Try(R"(
tags:
  - name: tea drinker
    when: 'buys(category: "tea") >= 1'
  - name: no more used
    when: 'events > 0'
)",
                                path);
  const std::string text = TrialText(now, &before, 5);
  EXPECT_THAT(text, HasSubstr("           1 customers  tea drinker\n      bob\n"
                              "      1 more: bob\n      1 fewer: ann\n"));
  EXPECT_THAT(text, HasSubstr("           0 customers  no more used\n"
                              "      4 fewer: ann, bob, cid, test-7\n"));
  const std::string json = TrialJson(now, &before, 5);
  EXPECT_THAT(json, HasSubstr("\"leaving_count\": 4"));
}

TEST(RulesTrialTest, ReadsATableOfPurchases) {
  const std::string path = File("table.csv",
                                "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
                                "1,tea,2,2010-12-01 08:26:00,3.5,17850\n"
                                "2,cup,1,2010-12-02 08:26:00,2000,17851\n");
  const RulesTrial trial = Try(kRules, path);
  EXPECT_EQ(trial.accepted, 2u);
  EXPECT_EQ(trial.cleaning[2].examples[0].customer_id, "17851");
  EXPECT_FALSE(TryRules(Rules(kRules), File("other.csv", "a,b\n1,2\n"), 1).ok());
  EXPECT_TRUE(absl::IsNotFound(TryRules(Rules(kRules), "/no/such/file", 1).status()));
}

// A node halts where nearly everything is wrong; a trial says so and goes on.
TEST(RulesTrialTest, GoesOnWhereNearlyAllIsRejected) {
  std::string lines;
  for (int i = 0; i < 30'000; ++i) absl::StrAppend(&lines, "{\"user_id\":\"u\"}\n");
  const RulesTrial trial = Try(kRules, File("bad", lines + Events()));
  EXPECT_EQ(trial.records, 30'007u);
  EXPECT_EQ(trial.accepted, 4u);
  EXPECT_EQ(trial.rejected, 30'001u);
}

}  // namespace
}  // namespace kindred::cli
