// A target with a known fault, a change away from its corpus: driver_test.sh fails when the
// driver does not find it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t open = text.find("\"quantity\":");
  if (open == std::string_view::npos) return 0;
  if (text.substr(open + 11).starts_with("1e999")) std::abort();
  return 0;
}
