// Writes a JSON object field by field; puts the commas. Empty text and absent numbers are left out.
#ifndef KINDRED_EVENT_JSON_WRITER_H_
#define KINDRED_EVENT_JSON_WRITER_H_

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "event/json_text.h"

namespace kindred::event {

class JsonWriter {
 public:
  JsonWriter() : text_("{") {}

  void Text(absl::string_view name, absl::string_view value) {
    if (value.empty()) return;
    Name(name);
    AppendJsonString(value, &text_);
  }
  void Number(absl::string_view name, const std::optional<double>& value) {
    if (!value) return;
    Name(name);
    if (std::isfinite(*value)) {
      AppendJsonNumber(*value, &text_);
    } else {  // as proto3 JSON has them
      text_ += std::isnan(*value) ? "\"NaN\"" : *value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    }
  }
  void Bool(absl::string_view name, bool value) { Raw(name, value ? "true" : "false"); }
  // `json` is written as it is.
  void Raw(absl::string_view name, absl::string_view json) {
    Name(name);
    text_.append(json.data(), json.size());
  }
  // The object ends, a writer cannot be used after.
  std::string Done() {
    text_ += '}';
    return std::move(text_);
  }
  bool empty() const { return text_.size() == 1; }

 private:
  void Name(absl::string_view name) {
    if (text_.size() > 1) text_ += ',';
    AppendJsonString(name, &text_);
    text_ += ':';
  }
  std::string text_;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_JSON_WRITER_H_
