#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/load_command.h"
#include "cli/load_generator.h"
#include "cli/load_latency.h"
#include "cli/progress.h"
#include "event/event_time.h"
#include "stream/record_sink.h"
#include "stream/topic_admin.h"

namespace kindred::cli {
namespace {

constexpr absl::Duration kTopicWait = absl::Seconds(10);
constexpr absl::Duration kQueueWait = absl::Milliseconds(1);
constexpr absl::Duration kTick = absl::Milliseconds(1);
constexpr double kStepSeconds = 20;  // between the steps of a session
constexpr absl::Duration kFlushLimit = absl::Minutes(5);

struct Flags {
  LoadOptions load;
  std::string brokers = "localhost:9092";
  std::string topic = "events";
  std::string format = "json";
  std::string start;
  double pace = 100;
  double rate = 0;
  uint64_t count = 1'000'000;
  int partitions = 8;
  bool create = false;
  bool json = false;
};

const std::map<std::string, LoadFormat>& Formats() {
  static const auto* const formats =
      new std::map<std::string, LoadFormat>{{"json", LoadFormat::kJson},
                                            {"segment", LoadFormat::kSegmentJson},
                                            {"protobuf", LoadFormat::kProtobuf}};
  return *formats;
}

class EventLoad {
 public:
  explicit EventLoad(const Flags& flags) : flags_(flags), generator_(flags.load) {}

  absl::Status Run() {
    KINDRED_RETURN_IF_ERROR(MeetTopic());
    stream::KafkaSinkOptions options;
    options.connection.brokers = flags_.brokers;
    options.connection.client_id = "kindred-load";
    KINDRED_ASSIGN_OR_RETURN(sink_, stream::OpenKafkaRecordSink(options));
    KINDRED_RETURN_IF_ERROR(sink_->Prepare(flags_.topic, kTopicWait));
    KINDRED_RETURN_IF_ERROR(FindStart());
    {
      Progress progress("producing", "events", flags_.count);
      begin_ = absl::Now();
      for (uint64_t i = 0; i < flags_.count; ++i) {
        KINDRED_RETURN_IF_ERROR(SendNext(i));
        if (i % 1024 == 0) progress.Update(i);
      }
      KINDRED_RETURN_IF_ERROR(sink_->Flush(kFlushLimit));
      seconds_ = absl::ToDoubleSeconds(absl::Now() - begin_);
      progress.Update(flags_.count);
    }
    sink_.reset();  // after this nobody else counts
    Report();
    if (failed_ == 0) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(failed_.load(), " records were not acknowledged"));
  }

 private:
  absl::Status MeetTopic() const {
    stream::Connection connection;
    connection.brokers = flags_.brokers;
    KINDRED_ASSIGN_OR_RETURN(const auto admin, stream::TopicAdmin::Open(connection));
    if (flags_.create) {
      KINDRED_RETURN_IF_ERROR(
          admin->CreateTopic({flags_.topic, flags_.partitions, 1, {}}, kTopicWait));
      return admin->WaitForTopic(flags_.topic, kTopicWait).status();
    }
    return admin->Describe(flags_.topic, kTopicWait).status();
  }

  absl::Status FindStart() {
    step_ms_ = 1000 / flags_.pace;
    if (!flags_.start.empty()) {
      const std::optional<int64_t> time_ms = event::ParseTime(flags_.start);
      if (!time_ms) return absl::InvalidArgumentError("--start wants a date or an RFC 3339 time");
      start_ms_ = *time_ms;
    } else if (flags_.rate == 0) {
      start_ms_ = absl::ToUnixMillis(absl::Now()) -
                  static_cast<int64_t>(static_cast<double>(flags_.count) * step_ms_);
    }
    return absl::OkStatus();
  }

  // The time of the steady rate; without one, now.
  absl::Time Intended(uint64_t i) const {
    return flags_.rate == 0 ? absl::Now()
                            : begin_ + absl::Seconds(static_cast<double>(i) / flags_.rate);
  }

  // Up to kTick late: to sleep for every event would cost more than to make it.
  static void WaitUntil(absl::Time intended) {
    const absl::Duration early = intended - absl::Now();
    if (early > absl::ZeroDuration()) absl::SleepFor(std::max(early, kTick));
  }

  absl::Status SendNext(uint64_t i) {
    const absl::Time intended = Intended(i);
    const int64_t event_ms =
        start_ms_ ? *start_ms_ + static_cast<int64_t>(static_cast<double>(i) * step_ms_)
                  : absl::ToUnixMillis(intended);
    const LoadRecord& record = generator_.Next(event_ms);
    ++kinds_[static_cast<size_t>(record.kind)];
    bytes_ += record.value.size();
    if (flags_.rate > 0) WaitUntil(intended);
    stream::OutRecord out;
    out.topic = flags_.topic;
    out.key = record.key;
    out.value = record.value;
    const int64_t intended_ns = absl::ToUnixNanos(intended);
    // Only the sink's thread adds to the latencies.
    const auto done = [this, intended_ns](const stream::Delivery& delivery) {
      if (!delivery.status.ok()) {
        failed_.fetch_add(1);
      } else if (flags_.rate > 0) {
        latency_.Add(absl::GetCurrentTimeNanos() - intended_ns);
      }
    };
    while (true) {
      const absl::Status status = sink_->Produce(out, done);
      if (!absl::IsResourceExhausted(status)) return status;
      absl::SleepFor(kQueueWait);
    }
  }

  void Report() const {
    const double count = static_cast<double>(flags_.count);
    std::string text;
    if (flags_.json) {
      absl::StrAppendFormat(&text, "{\"events\":%u,\"seconds\":%.6g,\"events_per_second\":%.6g,",
                            flags_.count, seconds_, count / seconds_);
      absl::StrAppendFormat(&text, "\"bytes_per_event\":%.6g", static_cast<double>(bytes_) / count);
      for (size_t kind = 0; kind < kinds_.size(); ++kind) {
        absl::StrAppendFormat(&text, ",\"%s\":%u", LoadKindName(static_cast<LoadKind>(kind)),
                              kinds_[kind]);
      }
      if (flags_.rate > 0) {
        absl::StrAppendFormat(&text, ",\"p50_ms\":%.6g,\"p99_ms\":%.6g,\"p999_ms\":%.6g",
                              latency_.QuantileMs(0.5), latency_.QuantileMs(0.99),
                              latency_.QuantileMs(0.999));
      }
      text += "}\n";
    } else {
      absl::StrAppendFormat(&text, "%u events, %.1f bytes each, in %.2f s: %.0f events/s\n",
                            flags_.count, static_cast<double>(bytes_) / count, seconds_,
                            count / seconds_);
      for (size_t kind = 0; kind < kinds_.size(); ++kind) {
        absl::StrAppendFormat(&text, "  %-10s %u\n", LoadKindName(static_cast<LoadKind>(kind)),
                              kinds_[kind]);
      }
      if (flags_.rate > 0) {
        absl::StrAppendFormat(&text,
                              "from the intended time to the broker's acknowledgement: p50 %.3f "
                              "ms, p99 %.3f ms, p99.9 %.3f ms\n",
                              latency_.QuantileMs(0.5), latency_.QuantileMs(0.99),
                              latency_.QuantileMs(0.999));
      }
    }
    std::fputs(text.c_str(), stdout);
  }

  const Flags flags_;
  LoadGenerator generator_;
  std::optional<int64_t> start_ms_;  // none: event time is the intended time
  double step_ms_ = 0;
  absl::Time begin_;
  double seconds_ = 0;
  uint64_t bytes_ = 0;
  std::array<uint64_t, kLoadKinds> kinds_ = {};
  std::atomic<uint64_t> failed_{0};
  LoadLatency latency_;
  // Last, so that its thread ends first.
  std::unique_ptr<stream::RecordSink> sink_;
};

void AddShapeOptions(CLI::App* command, LoadOptions* load) {
  command->add_option("--seed", load->seed, "The same seed and --start give the same events")
      ->capture_default_str();
  command->add_option("--customers", load->customers, "How many there are")->capture_default_str();
  command->add_option("--items", load->items, "How many there are")->capture_default_str();
  command->add_option("--categories", load->categories, "Of the items")->capture_default_str();
  command->add_option("--brands", load->brands, "Of the items")->capture_default_str();
  command->add_option("--customer-skew", load->customer_skew, "Exponent of Zipf's law; 0: uniform")
      ->capture_default_str();
  command->add_option("--item-skew", load->item_skew, "Exponent of Zipf's law; 0: uniform")
      ->capture_default_str();
  command->add_option("--duplicates", load->duplicates, "Share of records sent a second time")
      ->capture_default_str();
  command->add_option("--late", load->late, "Share of events that lie an hour to three days back")
      ->capture_default_str();
  command->add_option(
      "--anonymous", load->anonymous,
      "Share of events that also name one of the customer's browsers, which links it");
  command->add_option("--bad", load->bad, "Share of records that must be rejected")
      ->capture_default_str();
}

}  // namespace

void AddLoadEventsCommand(CLI::App& load) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = load.add_subcommand("events", "Produce the events of a made-up shop");
  command->footer(
      "Example:\n  kindred load events --count 10000000 --create-topic\n"
      "  kindred load events --rate 20000 --count 1200000 --customer-skew 0.8 --format segment");
  command->add_option("--brokers", flags->brokers, "Kafka, host:port[,host:port]")
      ->capture_default_str()
      ->envname("KINDRED_BROKERS");
  command->add_option("--topic", flags->topic, "Where to send")->capture_default_str();
  command->add_flag("--create-topic", flags->create, "Create the topic if it is missing");
  command->add_option("--partitions", flags->partitions, "Of a topic that is created")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--count", flags->count, "How many records")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--rate", flags->rate,
                   "Records a second, each at its time whatever the broker does; 0: full speed")
      ->check(CLI::Range(0.0, 1e9));
  command->add_option("--format", flags->format, "json, segment or protobuf")
      ->capture_default_str()
      ->check(CLI::IsMember(Formats()));
  command->add_option("--start", flags->start,
                      "Event time of the first event; default: so that the last is now, or with "
                      "--rate the time of sending");
  command
      ->add_option("--pace", flags->pace,
                   "Events in one second of event time; a session takes a step every 20 s of it")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 1e9));
  AddShapeOptions(command, &flags->load);
  command->add_flag("--json", flags->json, "Print one JSON object instead of text");
  command->callback([flags] {
    const bool live = flags->rate > 0 && flags->start.empty();
    flags->load.sessions = static_cast<uint64_t>(
        std::clamp((live ? flags->rate : flags->pace) * kStepSeconds, 1.0, 200'000.0));
    flags->load.format = Formats().at(flags->format);
    absl::Status status = Validate(flags->load);
    if (status.ok()) status = EventLoad(*flags).Run();
    if (!status.ok()) Fail(status);
  });
}

}  // namespace kindred::cli
