// What the catalogue says of an item.
#ifndef KINDRED_EVENT_ITEM_H_
#define KINDRED_EVENT_ITEM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kindred::event {

// Empty text and an empty optional mean "the catalogue does not say".
struct Item {
  std::string item_id;  // never empty, UTF-8, at most 256 bytes
  std::string title;
  std::string category;
  std::string brand;
  std::optional<double> price;  // of one unit, finite, 0 or more
  std::string currency;
  bool available = true;
  bool hidden = false;
  // In the order of the record; of equal names the last counts.
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<float> embedding;            // finite numbers
  std::optional<int64_t> created_time_ms;  // since 1970 UTC
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_ITEM_H_
