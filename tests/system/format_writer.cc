// Sends the same made-up events in one format to a topic:
//
//   format_writer BROKERS TOPIC COUNT FORMAT
//
// FORMAT: protobuf, json, segment, cloudevents, confluent (protobuf behind the Confluent prefix).
// The events depend on their number alone. The key is the customer.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "event/encode.h"
#include "stream/record_sink.h"

namespace kindred {
namespace {

constexpr int64_t kFirstTimeMs = 1'700'000'000'000;
constexpr int64_t kStepMs = 61'007;
constexpr uint64_t kCustomers = 500;
constexpr uint64_t kItems = 300;

// What an event's views point to.
struct Texts {
  std::string event_id, customer, item, category, brand, order, title, session;
};

event::Event MakeEvent(uint64_t number, Texts* texts) {
  const auto draw = [number](uint64_t what, uint64_t below) {
    return base::Fingerprint64(absl::StrCat(number), what) % below;
  };
  const uint64_t item = draw(1, kItems);
  texts->event_id = absl::StrCat("event-", number);
  texts->customer = absl::StrCat("customer-", draw(2, kCustomers));
  texts->item = absl::StrCat("item-", item);
  texts->category = absl::StrCat("category-", item % 12);
  texts->brand = absl::StrCat("brand \"", item % 7, "\" \xe8\x8c\xb6");
  texts->order = absl::StrCat("order-", number);
  texts->title = absl::StrCat("Item ", item);
  texts->session = absl::StrCat("session-", draw(3, 2000));
  event::Event event;
  event.event_id = texts->event_id;
  event.user_id = texts->customer;
  event.event_time_ms = kFirstTimeMs + static_cast<int64_t>(number) * kStepMs;
  event.session_id = texts->session;
  event.device = draw(4, 2) == 0 ? "mobile" : "desktop";
  event.channel = "web";
  event.country = draw(5, 3) == 0 ? "DE" : "FR";
  event.city = "Lyon";
  const uint64_t kind = draw(6, 10);
  if (kind == 9) {
    event.type = event::EventType::kSearch;
    event.query = texts->title;
    return event;
  }
  event.type = kind < 4   ? event::EventType::kView
               : kind < 6 ? event::EventType::kAddToCart
                          : event::EventType::kPurchase;
  event.item_id = texts->item;
  event.category = texts->category;
  event.brand = texts->brand;
  event.title = texts->title;
  event.price = 1.25 + static_cast<double>(item) / 4;
  event.currency = "EUR";
  event.quantity = 1;
  if (event.type == event::EventType::kPurchase) {
    event.quantity = static_cast<double>(1 + draw(7, 3));
    event.order_id = texts->order;
  }
  return event;
}

absl::StatusOr<std::string> Encode(const event::Event& event, absl::string_view format) {
  if (format == "protobuf") return event::EncodeProto(event);
  if (format == "json") return event::EncodeJson(event);
  if (format == "segment") return event::EncodeSegmentJson(event);
  if (format == "cloudevents") return event::EncodeCloudEvent(event);
  if (format == "confluent") {
    // Magic byte, schema id of four bytes, the index path of the first message.
    return absl::StrCat(absl::string_view("\0\0\0\0\x07\0", 6), event::EncodeProto(event));
  }
  return absl::InvalidArgumentError(absl::StrCat("no format \"", format, "\""));
}

absl::Status Write(const std::string& brokers, const std::string& topic, uint64_t count,
                   const std::string& format) {
  stream::KafkaSinkOptions options;
  options.connection.brokers = brokers;
  absl::StatusOr<std::unique_ptr<stream::RecordSink>> sink = stream::OpenKafkaRecordSink(options);
  if (!sink.ok()) return sink.status();
  if (const absl::Status status = (*sink)->Prepare(topic, absl::Minutes(1)); !status.ok()) {
    return status;
  }
  Texts texts;
  for (uint64_t number = 0; number < count; ++number) {
    const event::Event event = MakeEvent(number, &texts);
    const absl::StatusOr<std::string> value = Encode(event, format);
    if (!value.ok()) return value.status();
    stream::OutRecord record;
    record.topic = topic;
    record.key = texts.customer;
    record.value = *value;
    absl::Status status = (*sink)->Produce(record);
    while (absl::IsResourceExhausted(status)) {
      absl::SleepFor(absl::Milliseconds(2));
      status = (*sink)->Produce(record);
    }
    if (!status.ok()) return status;
  }
  return (*sink)->Flush(absl::Minutes(1));
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) {
  uint64_t count = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[3], &count)) {
    std::fprintf(stderr, "usage: format_writer BROKERS TOPIC COUNT FORMAT\n");
    return 2;
  }
  const absl::Status status = kindred::Write(argv[1], argv[2], count, argv[4]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "format_writer: %s\n", status.ToString().c_str());
  return 1;
}
