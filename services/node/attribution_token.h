// What an answer tells about itself, for producers to send back with what it led to. The token says
// everything, so nobody keeps answers.
#ifndef KINDRED_NODE_ATTRIBUTION_TOKEN_H_
#define KINDRED_NODE_ATTRIBUTION_TOKEN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kindred::node {

struct AttributionToken {
  struct Item {
    uint16_t mark = 0;   // AttributionMark() of its id
    uint8_t source = 0;  // kindred.v1.Source
    friend bool operator==(const Item&, const Item&) = default;
  };
  uint64_t customer_hash = 0;  // 0: a stranger
  int64_t time_ms = 0;         // as of which the answer was made
  std::string variant;         // at most kMaxLabelBytes, like placement
  std::string placement;
  std::vector<Item> items;  // in the order of the answer, at most kMaxItems

  static constexpr size_t kMaxLabelBytes = 64;
  static constexpr size_t kMaxItems = 1000;
  // The source of an item; 0 when the answer did not hold it.
  uint8_t SourceOf(absl::string_view item_id) const;
  friend bool operator==(const AttributionToken&, const AttributionToken&) = default;
};

uint16_t AttributionMark(absl::string_view item_id);

// Letters, digits, - and _. The last bytes are a check, against damage and not against forgery: who
// may send events may make them up anyway.
std::string EncodeAttributionToken(const AttributionToken& token);
// InvalidArgument when EncodeAttributionToken() did not make the text.
absl::StatusOr<AttributionToken> DecodeAttributionToken(absl::string_view text);

}  // namespace kindred::node

#endif  // KINDRED_NODE_ATTRIBUTION_TOKEN_H_
