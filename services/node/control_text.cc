#include "node/control_text.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kindred::node {
namespace {

constexpr double kSecondsOfDay = 86'400;
constexpr double kMaxDays = 36'500;

absl::Status Expected(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", what, ", found \"", text, "\""));
}

std::pair<absl::string_view, absl::string_view> Split(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  return {absl::StripAsciiWhitespace(parts.first), absl::StripAsciiWhitespace(parts.second)};
}

}  // namespace

absl::Status AddBoost(absl::string_view text, v1::RecommendRequest* request) {
  const auto [strength, condition] = Split(text);
  double value = 0;
  if (!absl::SimpleAtod(strength, &value) || condition.empty()) {
    return Expected("\"strength: expression\", as 0.5: brand == 'Leaf'", text);
  }
  v1::Rule& rule = *request->add_rules();
  rule.set_condition(std::string(condition));
  rule.set_boost(value);
  return absl::OkStatus();
}

absl::Status AddBury(absl::string_view text, v1::RecommendRequest* request) {
  v1::Rule& rule = *request->add_rules();
  rule.set_condition(std::string(absl::StripAsciiWhitespace(text)));
  rule.set_bury(true);
  return absl::OkStatus();
}

absl::Status AddPin(absl::string_view text, v1::RecommendRequest* request) {
  const auto [place, condition] = Split(text);
  int32_t value = 0;
  if (!absl::SimpleAtoi(place, &value) || condition.empty()) {
    return Expected("\"place: expression\", as 1: item_id == 'sku-3'", text);
  }
  v1::Rule& rule = *request->add_rules();
  rule.set_condition(std::string(condition));
  rule.set_pin(value);
  return absl::OkStatus();
}

absl::Status AddCap(absl::string_view text, v1::RecommendRequest* request) {
  // An attribute's name may hold a colon, the number cannot.
  const size_t colon = text.rfind(':');
  int32_t value = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &value)) {
    return Expected("\"attribute:most\", as brand:2", text);
  }
  v1::AttributeCap& cap = *request->add_caps();
  cap.set_attribute(std::string(text.substr(0, colon)));
  cap.set_max_items(value);
  return absl::OkStatus();
}

absl::Status AddEventWeight(absl::string_view text, v1::RecommendRequest* request) {
  const auto [type, weight] = Split(text);
  double value = 0;
  if (!absl::SimpleAtod(weight, &value)) return Expected("\"type:weight\", as purchase:2", text);
  (*request->mutable_event_weights())[std::string(type)] = value;
  return absl::OkStatus();
}

absl::Status SetDays(absl::string_view text, google::protobuf::Duration* duration) {
  double days = 0;
  if (!absl::SimpleAtod(text, &days) || !(days >= 0 && days <= kMaxDays)) {
    return Expected("a number of days", text);
  }
  duration->set_seconds(std::llround(days * kSecondsOfDay));
  return absl::OkStatus();
}

absl::Status SetMethod(absl::string_view text, v1::SimilarItemsRequest* request) {
  if (text == "adjusted-cosine") {
    request->set_method(v1::SIMILARITY_METHOD_ADJUSTED_COSINE);
  } else if (text == "content") {
    request->set_method(v1::SIMILARITY_METHOD_CONTENT);
  } else {
    return Expected("adjusted-cosine or content", text);
  }
  return absl::OkStatus();
}

absl::Status AddDimension(absl::string_view text, v1::QueryPerformanceRequest* request) {
  v1::PerformanceDimension dimension;
  const std::string name = absl::StrCat("PERFORMANCE_DIMENSION_", absl::AsciiStrToUpper(text));
  if (!v1::PerformanceDimension_Parse(name, &dimension) ||
      dimension == v1::PERFORMANCE_DIMENSION_UNSPECIFIED) {
    return Expected("variant, placement or source", text);
  }
  request->add_group_by(dimension);
  return absl::OkStatus();
}

}  // namespace kindred::node
