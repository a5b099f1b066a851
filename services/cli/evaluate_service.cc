#include "cli/evaluate_service.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "kindred/v1/recommendation.grpc.pb.h"
#include "kindred/v1/status.grpc.pb.h"
#include "stream/record_sink.h"

namespace kindred::cli {
namespace {

constexpr absl::Duration kDelivery = absl::Minutes(5);  // of everything before the first question
constexpr absl::Duration kApplied = absl::Seconds(60);
constexpr absl::Duration kLook = absl::Microseconds(300);

absl::Status StatusOf(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

const char* TypeOf(recommend::Interaction kind) {
  switch (kind) {
    case recommend::Interaction::kView:
      return "view";
    case recommend::Interaction::kClick:
      return "click";
    case recommend::Interaction::kWishlist:
      return "wishlist";
    case recommend::Interaction::kCart:
      return "add_to_cart";
    case recommend::Interaction::kPurchase:
      return "purchase";
    case recommend::Interaction::kRating:
      return "rating";
  }
  return "view";
}

class LiveNode final : public ServiceSubject {
 public:
  LiveNode(const EvaluateServiceOptions& options, const InputNames* names,
           std::unique_ptr<stream::RecordSink> sink)
      : options_(options), names_(*names), sink_(std::move(sink)) {
    const std::shared_ptr<grpc::Channel> channel = Connect(options_.client);
    recommendations_ = v1::RecommendationService::NewStub(channel);
    node_ = v1::StatusService::NewStub(channel);
  }

  absl::Status MeetEmptyNode() {
    v1::Status status;
    KINDRED_RETURN_IF_ERROR(Look(&status));
    if (status.customer_count() == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("the node knows ", status.customer_count(),
                     " customers already: start one with an empty topic and data directory"));
  }

  bool Recommend(const recommend::LogEvent& event, uint32_t count,
                 recommend::Answer* answer) override {
    if (status_.ok()) status_ = WaitUntilApplied();
    if (status_.ok()) status_ = Ask(event, count, answer);
    return status_.ok();
  }

  bool Learn(const recommend::LogEvent& event) override {
    const std::string customer(names_.customers.Name(event.customer));
    std::string value = absl::StrCat(
        "{\"event_id\":\"evaluate-", ++sent_, "\",\"user_id\":", base::JsonQuote(customer),
        ",\"type\":\"", TypeOf(event.touch.kind), "\",\"event_time\":", event.touch.time_ms,
        ",\"item_id\":", base::JsonQuote(names_.items.Name(event.touch.item.value())));
    if (event.touch.kind == recommend::Interaction::kPurchase) {
      absl::StrAppend(&value, ",\"quantity\":1,\"price\":1");
    }
    if (event.touch.kind == recommend::Interaction::kRating)
      absl::StrAppend(&value, ",\"rating\":1");
    absl::StrAppend(&value, "}");
    stream::OutRecord record;
    record.topic = options_.topic;
    record.key = customer;
    record.value = value;
    while (true) {
      status_ = sink_->Produce(record, [this](const stream::Delivery& delivery) {
        absl::MutexLock lock(&mutex_);
        if (!delivery.status.ok()) {
          delivery_ = delivery.status;
          return;
        }
        int64_t& next = next_[delivery.partition.value()];
        next = std::max(next, delivery.offset.value() + 1);
      });
      if (!absl::IsResourceExhausted(status_)) return status_.ok();
      absl::SleepFor(absl::Milliseconds(1));
    }
  }

  const absl::Status& status() const override { return status_; }

 private:
  absl::Status Look(v1::Status* status) {
    grpc::ClientContext context;
    SetDeadline(options_.client, &context);
    return StatusOf(node_->GetStatus(&context, {}, status));
  }

  // Waits until everything sent is in the log, and everything in the log is applied.
  absl::Status WaitUntilApplied() {
    if (applied_ == sent_) return absl::OkStatus();
    KINDRED_RETURN_IF_ERROR(sink_->Flush(kDelivery));
    std::map<int32_t, int64_t> wanted;
    {
      absl::MutexLock lock(&mutex_);
      KINDRED_RETURN_IF_ERROR(delivery_);
      wanted = next_;
    }
    const absl::Time limit = absl::Now() + kApplied;
    while (absl::Now() < limit) {
      v1::Status status;
      KINDRED_RETURN_IF_ERROR(Look(&status));
      const bool behind = std::any_of(
          status.partitions().begin(), status.partitions().end(), [&](const auto& partition) {
            const auto found = wanted.find(partition.partition());
            return found != wanted.end() && partition.applied_offset() < found->second;
          });
      if (!behind) {
        applied_ = sent_;
        return absl::OkStatus();
      }
      absl::SleepFor(kLook);
    }
    return absl::DeadlineExceededError("the node did not apply what was sent within a minute");
  }

  absl::Status Ask(const recommend::LogEvent& event, uint32_t count, recommend::Answer* answer) {
    v1::RecommendRequest request;
    request.set_customer_id(std::string(names_.customers.Name(event.customer)));
    request.set_count(static_cast<int32_t>(count));
    request.mutable_as_of_time()->set_seconds(event.touch.time_ms / 1000);
    request.mutable_as_of_time()->set_nanos(static_cast<int32_t>(event.touch.time_ms % 1000) *
                                            1'000'000);
    v1::RecommendResponse response;
    grpc::ClientContext context;
    SetDeadline(options_.client, &context);
    KINDRED_RETURN_IF_ERROR(StatusOf(recommendations_->Recommend(&context, request, &response)));
    for (const v1::Recommendation& item : response.recommendations()) {
      recommend::RankedItem ranked;
      ranked.item = ItemId(names_.items.Find(item.item_id()));
      ranked.score = static_cast<float>(item.score());
      answer->items.push_back(ranked);
    }
    return absl::OkStatus();
  }

  const EvaluateServiceOptions options_;
  const InputNames& names_;
  std::unique_ptr<v1::RecommendationService::Stub> recommendations_;
  std::unique_ptr<v1::StatusService::Stub> node_;
  absl::Status status_;
  uint64_t sent_ = 0;
  uint64_t applied_ = 0;  // of what was sent
  absl::Mutex mutex_;
  absl::Status delivery_ ABSL_GUARDED_BY(mutex_);
  std::map<int32_t, int64_t> next_ ABSL_GUARDED_BY(mutex_);  // partition → offset after the last
  // Goes first: until it has ended it tells of deliveries, which the members above keep.
  std::unique_ptr<stream::RecordSink> sink_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServiceSubject>> ServiceSubject::Open(
    const EvaluateServiceOptions& options, const InputNames* names) {
  stream::KafkaSinkOptions sink_options;
  sink_options.connection.brokers = options.brokers;
  sink_options.linger = absl::Milliseconds(1);
  KINDRED_ASSIGN_OR_RETURN(std::unique_ptr<stream::RecordSink> sink,
                           stream::OpenKafkaRecordSink(sink_options));
  KINDRED_RETURN_IF_ERROR(sink->Prepare(options.topic, absl::Seconds(10)));
  auto subject = std::make_unique<LiveNode>(options, names, std::move(sink));
  KINDRED_RETURN_IF_ERROR(subject->MeetEmptyNode());
  return subject;
}

}  // namespace kindred::cli
