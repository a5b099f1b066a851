#include "node/dead_letter.h"

#include "absl/strings/str_cat.h"
#include "base/bytes.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxDetailBytes = 512;

void WriteOptional(const std::optional<std::string>& text, base::ByteWriter* out) {
  out->U8(text.has_value() ? 1 : 0);
  if (text.has_value()) out->Bytes(*text);
}

std::optional<std::string> ReadOptional(base::ByteReader* in) {
  if (in->U8() == 0) return std::nullopt;
  return std::string(in->Bytes());
}

}  // namespace

std::string DeadLetter::Id() const {
  return absl::StrCat(topic, "/", partition.value(), "/", offset.value(), "/", line);
}

std::vector<std::pair<std::string, std::string>> DeadLetter::AllHeaders() const {
  std::vector<std::pair<std::string, std::string>> all = headers;
  const auto add = [&all](absl::string_view name, std::string text) {
    all.emplace_back(absl::StrCat(kDeadLetterHeaderPrefix, name), std::move(text));
  };
  add("id", Id());
  add("reason", reason);
  add("stage", stage);
  add("detail", detail);
  add("topic", topic);
  add("partition", absl::StrCat(partition.value()));
  add("offset", absl::StrCat(offset.value()));
  add("timestamp-ms", absl::StrCat(timestamp_ms));
  return all;
}

DeadLetter MakeDeadLetter(const stream::RawRecord& record, absl::string_view stage,
                          absl::string_view reason, absl::string_view detail, uint32_t line) {
  DeadLetter letter;
  letter.topic = std::string(record.topic());
  letter.partition = record.partition();
  letter.offset = record.offset();
  letter.timestamp_ms = record.timestamp_ms();
  letter.reason = std::string(reason);
  letter.stage = std::string(stage);
  letter.detail = std::string(detail.substr(0, kMaxDetailBytes));
  letter.line = line;
  if (record.has_key()) letter.key = std::string(record.key());
  if (!record.tombstone()) letter.value = std::string(record.value());
  for (const auto& [name, value] : record.Headers()) {
    letter.headers.emplace_back(std::string(name), std::string(value));
  }
  return letter;
}

std::string EncodeDeadLetter(const DeadLetter& letter) {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Bytes(letter.topic);
  writer.Varint(static_cast<uint64_t>(letter.partition.value()));
  writer.Varint(static_cast<uint64_t>(letter.offset.value()));
  writer.Signed(letter.timestamp_ms);
  writer.Bytes(letter.reason);
  writer.Bytes(letter.stage);
  writer.Bytes(letter.detail);
  writer.Varint(letter.line);
  WriteOptional(letter.key, &writer);
  WriteOptional(letter.value, &writer);
  writer.Varint(letter.headers.size());
  for (const auto& [name, value] : letter.headers) {
    writer.Bytes(name);
    writer.Bytes(value);
  }
  return out;
}

absl::StatusOr<DeadLetter> DecodeDeadLetter(absl::string_view bytes) {
  base::ByteReader in(bytes);
  DeadLetter letter;
  if (in.U8() != kVersion) return absl::DataLossError("outbox entry has an unknown version");
  letter.topic = std::string(in.Bytes());
  letter.partition = PartitionId(static_cast<int32_t>(in.Varint()));
  letter.offset = Offset(static_cast<int64_t>(in.Varint()));
  letter.timestamp_ms = in.Signed();
  letter.reason = std::string(in.Bytes());
  letter.stage = std::string(in.Bytes());
  letter.detail = std::string(in.Bytes());
  letter.line = static_cast<uint32_t>(in.Varint());
  letter.key = ReadOptional(&in);
  letter.value = ReadOptional(&in);
  const size_t headers = in.Count(2);
  for (size_t i = 0; i < headers; ++i) {
    std::string name(in.Bytes());
    letter.headers.emplace_back(std::move(name), std::string(in.Bytes()));
  }
  if (!in.Done()) return absl::DataLossError("outbox entry is damaged");
  return letter;
}

}  // namespace kindred::node
