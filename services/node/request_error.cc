#include "node/request_error.h"

#include <map>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "google/rpc/status.pb.h"

namespace kindred::node {
namespace {

constexpr absl::string_view kBadRequestUrl = "type.googleapis.com/google.rpc.BadRequest";
constexpr absl::string_view kErrorInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";

}  // namespace

void RequestCheck::Violation(absl::string_view field, absl::string_view description) {
  google::rpc::BadRequest::FieldViolation& violation = *bad_request_.add_field_violations();
  violation.set_field(std::string(field));
  violation.set_description(std::string(description));
}

absl::Status RequestCheck::status() const {
  if (bad_request_.field_violations().empty()) return absl::OkStatus();
  std::string message = "invalid request";
  for (const auto& violation : bad_request_.field_violations()) {
    absl::StrAppend(&message, "; ", violation.field(), ": ", violation.description());
  }
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kBadRequestUrl, absl::Cord(bad_request_.SerializeAsString()));
  return status;
}

absl::string_view IdOfName(absl::string_view name, absl::string_view collection,
                           absl::string_view field, RequestCheck* check) {
  constexpr size_t kMaxIdBytes = 256;
  if (absl::StartsWith(name, collection) && name.size() > collection.size() + 1 &&
      name[collection.size()] == '/') {
    const absl::string_view id = name.substr(collection.size() + 1);
    if (id.size() <= kMaxIdBytes) return id;
    check->Violation(field, absl::StrCat("id is longer than ", kMaxIdBytes, " bytes"));
    return {};
  }
  check->Violation(field, absl::StrCat("expected \"", collection, "/{id}\""));
  return {};
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(status.code()));
  rich.set_message(std::string(status.message()));
  status.ForEachPayload([&rich](absl::string_view url, const absl::Cord& payload) {
    google::protobuf::Any& detail = *rich.add_details();
    detail.set_type_url(std::string(url));
    detail.set_value(std::string(payload));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      rich.details().empty() ? "" : rich.SerializeAsString());
}

int HttpCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

std::string HttpErrorBody(const absl::Status& status) {
  std::string body =
      absl::StrCat("{\"error\":{\"code\":", HttpCodeOf(status),
                   ",\"status\":", base::JsonQuote(absl::StatusCodeToString(status.code())),
                   ",\"message\":", base::JsonQuote(status.message()));
  google::rpc::BadRequest bad_request;
  const absl::optional<absl::Cord> payload = status.GetPayload(kBadRequestUrl);
  if (payload.has_value() && bad_request.ParseFromString(std::string(*payload))) {
    absl::string_view separator = ",\"field_violations\":[";
    for (const auto& violation : bad_request.field_violations()) {
      absl::StrAppend(&body, separator, "{\"field\":", base::JsonQuote(violation.field()),
                      ",\"description\":", base::JsonQuote(violation.description()), "}");
      separator = ",";
    }
    body += "]";
  }
  google::rpc::ErrorInfo info;
  const absl::optional<absl::Cord> reason = status.GetPayload(kErrorInfoUrl);
  if (reason.has_value() && info.ParseFromString(std::string(*reason))) {
    const std::map<std::string, std::string> sorted(info.metadata().begin(), info.metadata().end());
    absl::StrAppend(&body, ",\"reason\":", base::JsonQuote(info.reason()));
    absl::string_view separator = ",\"metadata\":{";
    for (const auto& [name, value] : sorted) {
      absl::StrAppend(&body, separator, base::JsonQuote(name), ":", base::JsonQuote(value));
      separator = ",";
    }
    if (!sorted.empty()) body += "}";
  }
  return absl::StrCat(body, "}}\n");
}

}  // namespace kindred::node
