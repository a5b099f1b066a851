#include "event/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "event/event_time.h"
#include "event/json_text.h"

namespace kindred::event {
namespace {

// Doubles beyond this do not fit an int64_t.
constexpr double kInt64Limit = 9.2e18;

void AppendObject(dom::object object, std::string* out) {
  std::vector<std::pair<std::string_view, dom::element>> fields;
  for (const dom::key_value_pair field : object) fields.emplace_back(field.key, field.value);
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  out->push_back('{');
  bool first = true;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i + 1 < fields.size() && fields[i].first == fields[i + 1].first) continue;
    if (!first) out->push_back(',');
    first = false;
    AppendJsonString(ToView(fields[i].first), out);
    out->push_back(':');
    AppendJson(fields[i].second, out);
  }
  out->push_back('}');
}

void AppendArray(dom::array array, std::string* out) {
  out->push_back('[');
  bool first = true;
  for (const dom::element value : array) {
    if (!first) out->push_back(',');
    first = false;
    AppendJson(value, out);
  }
  out->push_back(']');
}

// Only called with the type that `value` has.
template <typename T>
T Get(dom::element value) {
  T result{};
  const simdjson::error_code error = value.get(result);
  KINDRED_CHECK(error == simdjson::SUCCESS) << simdjson::error_message(error);
  return result;
}

std::optional<double> NumberFromText(absl::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

absl::string_view JsonKind(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
      return "a number";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "a boolean";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "nothing";
}

bool ReadText(DecodeContext& context, absl::string_view name, dom::element value,
              absl::string_view* out) {
  if (value.is_string()) {
    *out = ToView(Get<std::string_view>(value));
    return true;
  }
  return value.is_null() || context.FailType(name, "a string", JsonKind(value));
}

bool ReadId(DecodeContext& context, absl::string_view name, dom::element value,
            absl::string_view* out) {
  switch (value.type()) {
    case dom::element_type::STRING:
      *out = ToView(Get<std::string_view>(value));
      return true;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      context.scratch.clear();
      AppendJson(value, &context.scratch);
      *out = context.arena.Copy(context.scratch);
      return true;
    case dom::element_type::NULL_VALUE:
      return true;
    default:
      return context.FailType(name, "a string or a whole number", JsonKind(value));
  }
}

bool ReadNumber(DecodeContext& context, absl::string_view name, dom::element value,
                std::optional<double>* out) {
  switch (value.type()) {
    case dom::element_type::INT64:
      *out = static_cast<double>(Get<int64_t>(value));
      return true;
    case dom::element_type::UINT64:
      *out = static_cast<double>(Get<uint64_t>(value));
      return true;
    case dom::element_type::DOUBLE:
      *out = Get<double>(value);
      return true;
    case dom::element_type::STRING: {
      const absl::string_view text = ToView(Get<std::string_view>(value));
      if (text.empty()) return true;
      *out = NumberFromText(text);
      return out->has_value() || context.FailType(name, "a number", "a string that is none");
    }
    case dom::element_type::NULL_VALUE:
      return true;
    default:
      return context.FailType(name, "a number", JsonKind(value));
  }
}

bool ReadTime(DecodeContext& context, absl::string_view name, dom::element value,
              std::optional<int64_t>* out) {
  constexpr absl::string_view kExpected = "an RFC 3339 time or milliseconds since 1970";
  switch (value.type()) {
    case dom::element_type::STRING: {
      const absl::string_view text = ToView(Get<std::string_view>(value));
      if (text.empty()) return true;
      *out = ParseTime(text);
      return out->has_value() || context.FailType(name, kExpected, "a string that is none");
    }
    case dom::element_type::INT64:
      *out = Get<int64_t>(value);
      return true;
    case dom::element_type::DOUBLE: {
      const double number = Get<double>(value);
      if (std::abs(number) > kInt64Limit) return context.FailType(name, kExpected, "more");
      *out = static_cast<int64_t>(std::floor(number));
      return true;
    }
    case dom::element_type::NULL_VALUE:
      return true;
    default:
      return context.FailType(name, kExpected, JsonKind(value));
  }
}

bool ReadBool(DecodeContext& context, absl::string_view name, dom::element value,
              std::optional<bool>* out) {
  if (value.is_bool()) {
    *out = Get<bool>(value);
    return true;
  }
  if (value.is_string()) {
    const std::string_view text = Get<std::string_view>(value);
    if (text == "true" || text == "false") {
      *out = text == "true";
      return true;
    }
  }
  return value.is_null() || context.FailType(name, "true or false", JsonKind(value));
}

bool ReadObject(DecodeContext& context, absl::string_view name, dom::element value,
                std::optional<dom::object>* out) {
  if (value.is_object()) {
    *out = Get<dom::object>(value);
    return true;
  }
  return value.is_null() || context.FailType(name, "an object", JsonKind(value));
}

void AppendJson(dom::element value, std::string* out) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return AppendArray(Get<dom::array>(value), out);
    case dom::element_type::OBJECT:
      return AppendObject(Get<dom::object>(value), out);
    case dom::element_type::INT64:
      return AppendJsonInteger(Get<int64_t>(value), out);
    case dom::element_type::UINT64:
      return AppendJsonUnsigned(Get<uint64_t>(value), out);
    case dom::element_type::DOUBLE:
      return AppendJsonNumber(Get<double>(value), out);
    case dom::element_type::STRING:
      return AppendJsonString(ToView(Get<std::string_view>(value)), out);
    case dom::element_type::BOOL:
      out->append(Get<bool>(value) ? "true" : "false");
      return;
    case dom::element_type::NULL_VALUE:
      out->append("null");
      return;
  }
}

void AddField(DecodeContext& context, absl::string_view name, dom::element value,
              std::vector<JsonField>* out) {
  if (value.is_null()) return;
  context.scratch.clear();
  AppendJson(value, &context.scratch);
  out->push_back({name, context.arena.Copy(context.scratch)});
}

}  // namespace kindred::event
