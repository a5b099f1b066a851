#include "stream/compacted_topic_reader.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "stream/kafka_event_source.h"
#include "stream/topic_admin.h"

namespace kindred::stream {

class CompactedTopicReader::Impl : public RebalanceListener {
 public:
  explicit Impl(std::string topic) : topic_(std::move(topic)) {}

  absl::Status Open(const Connection& connection, absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    KINDRED_ASSIGN_OR_RETURN(std::unique_ptr<TopicAdmin> admin, TopicAdmin::Open(connection));
    KINDRED_ASSIGN_OR_RETURN(const TopicInfo info,
                             admin->WaitForTopic(topic_, deadline - absl::Now()));
    KafkaSourceOptions options;
    options.connection = connection;
    options.topic = topic_;
    for (int p = 0; p < info.partitions; ++p) {
      KINDRED_ASSIGN_OR_RETURN(
          const Watermarks log,
          admin->QueryWatermarks(topic_, PartitionId(p), deadline - absl::Now()));
      lanes_.push_back({log.low.value(), log.high.value()});
      options.partitions.push_back(PartitionId(p));
    }
    KINDRED_ASSIGN_OR_RETURN(source_, OpenKafkaEventSource(options, this));
    return absl::OkStatus();
  }

  absl::Status Poll(size_t max_records, absl::Duration max_wait, std::vector<RawRecord>& out) {
    const size_t first = out.size();
    KINDRED_RETURN_IF_ERROR(source_->PollBatch(max_records, max_wait, out));
    for (size_t i = first; i < out.size(); ++i) {
      lanes_[out[i].partition().value()].next = out[i].offset().value() + 1;
    }
    if (caught_up_) return absl::OkStatus();
    caught_up_ = true;
    for (size_t p = 0; p < lanes_.size(); ++p) {
      // The last offsets may be transaction markers, which are never handed out.
      Lane& lane = lanes_[p];
      if (source_->AtEnd(PartitionId(static_cast<int32_t>(p)))) {
        lane.next = std::max(lane.next, lane.end);
      }
      caught_up_ = caught_up_ && lane.next >= lane.end;
    }
    return absl::OkStatus();
  }

  bool caught_up() const { return caught_up_; }

  int64_t remaining() const {
    int64_t sum = 0;
    for (const Lane& lane : lanes_) sum += std::max<int64_t>(lane.end - lane.next, 0);
    return sum;
  }

  absl::Status Close(absl::Duration limit) { return source_->Close(limit); }

 private:
  struct Lane {
    int64_t next;
    int64_t end;  // when the topic was opened
  };

  std::vector<PartitionStart> OnAssigned(absl::Span<const PartitionId>) override { return {}; }
  void OnRevoked(absl::Span<const PartitionId>) override {}
  void OnLost(absl::Span<const PartitionId>) override {}
  // A table loses nothing by going on with what its log still holds.
  std::optional<Offset> OnOutOfRange(PartitionId partition, Offset wanted,
                                     Watermarks log) override {
    base::LogWarning("stream", "table log was cut off",
                     {{"topic", topic_},
                      {"partition", partition.value()},
                      {"wanted", wanted.value()},
                      {"low", log.low.value()},
                      {"high", log.high.value()}});
    Lane& lane = lanes_[partition.value()];
    lane.next = log.low.value();
    lane.end = std::min(lane.end, log.high.value());
    return log.low;
  }

  const std::string topic_;
  std::vector<Lane> lanes_;
  bool caught_up_ = false;
  std::unique_ptr<EventSource> source_;
};

CompactedTopicReader::CompactedTopicReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompactedTopicReader::~CompactedTopicReader() = default;

absl::StatusOr<std::unique_ptr<CompactedTopicReader>> CompactedTopicReader::Open(
    const Connection& connection, const std::string& topic, absl::Duration timeout) {
  auto impl = std::make_unique<Impl>(topic);
  KINDRED_RETURN_IF_ERROR(impl->Open(connection, timeout));
  return std::unique_ptr<CompactedTopicReader>(new CompactedTopicReader(std::move(impl)));
}

absl::Status CompactedTopicReader::Poll(size_t max_records, absl::Duration max_wait,
                                        std::vector<RawRecord>& out) {
  return impl_->Poll(max_records, max_wait, out);
}
bool CompactedTopicReader::caught_up() const { return impl_->caught_up(); }
int64_t CompactedTopicReader::remaining() const { return impl_->remaining(); }
absl::Status CompactedTopicReader::Close(absl::Duration limit) { return impl_->Close(limit); }

}  // namespace kindred::stream
