// Bytes → a parsed JSON object: simdjson with one padded buffer that is used again.
#ifndef KINDRED_EVENT_JSON_PARSER_H_
#define KINDRED_EVENT_JSON_PARSER_H_

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "simdjson.h"

namespace kindred::event {

// The whole text is checked (grammar, UTF-8, numbers, depth, nothing after the object) before any
// field is read. Memory: about 14 times the longest text so far.
// Threads: one at a time.
class JsonParser {
 public:
  explicit JsonParser(int max_depth);

  // The object lives until the next call.
  bool Parse(DecodeContext& context, absl::string_view text, simdjson::dom::object* out);

 private:
  // Fails with what `error` means to a producer.
  static bool Fail(DecodeContext& context, simdjson::error_code error);

  simdjson::dom::parser parser_;
  std::unique_ptr<char[]> padded_;
  size_t padded_bytes_ = 0;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_JSON_PARSER_H_
