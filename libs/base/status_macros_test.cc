#include "base/status_macros.h"

#include <memory>

#include "gtest/gtest.h"

namespace kindred::base {
namespace {

absl::StatusOr<std::unique_ptr<int>> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(value / 2);
}

absl::StatusOr<int> Quarter(int value) {
  KINDRED_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(value));
  KINDRED_ASSIGN_OR_RETURN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

absl::Status Check(int value) {
  KINDRED_RETURN_IF_ERROR(Quarter(value).status());
  return absl::OkStatus();
}

TEST(StatusMacrosTest, ValueOrFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_TRUE(Check(8).ok());
  EXPECT_FALSE(Check(7).ok());
}

}  // namespace
}  // namespace kindred::base
