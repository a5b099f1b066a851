#include "node/rule_set.h"

#include <deque>
#include <string>

#include "event/decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/audience_keeper.h"
#include "node/customer_fields.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view yaml) {
  const auto rules = ParseRules("rules.yaml", yaml);
  EXPECT_EQ(rules.status().code(), absl::StatusCode::kInvalidArgument) << yaml;
  return std::string(rules.status().message());
}

TEST(RuleSetTest, AFileWithEverything) {
  const auto rules = ParseRules("rules.yaml", R"(
cleaning:
  - name: our own clicks
    when: starts_with(customer_id, "test-")
    action: drop
  - name: tea
    when: lower(category) == "tee"
    action: fix
    set:
      category: '"tea"'
tags:
  - name: interested in tea
    when: 'buys(category: "tea", within: 90d) >= 1'
  - name: high value
    description: Top five percent by spend.
    when: |
      purchases.count > 0 and
      percentile("purchases.total") >= 95
audiences:
  - name: lapsing
    when: >
      views(category: "tea", within: 7d) >= 3
      and buys(category: "tea", within: 30d) == 0
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)->cleaning.size(), 2u);
  EXPECT_EQ((*rules)->tags.size(), 2u);
  EXPECT_EQ((*rules)->audiences[0].name, "lapsing");
  EXPECT_EQ((*rules)->version.size(), 16u);
  EXPECT_THAT((*rules)->percentile_fields, ElementsAre(static_cast<int>(CustomerField::kTotal)));
  EXPECT_TRUE(ParseRules("empty", "").ok());
}

TEST(RuleSetTest, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_THAT(ErrorOf("audience: []"),
              HasSubstr("rules.yaml:1:1: unknown key \"audience\"; did you mean \"audiences\"?"));
  EXPECT_THAT(ErrorOf("tags:\n  - name: x\n"),
              HasSubstr("rules.yaml:2:5: this rule has no \"when\""));
  EXPECT_THAT(ErrorOf("tags:\n  - name: x\n    when: views() > \"3\"\n"),
              HasSubstr("rules.yaml:3:21: expected a number after \">\""));
  EXPECT_THAT(ErrorOf("tags:\n  - name: x\n    when: 'vews() > 3'\n"),
              HasSubstr("rules.yaml:3:12: unknown function \"vews\"; did you mean \"views\"?"));
  EXPECT_THAT(
      ErrorOf("tags:\n  - name: x\n    when: |\n      views() > 3 and\n      contry == \"DE\"\n"),
      HasSubstr("rules.yaml:5:7: unknown field \"contry\"; did you mean \"country\"?"));
  EXPECT_THAT(
      ErrorOf(
          "tags:\n  - name: x\n    when: >-\n\n      views() > 3 and\n      contry == \"DE\"\n"),
      HasSubstr("rules.yaml:6:7: unknown field"));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: true}\n  - {name: x, when: true}\n"),
              HasSubstr("rules.yaml:3:12: a second rule is named \"x\""));
  EXPECT_THAT(ErrorOf("audiences:\n  - {name: Tea Lovers, when: true}\n"),
              HasSubstr("rules.yaml:2:12: expected a name of a to z"));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: '\"y\" in tags'}\n"),
              HasSubstr("a tag rule may not ask for tags"));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: percentile(\"country\") > 3}\n"),
              HasSubstr("expected the name of a number field, found \"country\""));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: 'acts(\"vieww\") > 3'}\n"),
              HasSubstr("expected a type of event"));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: 'prediction(\"chrun\") > 0.5'}\n"),
              HasSubstr("there is no prediction \"chrun\"; did you mean \"churn\"?"));
  EXPECT_THAT(ErrorOf("tags:\n  - {name: x, when: 'prediction(\"buy_category\") > 0.5'}\n"),
              HasSubstr("expected a category as well"));
  EXPECT_THAT(
      ErrorOf("tags:\n  - {name: x, when: 'prediction(\"buy\", category: \"tea\") > 0.5'}\n"),
      HasSubstr("only \"buy_category\" has a category"));
  EXPECT_THAT(ErrorOf("cleaning:\n  - {name: x, when: true, action: eat}\n"),
              HasSubstr("expected drop, fix or flag, found \"eat\""));
  EXPECT_THAT(ErrorOf("cleaning:\n  - {name: x, when: true, action: fix}\n"), HasSubstr("\"set\""));
  EXPECT_THAT(
      ErrorOf("cleaning:\n  - {name: x, when: true, action: fix, set: {user_id: '\"y\"'}}\n"),
      HasSubstr("\"user_id\" cannot be set: expected one of category, brand"));
  EXPECT_THAT(ErrorOf("tags: [\n"), HasSubstr("rules.yaml:"));
  EXPECT_THAT(ErrorOf("- 3"), HasSubstr("rules.yaml:1:1: expected key: value lines"));
  EXPECT_THAT(ErrorOf("tags: 3"), HasSubstr("rules.yaml:1:7: expected a list of rules"));
}

TEST(RuleSetTest, CleaningRulesDropAndFixBeforeTheProfile) {
  TestState state(
      [] {
        SharedOptions options;
        options.partition_count = 1;
        return options;
      }(),
      store::NewMemoryEnvironment());
  const auto rules = ParseRules("rules.yaml", R"(
cleaning:
  - {name: tests, when: 'starts_with(customer_id, "test-")', action: drop}
  - {name: tea, when: 'lower(category) == "tee"', action: fix, set: {category: '"tea"', brand: lower(brand)}}
  - {name: night, when: type == "view" and price > 100, action: flag}
tags:
  - {name: tea drinker, when: 'views(category: "tea") > 0 and top_brand == "acme"'}
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  state.shared->rules.Set(*rules);
  state.Feed("test-1", TestEvent("e-1", "test-1", "view", kTestTimeMs, "\"item_id\":\"i\""));
  state.Feed("u-1",
             TestEvent("e-2", "u-1", "view", kTestTimeMs,
                       "\"item_id\":\"i\",\"category\":\"Tee\",\"brand\":\"ACME\",\"price\":200"));
  EXPECT_EQ(state.Bytes("test-1"), "");
  EXPECT_EQ(state.quality().accepted, 1u);
  EXPECT_EQ(state.quality().rejected_total(), 1u);
  EXPECT_EQ((*rules)->cleaning_counts[0].load(), 1u);
  EXPECT_EQ((*rules)->cleaning_counts[1].load(), 1u);
  EXPECT_EQ((*rules)->cleaning_counts[2].load(), 1u);
  ASSERT_TRUE(state.Checkpoint());
  std::string letter;
  ASSERT_TRUE(state.store
                  ->ForEachOutbox(PartitionId(0), 0, 9,
                                  [&](uint64_t, absl::string_view bytes) {
                                    letter = std::string(bytes);
                                    return absl::OkStatus();
                                  })
                  .ok());
  EXPECT_THAT(letter, HasSubstr("operator_rule"));
  EXPECT_THAT(letter, HasSubstr("tests"));
  // What was fixed is what rules about customers see.
  CustomerContext context;
  context.items = &state.shared->items.names();
  context.terms = &state.shared->terms.names();
  context.affinity_decay = &state.shared->affinity_decay;
  context.rules = rules->get();
  CustomerRecord record(context);
  const auto found = state.partition().Visit("u-1", profile::CustomerMap::Hash("u-1"), *state.cold,
                                             [&](const profile::Profile& profile) {
                                               record.Look("u-1", profile, kTestTimeMs);
                                               EXPECT_THAT(record.Tags(), ElementsAre(0));
                                             });
  EXPECT_TRUE(found.ok() && *found);
}

TEST(RuleSetTest, PercentilesComeFromTheWalk) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  state.partition();
  state.partitions->slot(PartitionId(0)).ownership = Ownership::kOwned;
  const auto rules = ParseRules("rules.yaml", R"(
tags:
  - {name: high value, when: percentile("purchases.total") >= 95}
audiences:
  - {name: vip, when: '"high value" in tags'}
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  state.shared->rules.Set(*rules);
  for (int i = 0; i < 100; ++i) {
    const std::string id = absl::StrCat("u-", i);
    state.Feed(id, TestEvent(absl::StrCat("e-", i), id, "purchase", kTestTimeMs,
                             absl::StrCat("\"item_id\":\"i\",\"price\":", 10 + i)));
  }
  AudienceKeeper keeper(AudienceKeeperOptions(), state.shared.get(), state.partitions.get(),
                        state.cold.get(), state.store.get(), nullptr, nullptr, [](Partition*) {});
  while (keeper.Step(kTestTimeMs)) {
  }
  ASSERT_EQ(keeper.TagCounts().size(), 1u);
  EXPECT_EQ(keeper.TagCounts()[0], 5u);
  const auto sizes = state.partition().audiences().Sizes();
  ASSERT_EQ(sizes.size(), 1u);
  EXPECT_EQ(sizes[0].members, 5u);
  EXPECT_TRUE(state.partition().audiences().Contains(profile::CustomerMap::Hash("u-97"), 0));
  EXPECT_FALSE(state.partition().audiences().Contains(profile::CustomerMap::Hash("u-3"), 0));
}

}  // namespace
}  // namespace kindred::node
