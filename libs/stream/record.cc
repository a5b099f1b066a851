#include "stream/record.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

namespace kindred::stream {
namespace {

absl::string_view View(const void* bytes, size_t size) {
  return absl::string_view(static_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
}

// Null when the record has none, or when they cannot be parsed.
rd_kafka_headers_t* HeadersOf(const rd_kafka_message_t* message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return nullptr;
  return headers;
}

}  // namespace

RawRecord::RawRecord(RecordParts parts)
    : parts_(std::make_unique<RecordParts>(std::move(parts))),
      offset_(parts_->offset),
      timestamp_ms_(parts_->timestamp_ms),
      partition_(parts_->partition) {
  if (parts_->key) key_ = *parts_->key;
  if (parts_->value) value_ = *parts_->value;
}

RawRecord::RawRecord(rd_kafka_message_s* message)
    : message_(message),
      key_(View(message->key, message->key_len)),
      value_(View(message->payload, message->len)),
      offset_(message->offset),
      partition_(message->partition) {
  rd_kafka_timestamp_type_t type;
  timestamp_ms_ = rd_kafka_message_timestamp(message, &type);
}

RawRecord& RawRecord::operator=(RawRecord&& other) noexcept {
  if (this == &other) return *this;
  Release();
  message_ = std::exchange(other.message_, nullptr);
  parts_ = std::move(other.parts_);
  key_ = std::exchange(other.key_, {});
  value_ = std::exchange(other.value_, {});
  offset_ = other.offset_;
  timestamp_ms_ = other.timestamp_ms_;
  partition_ = other.partition_;
  return *this;
}

void RawRecord::Release() {
  if (message_ != nullptr) rd_kafka_message_destroy(message_);
  message_ = nullptr;
}

absl::string_view RawRecord::topic() const {
  if (message_ != nullptr) return rd_kafka_topic_name(message_->rkt);
  return parts_ == nullptr ? absl::string_view() : parts_->topic;
}

std::optional<absl::string_view> RawRecord::FindHeader(absl::string_view name) const {
  if (message_ != nullptr) {
    rd_kafka_headers_t* headers = HeadersOf(message_);
    if (headers == nullptr) return std::nullopt;
    // Walked by hand: the library's look-up wants a terminated name.
    std::optional<absl::string_view> found;
    const char* header_name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &header_name, &value, &size) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      if (header_name == name) found = View(value, size);
    }
    return found;
  }
  if (parts_ == nullptr) return std::nullopt;
  for (auto header = parts_->headers.rbegin(); header != parts_->headers.rend(); ++header) {
    if (header->first == name) return header->second;
  }
  return std::nullopt;
}

void RawRecord::Prefetch() const {
  constexpr size_t kLine = 64;
  constexpr size_t kMost = 8 * kLine;
  if (message_ != nullptr) __builtin_prefetch(message_);
  for (size_t at = 0; at < std::min(value_.size(), kMost); at += kLine) {
    __builtin_prefetch(value_.data() + at);
  }
}

std::vector<Header> RawRecord::Headers() const {
  std::vector<Header> all;
  if (message_ != nullptr) {
    rd_kafka_headers_t* headers = HeadersOf(message_);
    if (headers == nullptr) return all;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      all.emplace_back(name, View(value, size));
    }
  } else if (parts_ != nullptr) {
    all.assign(parts_->headers.begin(), parts_->headers.end());
  }
  return all;
}

}  // namespace kindred::stream
