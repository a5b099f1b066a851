#include "event/wire_format.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "event/wire_reader.h"

namespace kindred::event {
namespace {

constexpr absl::string_view kSpaces = " \t\r\n";
constexpr size_t kConfluentPrefixBytes = 5;
constexpr uint64_t kMaxMessageIndexes = 16;

absl::string_view SkipSpaces(absl::string_view text) {
  const size_t start = text.find_first_not_of(kSpaces);
  return start == absl::string_view::npos ? absl::string_view() : text.substr(start);
}

bool LooksLikeJson(absl::string_view bytes) {
  if (bytes.front() == '{') return true;
  if (kSpaces.find(bytes.front()) == absl::string_view::npos) return false;
  const absl::string_view text = SkipSpaces(bytes);
  if (text.empty()) return true;  // spaces only: an empty text, not an empty message
  if (text.front() != '{') return false;
  const absl::string_view rest = SkipSpaces(text.substr(1));
  return !rest.empty() && (rest.front() == '"' || rest.front() == '}');
}

// The path to the message in its schema: a count, then that many indexes; 0 stands for the first
// message. All zigzag varints. What cannot be a path is left where it is.
absl::string_view SkipMessageIndexes(absl::string_view bytes) {
  WireReader reader(bytes);
  const uint64_t zigzag = reader.Varint();
  if (!reader.ok() || (zigzag & 1) != 0 || zigzag / 2 > kMaxMessageIndexes) return bytes;
  for (uint64_t i = 0; i < zigzag / 2; ++i) reader.Varint();
  return reader.ok() ? reader.rest() : bytes;
}

}  // namespace

ContentType ContentTypeOf(absl::string_view media_type) {
  const absl::string_view name =
      absl::StripAsciiWhitespace(media_type.substr(0, media_type.find(';')));
  if (name.empty()) return ContentType::kNone;
  const auto is = [name](absl::string_view known) { return absl::EqualsIgnoreCase(name, known); };
  if (is("application/json") || is("text/json")) return ContentType::kJson;
  if (is("application/x-protobuf") || is("application/protobuf") ||
      is("application/vnd.google.protobuf")) {
    return ContentType::kProtobuf;
  }
  if (is("application/cloudevents+json")) return ContentType::kCloudEventsJson;
  return ContentType::kUnsupported;
}

RecordHeaders ReadHeaders(absl::Span<const Header> headers) {
  RecordHeaders result;
  for (const Header& header : headers) {
    if (absl::EqualsIgnoreCase(header.name, "content-type")) {
      result.content = ContentTypeOf(header.value);
      result.content_type = header.value;
      continue;
    }
    if (!absl::StartsWithIgnoreCase(header.name, "ce_")) continue;
    const absl::string_view name = header.name.substr(3);
    if (absl::EqualsIgnoreCase(name, "id")) {
      result.cloud.id = header.value;
    } else if (absl::EqualsIgnoreCase(name, "source")) {
      result.cloud.source = header.value;
    } else if (absl::EqualsIgnoreCase(name, "type")) {
      result.cloud.type = header.value;
    } else if (absl::EqualsIgnoreCase(name, "time")) {
      result.cloud.time = header.value;
    } else if (absl::EqualsIgnoreCase(name, "specversion")) {
      result.cloud.present = true;
    }
  }
  return result;
}

Payload FindPayload(absl::string_view value, ContentType content) {
  // What nearly all records are.
  if (content == ContentType::kNone && !value.empty() && value.front() == '{') return {value, true};
  const bool says_json = content == ContentType::kJson || content == ContentType::kCloudEventsJson;
  if (value.size() > kConfluentPrefixBytes && value.front() == '\0') {
    const absl::string_view rest = value.substr(kConfluentPrefixBytes);
    if (says_json || (content == ContentType::kNone && LooksLikeJson(rest))) return {rest, true};
    return {SkipMessageIndexes(rest), false};
  }
  if (content == ContentType::kNone) return {value, LooksLikeJson(value)};
  return {value, says_json};
}

}  // namespace kindred::event
