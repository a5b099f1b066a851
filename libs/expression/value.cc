#include "expression/value.h"

#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace kindred::expression {
namespace {

void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

}  // namespace

absl::string_view TypeName(Type type) {
  static constexpr absl::string_view kNames[] = {"bool", "number",   "text",
                                                 "time", "duration", "set of text"};
  return kNames[static_cast<size_t>(type)];
}

Value Value::Bool(bool value) {
  Value out;
  out.present = true;
  out.boolean = value;
  return out;
}

Value Value::Number(double value) {
  Value out;
  out.type = Type::kNumber;
  out.present = std::isfinite(value);
  out.number = value;
  return out;
}

Value Value::Text(absl::string_view value) {
  Value out;
  out.type = Type::kText;
  out.present = true;
  out.view = {value.data(), value.size()};
  return out;
}

Value Value::Time(int64_t ms) {
  Value out;
  out.type = Type::kTime;
  out.present = true;
  out.ms = ms;
  return out;
}

Value Value::Duration(int64_t ms) {
  Value out;
  out.type = Type::kDuration;
  out.present = true;
  out.ms = ms;
  return out;
}

Value Value::TextSet(absl::Span<const absl::string_view> value) {
  Value out;
  out.type = Type::kTextSet;
  out.present = true;
  out.view = {value.data(), value.size()};
  return out;
}

std::string DurationText(int64_t ms) {
  if (ms == 0) return "0s";
  struct Unit {
    uint64_t ms;
    absl::string_view name;
  };
  static constexpr Unit kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}};
  std::string out = ms < 0 ? "-" : "";
  uint64_t left = ms < 0 ? ~static_cast<uint64_t>(ms) + 1 : static_cast<uint64_t>(ms);
  int parts = 0;
  for (const Unit& unit : kUnits) {
    if (left < unit.ms || parts == 2) continue;
    absl::StrAppend(&out, parts == 0 ? "" : " ", left / unit.ms, unit.name);
    left %= unit.ms;
    ++parts;
  }
  return out;
}

std::string Value::ToString() const {
  if (!present) return "absent";
  std::string out;
  switch (type) {
    case Type::kBool:
      return boolean ? "true" : "false";
    case Type::kNumber:
      return absl::StrCat(number);
    case Type::kText:
      AppendQuoted(text(), &out);
      return out;
    case Type::kTime:
      return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(ms), absl::UTCTimeZone());
    case Type::kDuration:
      return DurationText(ms);
    case Type::kTextSet:
      return absl::StrCat(
          "[",
          absl::StrJoin(set(), ", ",
                        [](std::string* to, absl::string_view text) { AppendQuoted(text, to); }),
          "]");
  }
  return out;
}

}  // namespace kindred::expression
