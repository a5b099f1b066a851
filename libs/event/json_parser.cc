#include "event/json_parser.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace kindred::event {
namespace {

constexpr size_t kFirstBytes = 4096;

}  // namespace

JsonParser::JsonParser(int max_depth) {
  KINDRED_CHECK(max_depth > 0) << "max_depth " << max_depth;
  // simdjson refuses the level max_depth itself, and does not count an empty innermost one.
  const simdjson::error_code error = parser_.allocate(kFirstBytes, max_depth + 1);
  KINDRED_CHECK(error == simdjson::SUCCESS) << simdjson::error_message(error);
}

bool JsonParser::Parse(DecodeContext& context, absl::string_view text, simdjson::dom::object* out) {
  const size_t needed = text.size() + simdjson::SIMDJSON_PADDING;
  if (needed > padded_bytes_) {
    padded_bytes_ = std::max(needed, 2 * padded_bytes_);
    padded_ = std::make_unique<char[]>(padded_bytes_);
  }
  std::memcpy(padded_.get(), text.data(), text.size());
  simdjson::dom::element root;
  const simdjson::error_code error =
      parser_.parse(padded_.get(), text.size(), /*realloc_if_needed=*/false).get(root);
  if (error != simdjson::SUCCESS) return Fail(context, error);
  if (root.get(*out) != simdjson::SUCCESS) {
    return context.Fail(DecodeFailure::kWrongType, "the record: expected a JSON object");
  }
  return true;
}

bool JsonParser::Fail(DecodeContext& context, simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return context.Fail(DecodeFailure::kEmpty, "nothing but spaces");
    case simdjson::UTF8_ERROR:
      return context.Fail(DecodeFailure::kInvalidUtf8, "JSON that is not UTF-8");
    case simdjson::DEPTH_ERROR:
      return context.Fail(DecodeFailure::kTooDeep, "JSON is nested too deep");
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return context.Fail(DecodeFailure::kTooLarge, "JSON is too long to parse");
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return context.Fail(DecodeFailure::kMalformed, "JSON with a number that is none or too big");
    default:
      return context.Fail(DecodeFailure::kMalformed,
                          absl::StrCat("JSON: ", simdjson::error_message(error)));
  }
}

}  // namespace kindred::event
