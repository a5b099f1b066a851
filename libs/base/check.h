// KINDRED_CHECK(condition) << "static text " << value;
// For programmer mistakes only: prints file, line and message and ends the process. Stays on in
// release builds. Input that may be wrong gets an absl::Status instead.
#ifndef KINDRED_BASE_CHECK_H_
#define KINDRED_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace kindred::base::internal {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition) {
    stream_ << file << ':' << line << ": check failed: " << condition << ' ';
  }
  [[noreturn]] ~CheckFailure() {
    std::fprintf(stderr, "%s\n", stream_.str().c_str());
    std::abort();
  }
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Gives both branches of the ternary the type void.
struct Voidify {
  void operator&(std::ostream&) const {}
};

}  // namespace kindred::base::internal

#define KINDRED_CHECK(condition)               \
  (__builtin_expect(!!(condition), 1))         \
      ? (void)0                                \
      : ::kindred::base::internal::Voidify() & \
            ::kindred::base::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()

#endif  // KINDRED_BASE_CHECK_H_
