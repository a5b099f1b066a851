// Early return on error, with the semantics of upstream's ABSL_RETURN_IF_ERROR and
// ABSL_ASSIGN_OR_RETURN, which the installed Abseil does not have yet.
#ifndef KINDRED_BASE_STATUS_MACROS_H_
#define KINDRED_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define KINDRED_RETURN_IF_ERROR(expr)                       \
  do {                                                      \
    if (auto kindred_status = (expr); !kindred_status.ok()) \
      return absl::Status(std::move(kindred_status));       \
  } while (false)

#define KINDRED_MACRO_CONCAT_INNER(a, b) a##b
#define KINDRED_MACRO_CONCAT(a, b) KINDRED_MACRO_CONCAT_INNER(a, b)
#define KINDRED_ASSIGN_OR_RETURN(lhs, expr) \
  KINDRED_ASSIGN_OR_RETURN_INNER(KINDRED_MACRO_CONCAT(kindred_status_or_, __LINE__), lhs, expr)
#define KINDRED_ASSIGN_OR_RETURN_INNER(status_or, lhs, expr) \
  auto status_or = (expr);                                   \
  if (!status_or.ok()) return std::move(status_or).status(); \
  lhs = std::move(status_or).value()

#endif  // KINDRED_BASE_STATUS_MACROS_H_
