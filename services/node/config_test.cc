#include "node/config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/blend_config.h"
#include "node/node_options.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

TEST(ConfigTest, DefaultsAreValidAndPrintReadsBack) {
  const config::v1::NodeConfig defaults = DefaultConfig();
  EXPECT_TRUE(ValidateConfig(defaults).ok()) << ValidateConfig(defaults);
  config::v1::NodeConfig read;
  ASSERT_TRUE(ReadYaml("printed", PrintConfig(defaults), &read).ok());
  EXPECT_EQ(read.SerializeAsString(), defaults.SerializeAsString());
}

TEST(ConfigTest, UnknownKeyNamesLineAndNearest) {
  config::v1::NodeConfig config = DefaultConfig();
  const absl::Status status =
      ReadYaml("node.yaml", "kafka:\n  topic: shop\nsegments:\n  cuont: 3\n", &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("node.yaml:4:3: unknown key \"cuont\""));
  EXPECT_THAT(status.message(), HasSubstr("did you mean \"count\""));
  EXPECT_EQ(config.kafka().topic(), "events") << "a bad file must not be applied by half";
}

TEST(ConfigTest, WrongTypeNamesWhatWasExpected) {
  config::v1::NodeConfig config = DefaultConfig();
  EXPECT_THAT(ReadYaml("f", "segments:\n  count: many\n", &config).message(),
              HasSubstr("f:2:10: count: expected a whole number, found \"many\""));
  EXPECT_THAT(ReadYaml("f", "segments: 3\n", &config).message(), HasSubstr("f:1:11"));
  EXPECT_THAT(ReadYaml("f", "kafka:\n  create_topics: 1\n", &config).message(),
              HasSubstr("expected true or false"));
  EXPECT_FALSE(ReadYaml("f", "kafka: [unclosed\n", &config).ok());
}

TEST(ConfigTest, OverridesAndProperties) {
  config::v1::NodeConfig config = DefaultConfig();
  ASSERT_TRUE(ApplyOverride("segments.count=5", &config).ok());
  EXPECT_EQ(config.segments().count(), 5);
  ASSERT_TRUE(ApplyOverride("kafka.properties.sasl.password=a=b", &config).ok());
  EXPECT_EQ(config.kafka().properties().at("sasl.password"), "a=b");
  EXPECT_THAT(PrintConfig(config), HasSubstr("(not shown)"));
  EXPECT_THAT(ApplyOverride("segments.count", &config).message(), HasSubstr("section.key=value"));
  EXPECT_THAT(ApplyOverride("segments.count=x", &config).message(),
              HasSubstr("--set segments.count=x: count: expected a whole number"));
}

TEST(ConfigTest, TheBlendOfTheRecommender) {
  config::v1::NodeConfig config = DefaultConfig();
  ASSERT_TRUE(ReadYaml("tuned.yaml",
                       "recommend:\n  blend:\n    shrink: 60\n    max_seeds: 7\n    "
                       "next_weight: 0.65\n",
                       &config)
                  .ok());
  const recommend::BlendOptions blend = BlendOptionsOf(config.recommend().blend());
  EXPECT_EQ(blend.shrink, 60);
  EXPECT_EQ(blend.max_seeds, 7u);
  EXPECT_EQ(blend.next_weight, 0.65);
  EXPECT_EQ(blend.repeat_weight, recommend::BlendOptions().repeat_weight);
  EXPECT_TRUE(ValidateConfig(config).ok());
  const absl::StatusOr<SharedOptions> options = SharedOptionsOf(config, 4);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->blend.shrink, 60);
  config.mutable_recommend()->mutable_blend()->set_next_weight(1.5);
  EXPECT_THAT(ValidateConfig(config).message(), HasSubstr("recommend.blend.next_weight must be"));
  config.mutable_recommend()->mutable_blend()->set_next_weight(0.5);
  config.mutable_recommend()->mutable_blend()->set_max_seeds(-1);
  EXPECT_THAT(ValidateConfig(config).message(), HasSubstr("recommend.blend.max_seeds"));
}

// A small bound on the process bounds its parts as well.
TEST(ConfigTest, PartsOfTheMemoryFollowItsBoundUnlessTheyAreSaid) {
  config::v1::NodeConfig config = DefaultConfig();
  // 80 MiB are the process's own.
  config.mutable_store()->set_memory_limit_mib(80 + 640);
  absl::StatusOr<SharedOptions> options = SharedOptionsOf(config, 4);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->pairs.max_bytes, 32u << 20);
  EXPECT_EQ(options->dedup_bytes_per_partition, 16u << 20);
  config.mutable_recommend()->set_relation_memory_mib(40);
  config.mutable_clean()->set_dedup_memory_mib(8);
  options = SharedOptionsOf(config, 4);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->pairs.max_bytes, 10u << 20);
  EXPECT_EQ(options->dedup_bytes_per_partition, 2u << 20);
  // Many partitions get what relations need at least.
  config = DefaultConfig();
  config.mutable_store()->set_memory_limit_mib(128);
  options = SharedOptionsOf(config, 64);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->pairs.max_bytes, 1u << 20);
}

TEST(ConfigTest, RelationsCanBeLeftOut) {
  config::v1::NodeConfig config = DefaultConfig();
  const std::string with = LastingSettings(config);
  EXPECT_TRUE(SharedOptionsOf(config, 8)->pairs.learn_pairs);
  ASSERT_TRUE(ApplyOverride("recommend.relations=false", &config).ok());
  EXPECT_FALSE(SharedOptionsOf(config, 8)->pairs.learn_pairs);
  // A state that has them does not go on without them, nor the other way round.
  EXPECT_EQ(LastingSettings(config), with + " recommend.relations=false");
}

TEST(ConfigTest, ValidationListsEveryProblem) {
  config::v1::NodeConfig config = DefaultConfig();
  config.mutable_segments()->set_count(1);
  config.mutable_clean()->set_outlier_action("ignore");
  const absl::Status status = ValidateConfig(config);
  EXPECT_THAT(status.message(), HasSubstr("segments.count"));
  EXPECT_THAT(status.message(), HasSubstr("clean.outlier_action"));
}

}  // namespace
}  // namespace kindred::node
