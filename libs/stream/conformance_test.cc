// What any cluster must show through this library; see test_cluster.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "stream/compacted_topic_reader.h"
#include "stream/kafka_event_source.h"
#include "stream/record_sink.h"
#include "stream/test_cluster.h"
#include "stream/topic_admin.h"
#include "telemetry/metrics.h"

namespace kindred::stream {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(30);

// Remembers what it was told, and answers with `starts`.
class Listener : public RebalanceListener {
 public:
  std::vector<PartitionStart> OnAssigned(absl::Span<const PartitionId> partitions) override {
    ++assignments;
    owned.assign(partitions.begin(), partitions.end());
    std::vector<PartitionStart> answer;
    for (PartitionId id : partitions) {
      if (starts.count(id.value()) > 0) answer.push_back({id, Offset(starts[id.value()])});
    }
    return answer;
  }
  void OnRevoked(absl::Span<const PartitionId>) override {
    ++revocations;
    owned.clear();
  }
  void OnLost(absl::Span<const PartitionId>) override {
    ++losses;
    owned.clear();
  }
  std::optional<Offset> OnOutOfRange(PartitionId, Offset wanted, Watermarks log) override {
    out_of_range.push_back({wanted.value(), log.low.value(), log.high.value()});
    return go_on ? std::optional<Offset>(log.low) : std::nullopt;
  }

  std::map<int32_t, int64_t> starts;
  bool go_on = true;
  int assignments = 0, revocations = 0, losses = 0;
  std::vector<PartitionId> owned;
  std::vector<std::vector<int64_t>> out_of_range;
};

std::unique_ptr<RecordSink> OpenSink(KafkaSinkOptions options = {}) {
  options.connection = TestConnection();
  options.linger = absl::ZeroDuration();
  auto sink = OpenKafkaRecordSink(options);
  EXPECT_TRUE(sink.ok()) << sink.status();
  return *std::move(sink);
}

// Values "0", "1" … into one partition.
void Fill(const std::string& topic, int partition, int from, int count) {
  auto sink = OpenSink();
  for (int i = from; i < from + count; ++i) {
    const std::string value = absl::StrCat(i);
    OutRecord record;
    record.topic = topic;
    record.partition = PartitionId(partition);
    record.value = value;
    ASSERT_TRUE(sink->Produce(record).ok());
  }
  ASSERT_TRUE(sink->Flush(kPatience).ok());
}

std::unique_ptr<EventSource> OpenFixed(const std::string& topic, RebalanceListener* listener,
                                       telemetry::Registry* metrics = nullptr) {
  KafkaSourceOptions options;
  options.connection = TestConnection();
  options.connection.metrics = metrics;
  options.topic = topic;
  auto source = OpenKafkaEventSource(options, listener);
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

std::unique_ptr<EventSource> OpenMember(const std::string& topic, const std::string& group,
                                        RebalanceListener* listener) {
  KafkaSourceOptions options;
  options.connection = TestConnection();
  options.topic = topic;
  options.group = group;
  options.session_timeout = absl::Seconds(6);
  auto source = OpenKafkaEventSource(options, listener);
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

// Polls until `done` holds; false when patience ends.
template <typename Done>
bool PollUntil(EventSource& source, std::vector<RawRecord>& out, Done done) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > deadline) return false;
    const absl::Status status = source.PollBatch(1000, absl::Milliseconds(50), out);
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) return false;
  }
  return true;
}

bool PollCount(EventSource& source, std::vector<RawRecord>& out, size_t count) {
  return PollUntil(source, out, [&] { return out.size() >= count; });
}

std::vector<std::string> Values(const std::vector<RawRecord>& records) {
  std::vector<std::string> values;
  for (const RawRecord& record : records) values.emplace_back(record.value());
  return values;
}

TEST(ConformanceTest, RecordsArriveAsTheyWereSent) {
  const std::string topic = MakeTopic("exact", 1);
  auto sink = OpenSink();
  const std::vector<Header> headers = {
      {"content-type", "application/json"}, {"n", "1"}, {"n", "2"}, {"empty", ""}};
  OutRecord full{topic, std::nullopt, "key", "value", headers, 1'700'000'000'123};
  OutRecord empty{topic, std::nullopt, "", "", {}, 5};
  OutRecord nothing{topic, std::nullopt, std::nullopt, std::nullopt, {}, 0};
  std::vector<int64_t> delivered;
  for (const OutRecord& record : {full, empty, nothing}) {
    ASSERT_TRUE(sink->Produce(record,
                              [&](const Delivery& delivery) {
                                EXPECT_TRUE(delivery.status.ok()) << delivery.status;
                                delivered.push_back(delivery.offset.value());
                              })
                    .ok());
    ASSERT_TRUE(sink->Flush(kPatience).ok());
  }
  EXPECT_THAT(delivered, ElementsAre(0, 1, 2));
  EXPECT_EQ(sink->pending(), 0u);

  Listener listener;
  auto source = OpenFixed(topic, &listener);
  {
    std::vector<RawRecord> records;
    ASSERT_TRUE(PollCount(*source, records, 3));
    EXPECT_EQ(records[0].topic(), topic);
    EXPECT_EQ(records[0].key(), "key");
    EXPECT_EQ(records[0].value(), "value");
    EXPECT_EQ(records[0].timestamp_ms(), 1'700'000'000'123);
    EXPECT_EQ(records[0].FindHeader("content-type"), "application/json");
    EXPECT_EQ(records[0].FindHeader("n"), "2");
    EXPECT_EQ(records[0].FindHeader("empty"), "");
    EXPECT_EQ(records[0].FindHeader("Content-Type"), std::nullopt);
    EXPECT_THAT(records[0].Headers(), testing::ElementsAreArray(headers));
    EXPECT_TRUE(records[1].has_key());
    EXPECT_FALSE(records[1].tombstone());
    EXPECT_EQ(records[1].size_bytes(), 0u);
    EXPECT_THAT(records[1].Headers(), IsEmpty());
    EXPECT_FALSE(records[2].has_key());
    EXPECT_TRUE(records[2].tombstone());
    EXPECT_EQ(records[2].offset(), Offset(2));
  }
  EXPECT_TRUE(source->Close(kPatience).ok());
  EXPECT_EQ(listener.revocations, 1);
}

TEST(ConformanceTest, KeysGoWhereJavaProducersPutThem) {
  constexpr int kPartitions = 7;
  const std::string topic = MakeTopic("murmur2", kPartitions);
  auto sink = OpenSink();
  std::atomic<int> right = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string key = absl::StrCat("customer-", i);
    ASSERT_TRUE(sink->Produce({topic, std::nullopt, key, "v", {}, 0},
                              [&, key](const Delivery& d) {
                                right += d.partition.value() == base::PartitionOf(key, kPartitions);
                              })
                    .ok());
  }
  ASSERT_TRUE(sink->Flush(kPatience).ok());
  EXPECT_EQ(right, 50);
}

TEST(ConformanceTest, StartsWhereTheListenerSays) {
  const std::string topic = MakeTopic("start", 2);
  Fill(topic, 0, 0, 10);
  Fill(topic, 1, 0, 10);
  telemetry::Registry registry;
  Listener listener;
  listener.starts = {{0, 7}};
  auto source = OpenFixed(topic, &listener, &registry);
  {
    std::vector<RawRecord> records;
    ASSERT_TRUE(PollUntil(*source, records, [&] {
      return source->AtEnd(PartitionId(0)) && source->AtEnd(PartitionId(1));
    }));
    std::map<int, std::vector<std::string>> by_partition;
    for (const RawRecord& record : records) {
      by_partition[record.partition().value()].emplace_back(record.value());
    }
    EXPECT_THAT(by_partition[0], ElementsAre("7", "8", "9"));
    EXPECT_EQ(by_partition[1].size(), 10u);
    EXPECT_EQ(source->CachedWatermarks(PartitionId(0))->high, Offset(10));
    EXPECT_TRUE(absl::IsNotFound(source->CachedWatermarks(PartitionId(2)).status()));
  }
  EXPECT_THAT(registry.RenderText(),
              HasSubstr(absl::StrCat("kindred_stream_records_total{topic=\"", topic, "\"} 13")));
  std::vector<RawRecord> more;
  Fill(topic, 0, 10, 1);
  ASSERT_TRUE(PollCount(*source, more, 1));
  EXPECT_THAT(Values(more), ElementsAre("10"));
}

TEST(ConformanceTest, ABatchIsBoundedAndDoesNotWaitForMore) {
  const std::string topic = MakeTopic("batch", 1);
  Fill(topic, 0, 0, 10);
  Listener listener;
  auto source = OpenFixed(topic, &listener);
  std::vector<RawRecord> records;
  ASSERT_TRUE(PollCount(*source, records, 1));
  const size_t before = records.size();
  ASSERT_TRUE(source->PollBatch(0, absl::Seconds(5), records).ok());
  EXPECT_EQ(records.size(), before);
  records.clear();
  Fill(topic, 0, 10, 10);
  ASSERT_TRUE(PollUntil(*source, records, [&] { return !records.empty(); }));
  const absl::Time start = absl::Now();
  ASSERT_TRUE(source->PollBatch(3, absl::Milliseconds(300), records).ok());
  EXPECT_LE(absl::Now() - start, absl::Seconds(5));
  records.clear();
}

TEST(ConformanceTest, APausedPartitionIsSilentAndGoesOnWhereItWas) {
  const std::string topic = MakeTopic("pause", 2);
  Fill(topic, 0, 0, 100);
  Listener listener;
  auto source = OpenFixed(topic, &listener);
  std::vector<RawRecord> records;
  ASSERT_TRUE(PollUntil(*source, records, [&] { return source->AtEnd(PartitionId(0)); }));
  source->Pause(PartitionId(0));
  source->Pause(PartitionId(0));
  source->Pause(PartitionId(99));  // not ours: nothing happens
  Fill(topic, 0, 100, 50);
  Fill(topic, 1, 0, 5);
  std::vector<RawRecord> meanwhile;
  ASSERT_TRUE(PollCount(*source, meanwhile, 5));
  ASSERT_TRUE(source->PollBatch(100, absl::Milliseconds(300), meanwhile).ok());
  for (const RawRecord& record : meanwhile) EXPECT_EQ(record.partition(), PartitionId(1));
  source->Resume(PartitionId(0));
  source->Resume(PartitionId(0));
  ASSERT_TRUE(PollCount(*source, records, 150));
  ASSERT_EQ(records.size(), 150u);
  for (int i = 0; i < 150; ++i) ASSERT_EQ(records[i].offset(), Offset(i));
}

TEST(ConformanceTest, AnOffsetThatTheLogDoesNotHoldIsTheListenersToDecide) {
  const std::string topic = MakeTopic("range", 2);
  Fill(topic, 0, 0, 10);
  Fill(topic, 1, 0, 10);
  Listener listener;
  listener.starts = {{0, 1000}};
  auto source = OpenFixed(topic, &listener);
  std::vector<RawRecord> records;
  ASSERT_TRUE(PollCount(*source, records, 20));
  EXPECT_THAT(listener.out_of_range, ElementsAre(ElementsAre(1000, 0, 10)));
  EXPECT_EQ(records.size(), 20u);  // the other partition was not read twice

  Listener refusing;
  refusing.starts = {{0, 1000}};
  refusing.go_on = false;
  auto stopped = OpenFixed(topic, &refusing);
  std::vector<RawRecord> rest;
  ASSERT_TRUE(PollUntil(*stopped, rest, [&] { return refusing.out_of_range.size() == 1; }));
  ASSERT_TRUE(PollUntil(*stopped, rest, [&] { return stopped->AtEnd(PartitionId(1)); }));
  ASSERT_TRUE(stopped->PollBatch(100, absl::Milliseconds(300), rest).ok());
  EXPECT_EQ(rest.size(), 10u);
  EXPECT_EQ(refusing.out_of_range.size(), 1u);
}

// Counts are lower bounds: a group may rebalance more often than its members ask for.
TEST(ConformanceTest, MembersOfAGroupShareThePartitions) {
  const std::string topic = MakeTopic("group", 4);
  for (int p = 0; p < 4; ++p) Fill(topic, p, 0, 10);
  const std::string group = absl::StrCat("group-of-", topic);
  Listener one;
  one.starts = {{0, 4}, {1, 4}, {2, 4}, {3, 4}};
  auto first = OpenMember(topic, group, &one);
  std::vector<RawRecord> records;
  ASSERT_TRUE(PollCount(*first, records, 24));
  for (const RawRecord& record : records) EXPECT_GE(record.offset(), Offset(4));
  EXPECT_EQ(one.owned.size(), 4u);
  first->CommitHint({{PartitionId(0), Offset(9)}, {PartitionId(77), Offset(1)}});

  // A second member takes half; each starts where its listener says, not at what was committed.
  Listener two;
  two.starts = {{0, 8}, {1, 8}, {2, 8}, {3, 8}};
  one.starts = {{0, 10}, {1, 10}, {2, 10}, {3, 10}};
  auto second = OpenMember(topic, group, &two);
  std::vector<RawRecord> of_second;
  ASSERT_TRUE(PollUntil(*first, records, [&] {
    EXPECT_TRUE(second->PollBatch(100, absl::Milliseconds(20), of_second).ok());
    return one.owned.size() == 2 && two.owned.size() == 2 && of_second.size() >= 4;
  }));
  EXPECT_GE(one.revocations, 1);
  EXPECT_EQ(one.losses, 0);
  for (const RawRecord& record : of_second) EXPECT_GE(record.offset(), Offset(8));

  // It leaves; the first takes over, and what it had paused is not paused any more.
  for (int p = 0; p < 4; ++p) first->Pause(PartitionId(p));
  one.starts = {{0, 9}, {1, 9}, {2, 9}, {3, 9}};
  of_second.clear();
  EXPECT_TRUE(second->Close(kPatience).ok());
  EXPECT_GE(two.revocations, 1);
  EXPECT_FALSE(second->PollBatch(1, absl::ZeroDuration(), of_second).ok());
  records.clear();
  ASSERT_TRUE(PollCount(*first, records, 4));
  EXPECT_THAT(Values(records), Each("9"));
  records.clear();
  EXPECT_TRUE(first->Close(kPatience).ok());
  EXPECT_TRUE(first->Close(kPatience).ok());
}

TEST(ConformanceTest, ATableIsReadToItsEndAndFollowed) {
  const std::string topic = MakeTopic("table", 3, {{"cleanup.policy", "compact"}});
  auto sink = OpenSink();
  for (int i = 0; i < 30; ++i) {
    const std::string key = absl::StrCat("item-", i);
    ASSERT_TRUE(sink->Produce({topic, std::nullopt, key, "v", {}, 0}).ok());
  }
  ASSERT_TRUE(sink->Flush(kPatience).ok());
  auto reader = CompactedTopicReader::Open(TestConnection(), topic, kPatience);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->remaining(), 30);
  EXPECT_FALSE((*reader)->caught_up());
  std::vector<RawRecord> records;
  for (int i = 0; i < 100 && !(*reader)->caught_up(); ++i) {
    ASSERT_TRUE((*reader)->Poll(7, absl::Milliseconds(100), records).ok());
  }
  EXPECT_TRUE((*reader)->caught_up());
  EXPECT_EQ((*reader)->remaining(), 0);
  EXPECT_EQ(records.size(), 30u);

  ASSERT_TRUE(sink->Produce({topic, std::nullopt, "item-3", std::nullopt, {}, 0}).ok());
  ASSERT_TRUE(sink->Flush(kPatience).ok());
  records.clear();
  for (int i = 0; i < 100 && records.empty(); ++i) {
    ASSERT_TRUE((*reader)->Poll(7, absl::Milliseconds(100), records).ok());
  }
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].tombstone());
  EXPECT_EQ(records[0].key(), "item-3");
  records.clear();
  EXPECT_TRUE((*reader)->Close(kPatience).ok());
}

TEST(ConformanceTest, AnEmptyTableIsCaughtUpAtOnce) {
  auto reader = CompactedTopicReader::Open(TestConnection(), MakeTopic("empty", 2), kPatience);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<RawRecord> records;
  ASSERT_TRUE((*reader)->Poll(7, absl::Milliseconds(100), records).ok());
  EXPECT_TRUE((*reader)->caught_up());
}

TEST(ConformanceTest, TheSinkRefusesWhatCannotBeSent) {
  const std::string topic = MakeTopic("refuse", 1);
  KafkaSinkOptions options;
  options.max_record_bytes = 10'000;
  auto sink = OpenSink(options);
  const std::string large(20'000, 'x');
  const absl::Status too_large = sink->Produce({topic, std::nullopt, "k", large, {}, 0});
  EXPECT_TRUE(absl::IsInvalidArgument(too_large)) << too_large;

  absl::Status delivery = absl::OkStatus();
  const absl::Status no_partition = sink->Produce({topic, PartitionId(9), "k", "v", {}, 0},
                                                  [&](const Delivery& d) { delivery = d.status; });
  ASSERT_TRUE(sink->Flush(kPatience).ok());
  // At once when the topic's partitions are known already, else at delivery.
  EXPECT_FALSE(no_partition.ok() && delivery.ok());
}

TEST(ConformanceTest, APreparedSinkKeepsTheOrderFromTheFirstRecordOn) {
  constexpr int kSinks = 20;
  constexpr int kRecords = 200;
  const std::string topic = MakeTopic("order", 4);
  std::vector<std::unique_ptr<RecordSink>> sinks;
  for (int s = 0; s < kSinks; ++s) {
    sinks.push_back(OpenSink());
    const absl::Status status = sinks.back()->Prepare(topic, kPatience);
    ASSERT_TRUE(status.ok()) << status;
    const std::string key = absl::StrCat("key-", s);
    for (int i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(sinks.back()->Produce({topic, std::nullopt, key, absl::StrCat(i), {}, 0}).ok());
    }
  }
  for (const auto& sink : sinks) ASSERT_TRUE(sink->Flush(kPatience).ok());
  Listener listener;
  auto source = OpenFixed(topic, &listener);
  std::vector<RawRecord> records;
  ASSERT_TRUE(PollCount(*source, records, size_t{kSinks} * kRecords));
  std::map<std::string, int> next;
  for (const RawRecord& record : records) {
    EXPECT_EQ(record.value(), absl::StrCat(next[std::string(record.key())]++)) << record.key();
  }
}

TEST(ConformanceTest, AFullQueueIsResourceExhausted) {
  KafkaSinkOptions options;
  options.connection = TestConnection();
  options.linger = absl::Seconds(60);
  options.queue_records = 10;
  auto sink = OpenKafkaRecordSink(options);
  ASSERT_TRUE(sink.ok()) << sink.status();
  const std::string topic = MakeTopic("full", 1);
  int calls = 0;
  absl::Status status;
  for (int i = 0; i < 11 && status.ok(); ++i) {
    status = (*sink)->Produce({topic, std::nullopt, "k", "v", {}, 0},
                              [&](const Delivery& d) { calls += !d.status.ok(); });
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ((*sink)->pending(), 10u);
  sink->reset();  // gives up what is under way, and says so to each
  EXPECT_EQ(calls, 10);
}

TEST(ConformanceTest, AdminTellsTheClusterAndItsTopics) {
  const std::string topic = MakeTopic("admin", 5);
  auto admin = TopicAdmin::Open(TestConnection());
  ASSERT_TRUE(admin.ok()) << admin.status();
  EXPECT_EQ((*admin)->Describe(topic, kPatience)->partitions, 5);
  EXPECT_EQ((*admin)->WaitForTopic(topic, kPatience)->partitions, 5);
  Fill(topic, 2, 0, 3);
  const auto log = (*admin)->QueryWatermarks(topic, PartitionId(2), kPatience);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->low, Offset(0));
  EXPECT_EQ(log->high, Offset(3));
  const auto cluster = (*admin)->Cluster(kPatience);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->brokers, 1);
  EXPECT_FALSE(cluster->cluster_id.empty());
}

TEST(ConformanceTest, WrongSettingsAreRefusedByName) {
  Connection connection = TestConnection();
  connection.settings = {{"no.such.setting", "1"}};
  const auto unknown = TopicAdmin::Open(connection);
  EXPECT_TRUE(absl::IsInvalidArgument(unknown.status()));
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("no.such.setting"));
  connection.settings = {{"enable.auto.commit", "true"}};
  const auto forbidden = TopicAdmin::Open(connection);
  EXPECT_TRUE(absl::IsInvalidArgument(forbidden.status()));
  connection = Connection();
  EXPECT_TRUE(absl::IsInvalidArgument(TopicAdmin::Open(connection).status()));
}

TEST(ConformanceTest, WithoutABrokerCallsEndInTime) {
  Connection connection;
  connection.brokers = "127.0.0.1:1";
  auto admin = TopicAdmin::Open(connection);
  ASSERT_TRUE(admin.ok());
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable((*admin)->Describe("t", absl::Milliseconds(200)).status()));
  EXPECT_TRUE(absl::IsUnavailable((*admin)->CreateTopic({"t", 1, 1, {}}, absl::Milliseconds(200))));
  KafkaSourceOptions options;
  options.connection = connection;
  options.topic = "t";
  options.group = "g";
  Listener listener;
  auto source = OpenKafkaEventSource(options, &listener);
  ASSERT_TRUE(source.ok());
  std::vector<RawRecord> records;
  const absl::Time deadline = absl::Now() + kPatience;
  while ((*source)->BrokersReachable() && absl::Now() < deadline) {
    ASSERT_TRUE((*source)->PollBatch(1, absl::Milliseconds(50), records).ok());
  }
  EXPECT_FALSE((*source)->BrokersReachable());
  (*source)->Close(absl::Seconds(2)).IgnoreError();
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

}  // namespace
}  // namespace kindred::stream
