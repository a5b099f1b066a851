#include "node/http_params.h"

#include <google/protobuf/util/time_util.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "node/control_text.h"

namespace kindred::node {

std::vector<std::string> ListParam(const httplib::Request& request, const char* name) {
  std::vector<std::string> values;
  for (size_t i = 0; i < request.get_param_value_count(name); ++i) {
    const std::vector<std::string> parts =
        absl::StrSplit(request.get_param_value(name, i), ',', absl::SkipEmpty());
    values.insert(values.end(), parts.begin(), parts.end());
  }
  return values;
}

void ReadCount(const httplib::Request& request, RequestCheck* check,
               const std::function<void(int32_t)>& set) {
  if (!request.has_param("n")) return;
  int32_t count;
  if (absl::SimpleAtoi(request.get_param_value("n"), &count)) {
    set(count);
  } else {
    check->Violation("n", "expected a whole number");
  }
}

void EachParam(const httplib::Request& request, const char* name, RequestCheck* check,
               const std::function<absl::Status(const std::string&)>& read) {
  for (size_t i = 0; i < request.get_param_value_count(name); ++i) {
    const absl::Status status = read(request.get_param_value(name, i));
    if (!status.ok()) check->Violation(name, status.message());
  }
}

void ReadFilter(const httplib::Request& request, RequestCheck* check, v1::ItemFilter* filter) {
  for (std::string& category : ListParam(request, "category")) {
    filter->add_categories(std::move(category));
  }
  for (std::string& item : ListParam(request, "exclude")) {
    filter->add_exclude_item_ids(std::move(item));
  }
  const auto price = [&](const char* name, auto set) {
    if (!request.has_param(name)) return;
    double value;
    if (absl::SimpleAtod(request.get_param_value(name), &value)) {
      set(value);
    } else {
      check->Violation(name, "expected a number");
    }
  };
  price("min_price", [filter](double value) { filter->set_min_price(value); });
  price("max_price", [filter](double value) { filter->set_max_price(value); });
  if (request.has_param("exclude_purchased")) {
    filter->set_exclude_purchased(request.get_param_value("exclude_purchased") == "true");
  }
  filter->set_expression(request.get_param_value("filter"));
  filter->set_fill_up(request.get_param_value("fill_up") == "true");
  EachParam(request, "exclude_purchased_days", check, [filter](const std::string& text) {
    return SetDays(text, filter->mutable_exclude_purchased_within());
  });
  EachParam(request, "exclude_seen_days", check, [filter](const std::string& text) {
    return SetDays(text, filter->mutable_exclude_seen_within());
  });
}

void ReadControls(const httplib::Request& in, RequestCheck* check, v1::RecommendRequest* request) {
  const auto each = [&](const char* name,
                        absl::Status (*add)(absl::string_view, v1::RecommendRequest*)) {
    EachParam(in, name, check,
              [request, add](const std::string& text) { return add(text, request); });
  };
  each("boost", AddBoost);
  each("bury", AddBury);
  each("pin", AddPin);
  each("cap", AddCap);
  each("event_weight", AddEventWeight);
  EachParam(in, "diversity", check, [request](const std::string& text) {
    double value;
    if (!absl::SimpleAtod(text, &value)) return absl::InvalidArgumentError("expected a number");
    request->set_diversity(value);
    return absl::OkStatus();
  });
  EachParam(in, "as_of_time", check, [request](const std::string& text) {
    return google::protobuf::util::TimeUtil::FromString(text, request->mutable_as_of_time())
               ? absl::OkStatus()
               : absl::InvalidArgumentError("expected an RFC 3339 time");
  });
  request->set_page_token(in.get_param_value("page_token"));
  request->set_placement(in.get_param_value("placement"));
  request->set_variant(in.get_param_value("variant"));
  request->set_validate_only(in.get_param_value("validate_only") == "true");
}

v1::SeriesStep ReadStep(const httplib::Request& request, RequestCheck* check) {
  const std::string step = request.get_param_value("step");
  if (step == "hour") return v1::SERIES_STEP_HOUR;
  if (!step.empty() && step != "day") check->Violation("step", "expected day or hour");
  return v1::SERIES_STEP_DAY;
}

v1::SeriesMeasure ReadMeasure(const httplib::Request& request, RequestCheck* check) {
  const std::string measure = request.get_param_value("measure");
  if (measure == "customers") return v1::SERIES_MEASURE_CUSTOMERS;
  if (measure == "amount") return v1::SERIES_MEASURE_AMOUNT;
  if (!measure.empty() && measure != "events") {
    check->Violation("measure", "expected events, customers or amount");
  }
  return v1::SERIES_MEASURE_EVENTS;
}

}  // namespace kindred::node
