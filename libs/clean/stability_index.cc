#include "clean/stability_index.h"

#include <cmath>

#include "base/check.h"

namespace kindred::clean {

StabilityIndex StabilityIndexOf(absl::Span<const uint32_t> now, absl::Span<const uint32_t> before) {
  KINDRED_CHECK(now.size() == before.size());
  constexpr double kExtra = 0.5;
  double n = kExtra * static_cast<double>(now.size());
  double n_before = n;
  for (size_t i = 0; i < now.size(); ++i) {
    n += now[i];
    n_before += before[i];
  }
  StabilityIndex index;
  double largest = 0;
  for (size_t i = 0; i < now.size(); ++i) {
    const double share = (now[i] + kExtra) / n;
    const double usual = (before[i] + kExtra) / n_before;
    const double part = (share - usual) * std::log(share / usual);
    index.value += part;
    if (part <= largest) continue;
    largest = part;
    index.largest = i;
    index.share = share;
    index.usual = usual;
  }
  return index;
}

}  // namespace kindred::clean
