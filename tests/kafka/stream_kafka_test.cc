// What only a real Kafka can show of libs/stream: large records, a broker that dies, transactions,
// retention, static membership. Runs with the conformance suite; see CMakeLists.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/testing/source_tree.h"
#include "stream/compacted_topic_reader.h"
#include "stream/kafka_event_source.h"
#include "stream/record_sink.h"
#include "stream/test_cluster.h"
#include "stream/topic_admin.h"

namespace kindred::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(60);

// tests/kafka/kafka ACTION on the broker of this run.
void Broker(const std::string& action) {
  ASSERT_NE(std::getenv("KINDRED_KAFKA_DIR"), nullptr) << "run through tests/kafka/kafka run";
  ASSERT_EQ(std::system(
                absl::StrCat(base::SourceTreePath("tests/kafka/kafka"), " ", action, " >/dev/null")
                    .c_str()),
            0)
      << action;
}

// The position of every partition, as a node would store it.
class Positions : public RebalanceListener {
 public:
  std::vector<PartitionStart> OnAssigned(absl::Span<const PartitionId> partitions) override {
    ++assignments;
    std::vector<PartitionStart> starts;
    for (PartitionId id : partitions) {
      if (next.count(id.value()) > 0) starts.push_back({id, Offset(next[id.value()])});
    }
    return starts;
  }
  void OnRevoked(absl::Span<const PartitionId>) override { ++revocations; }
  void OnLost(absl::Span<const PartitionId>) override { ++losses; }
  std::optional<Offset> OnOutOfRange(PartitionId, Offset wanted, Watermarks log) override {
    out_of_range.push_back({wanted.value(), log.low.value(), log.high.value()});
    return log.low;
  }
  // Takes over what a batch holds; every record must be the next one.
  void Apply(std::vector<RawRecord>& batch) {
    for (const RawRecord& record : batch) {
      EXPECT_EQ(record.offset().value(), next[record.partition().value()]);
      next[record.partition().value()] = record.offset().value() + 1;
      values.emplace_back(record.value());
    }
    batch.clear();
  }

  std::map<int32_t, int64_t> next;
  std::vector<std::string> values;
  int assignments = 0, revocations = 0, losses = 0;
  std::vector<std::vector<int64_t>> out_of_range;
};

std::unique_ptr<RecordSink> OpenSink() {
  KafkaSinkOptions options;
  options.connection = TestConnection();
  auto sink = OpenKafkaRecordSink(options);
  EXPECT_TRUE(sink.ok()) << sink.status();
  return *std::move(sink);
}

std::unique_ptr<EventSource> Open(const std::string& topic, RebalanceListener* listener,
                                  const std::string& group = "", const std::string& instance = "") {
  KafkaSourceOptions options;
  options.connection = TestConnection();
  options.topic = topic;
  options.group = group;
  options.group_instance_id = instance;
  options.session_timeout = absl::Seconds(6);
  auto source = OpenKafkaEventSource(options, listener);
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

void Fill(const std::string& topic, int from, int count, int partitions = 1) {
  auto sink = OpenSink();
  for (int i = from; i < from + count; ++i) {
    const std::string value = absl::StrCat(i);
    ASSERT_TRUE(sink->Produce({topic, PartitionId(i % partitions), value, value, {}, 0}).ok());
  }
  ASSERT_TRUE(sink->Flush(kPatience).ok());
}

template <typename Done>
bool ReadUntil(EventSource& source, Positions& positions, Done done) {
  const absl::Time deadline = absl::Now() + kPatience;
  std::vector<RawRecord> batch;
  while (!done()) {
    if (absl::Now() > deadline) return false;
    const absl::Status status = source.PollBatch(100, absl::Milliseconds(50), batch);
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) return false;
    positions.Apply(batch);
  }
  return true;
}

TEST(StreamKafkaTest, TenMegabytesTravel) {
  const std::string topic = MakeTopic("large", 1);
  std::string large(10'000'000, 0);
  uint32_t noise = 1;
  for (char& c : large) c = static_cast<char>((noise = noise * 1664525 + 1013904223) >> 24);
  auto sink = OpenSink();
  for (int i = 0; i < 3; ++i) {
    absl::Status status = absl::UnknownError("not called");
    ASSERT_TRUE(sink->Produce({topic, std::nullopt, "k", large, {}, 0},
                              [&](const Delivery& d) { status = d.status; })
                    .ok());
    ASSERT_TRUE(sink->Flush(kPatience).ok());
    ASSERT_TRUE(status.ok()) << status;
  }
  Positions positions;
  auto source = Open(topic, &positions);
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 3; }));
  for (const std::string& value : positions.values) EXPECT_TRUE(value == large);
}

// By itself the client stops fetching for a second each time that its queue was full.
TEST(StreamKafkaTest, AFullQueueIsFilledAgainWhenItIsHalfEmpty) {
  const std::string topic = MakeTopic("refill", 2);
  constexpr int kRecords = 24'000;
  {
    auto sink = OpenSink();
    std::mt19937 random(1);
    for (int i = 0; i < kRecords; ++i) {
      std::string value(1000, '\0');  // nothing that could be compressed
      for (char& byte : value) byte = static_cast<char>(random());
      ASSERT_TRUE(sink->Produce({topic, PartitionId(i % 2), "key", value, {}, 0}).ok());
    }
    ASSERT_TRUE(sink->Flush(kPatience).ok());
  }
  KafkaSourceOptions options;
  options.connection = TestConnection();
  options.topic = topic;
  options.queue_bytes = 1 << 20;
  options.max_record_bytes = 1 << 20;  // a fetch brings a megabyte a partition
  Positions positions;
  auto source = OpenKafkaEventSource(options, &positions);
  ASSERT_TRUE(source.ok()) << source.status();
  std::vector<RawRecord> batch;
  int in_vain = 0;  // polls of a tenth of a second; ten in each second that nothing is fetched
  while (positions.values.size() < kRecords) {
    ASSERT_TRUE((*source)->PollBatch(100, absl::Milliseconds(100), batch).ok());
    if (batch.empty() && !positions.values.empty()) ++in_vain;
    ASSERT_LT(in_vain, 60) << positions.values.size() << " records";
    positions.Apply(batch);
    absl::SleepFor(absl::Milliseconds(2));  // slower than the broker
  }
}

TEST(StreamKafkaTest, ARestartGoesOnFromTheStoredOffsets) {
  const std::string topic = MakeTopic("restart", 4);
  const std::string group = "group-of-" + topic;
  Fill(topic, 0, 400, 4);
  Positions positions;
  auto source = Open(topic, &positions, group, "node-1");
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 250; }));
  EXPECT_TRUE(source->Close(absl::Seconds(10)).ok());
  source.reset();
  Fill(topic, 400, 100, 4);
  source = Open(topic, &positions, group, "node-1");
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 500; }));
  EXPECT_EQ(std::set<std::string>(positions.values.begin(), positions.values.end()).size(), 500u);
  EXPECT_EQ(positions.losses, 0);
}

TEST(StreamKafkaTest, TransactionMarkersAreAJump) {
  const std::string topic = MakeTopic("transactions", 1);
  char error[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", TestConnection().brokers.c_str(), error, 256);
  rd_kafka_conf_set(conf, "transactional.id", topic.c_str(), error, 256);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, 256);
  ASSERT_EQ(rd_kafka_init_transactions(producer, 30'000), nullptr);
  for (const bool commit : {true, false, true}) {
    ASSERT_EQ(rd_kafka_begin_transaction(producer), nullptr);
    ASSERT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY("k", 1),
                                RD_KAFKA_V_VALUE((void*)"v", 1),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_flush(producer, 30'000);
    ASSERT_EQ(commit ? rd_kafka_commit_transaction(producer, 30'000)
                     : rd_kafka_abort_transaction(producer, 30'000),
              nullptr);
  }
  rd_kafka_destroy(producer);
  // Kafka says that a transaction has ended before the last marker is in the log.
  auto admin = TopicAdmin::Open(TestConnection());
  ASSERT_TRUE(admin.ok()) << admin.status();
  const absl::Time deadline = absl::Now() + kPatience;
  int64_t end = 0;
  while (end < 6 && absl::Now() < deadline) {
    const auto log = (*admin)->QueryWatermarks(topic, PartitionId(0), kPatience);
    ASSERT_TRUE(log.ok()) << log.status();
    end = log->high.value();
    absl::SleepFor(absl::Milliseconds(20));
  }
  ASSERT_EQ(end, 6);

  // Offsets 0 and 4 hold committed records, 2 an aborted one, the rest are markers.
  auto reader = CompactedTopicReader::Open(TestConnection(), topic, kPatience);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->remaining(), 6);
  std::vector<RawRecord> records;
  for (int i = 0; i < 100 && !(*reader)->caught_up(); ++i) {
    ASSERT_TRUE((*reader)->Poll(10, absl::Milliseconds(100), records).ok());
  }
  EXPECT_TRUE((*reader)->caught_up());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].offset(), Offset(0));
  EXPECT_EQ(records[1].offset(), Offset(4));
}

// Deletes what lies below `before` from partition 0, as retention does.
void Cut(const std::string& topic, int64_t before) {
  char error[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", TestConnection().brokers.c_str(), error, 256);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, 256);
  rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(offsets, topic.c_str(), 0)->offset = before;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(offsets);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteRecords(client, &request, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(request);
  rd_kafka_topic_partition_list_destroy(offsets);
  rd_kafka_destroy(client);
}

TEST(StreamKafkaTest, WhatRetentionCutOffIsTold) {
  const std::string topic = MakeTopic("retention", 1);
  Fill(topic, 0, 100);
  Cut(topic, 60);
  Positions positions;
  positions.next = {{0, 20}};
  auto source = Open(topic, &positions);
  std::vector<RawRecord> records;
  const absl::Time deadline = absl::Now() + kPatience;
  while (records.size() < 40 && absl::Now() < deadline) {
    ASSERT_TRUE(source->PollBatch(100, absl::Milliseconds(50), records).ok());
  }
  ASSERT_EQ(records.size(), 40u);
  EXPECT_EQ(records[0].offset(), Offset(60));
  EXPECT_THAT(positions.out_of_range, ElementsAre(ElementsAre(20, 60, 100)));
}

TEST(StreamKafkaTest, AdminErrorsSayWhatIsWrong) {
  auto admin = TopicAdmin::Open(TestConnection());
  ASSERT_TRUE(admin.ok());
  const auto missing = (*admin)->Describe("no-such-topic", absl::Seconds(10));
  EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsNotFound((*admin)->WaitForTopic("no-such-topic", absl::Seconds(3)).status()));
  EXPECT_LT(absl::Now() - start, absl::Seconds(7));
  const absl::Status wrong =
      (*admin)->CreateTopic({"wrong", 1, 1, {{"cleanup.policy", "sometimes"}}}, absl::Seconds(10));
  EXPECT_TRUE(absl::IsInvalidArgument(wrong)) << wrong;
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("cleanup.policy"));
  const std::string topic = MakeTopic("twice", 2);
  EXPECT_TRUE((*admin)->CreateTopic({topic, 2, 1, {}}, absl::Seconds(10)).ok());
}

TEST(StreamKafkaTest, ASecondProcessWithTheSameInstanceIdEndsTheFirst) {
  const std::string topic = MakeTopic("fenced", 2);
  const std::string group = "group-of-" + topic;
  Positions one;
  Positions two;
  auto first = Open(topic, &one, group, "node-1");
  ASSERT_TRUE(ReadUntil(*first, one, [&] { return one.assignments == 1; }));
  auto second = Open(topic, &two, group, "node-1");
  absl::Status status;
  std::vector<RawRecord> batch;
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline && (status.ok() || two.assignments == 0)) {
    ASSERT_TRUE(second->PollBatch(100, absl::Milliseconds(20), batch).ok());
    status = first->PollBatch(100, absl::Milliseconds(20), batch);
  }
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node-1"));
  EXPECT_EQ(one.losses, 1);
  EXPECT_EQ(one.revocations, 0);
  EXPECT_EQ(two.assignments, 1);
  EXPECT_EQ(first->PollBatch(100, absl::ZeroDuration(), batch), status);
  const absl::Time start = absl::Now();
  first->Close(absl::Seconds(5)).IgnoreError();
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
}

// kill -9 of the broker while records flow: what was acknowledged arrives, once and in order.
TEST(StreamKafkaTest, ABrokerThatDiesLosesNothingAcknowledged) {
  const std::string topic = MakeTopic("killed", 2);
  Positions positions;
  auto source = Open(topic, &positions, "group-of-" + topic);
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.assignments == 1; }));
  std::atomic<bool> stop = false;
  std::set<std::string> acknowledged;  // written on the sink's thread, read after it ended
  std::thread feeder([&] {
    auto sink = OpenSink();
    for (int i = 0; !stop; ++i) {
      const std::string value = absl::StrCat(i);
      const absl::Status status = sink->Produce({topic, PartitionId(i % 2), value, value, {}, 0},
                                                [&acknowledged, value](const Delivery& delivery) {
                                                  if (delivery.status.ok())
                                                    acknowledged.insert(value);
                                                });
      EXPECT_TRUE(status.ok()) << status;
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_TRUE(sink->Flush(kPatience).ok());
  });
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 500; }));
  Broker("kill");
  const absl::Time away = absl::Now() + absl::Seconds(2);
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return absl::Now() > away; }));
  Broker("start");
  const size_t before = positions.values.size();
  ASSERT_TRUE(
      ReadUntil(*source, positions, [&] { return positions.values.size() >= before + 500; }));
  stop = true;
  feeder.join();
  const auto all_arrived = [&] {
    const std::set<std::string> seen(positions.values.begin(), positions.values.end());
    return std::includes(seen.begin(), seen.end(), acknowledged.begin(), acknowledged.end());
  };
  EXPECT_TRUE(ReadUntil(*source, positions, all_arrived));
  EXPECT_GT(acknowledged.size(), 1000u);
}

// Away for longer than the session: the client gives the partitions up by itself, and takes them
// back.
TEST(StreamKafkaTest, AnOutageLongerThanTheSessionHeals) {
  const std::string topic = MakeTopic("outage", 2);
  Fill(topic, 0, 100, 2);
  Positions positions;
  auto source = Open(topic, &positions, "group-of-" + topic, "node-1");
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 100; }));
  Broker("kill");
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.losses == 1; }));
  EXPECT_FALSE(source->BrokersReachable());
  EXPECT_EQ(positions.revocations, 0);
  Broker("start");
  Fill(topic, 100, 50, 2);
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.values.size() >= 150; }));
  EXPECT_EQ(positions.assignments, 2);
  EXPECT_TRUE(source->BrokersReachable());
  EXPECT_EQ(std::set<std::string>(positions.values.begin(), positions.values.end()).size(), 150u);
}

// A broker that is there but does not answer (stopped process, black hole) must not hold up the
// end.
TEST(StreamKafkaTest, CloseIsBoundedWhenTheBrokerHangs) {
  const std::string topic = MakeTopic("hang", 1);
  Positions positions;
  auto source = Open(topic, &positions, "group-of-" + topic);
  ASSERT_TRUE(ReadUntil(*source, positions, [&] { return positions.assignments == 1; }));
  Broker("pause");
  const absl::Time start = absl::Now();
  source->Close(absl::Seconds(3)).IgnoreError();
  source.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_EQ(positions.losses + positions.revocations, 1);
  Broker("continue");
}

}  // namespace
}  // namespace kindred::stream
