// Errors of calls: built as absl::Status, sent as gRPC status with google.rpc details or as HTTP.
#ifndef KINDRED_NODE_REQUEST_ERROR_H_
#define KINDRED_NODE_REQUEST_ERROR_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/error_details.pb.h"

namespace kindred::node {

// Collects everything that is wrong with a request.
class RequestCheck {
 public:
  void Violation(absl::string_view field, absl::string_view description);
  // Ok, or InvalidArgument that carries google.rpc.BadRequest with all violations.
  absl::Status status() const;

 private:
  google::rpc::BadRequest bad_request_;
};

// The id in "{collection}/{id}" ("profiles/u-7"); adds a violation and gives "" when it is not one.
absl::string_view IdOfName(absl::string_view name, absl::string_view collection,
                           absl::string_view field, RequestCheck* check);

// With google.rpc.Status in the details when the status carries any.
grpc::Status ToGrpc(const absl::Status& status);

int HttpCodeOf(const absl::Status& status);
// {"error":{"code":404,"status":"NOT_FOUND","message":"…","field_violations":[…]}}; an ErrorInfo
// that the status carries becomes "reason" and "metadata".
std::string HttpErrorBody(const absl::Status& status);

}  // namespace kindred::node

#endif  // KINDRED_NODE_REQUEST_ERROR_H_
