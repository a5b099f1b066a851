// What a page token says: the request that it belongs to, and what was on the pages before. The
// node keeps nothing between pages.
#ifndef KINDRED_NODE_PAGE_TOKEN_H_
#define KINDRED_NODE_PAGE_TOKEN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kindred/v1/recommendation.pb.h"

namespace kindred::node {

struct PageToken {
  uint64_t request = 0;            // RequestFingerprint() of the first page's request
  std::vector<uint32_t> returned;  // ItemMark() of each item that was on a page
};

// More than this many items are not paged through.
inline constexpr size_t kMaxPagedItems = 1000;

// Of an item's id. Two items of a shop of 100,000 share one with a probability of a few in 100,000:
// then the second is left out of a list that the first is on.
uint32_t ItemMark(absl::string_view item_id);
// Of everything that must not change between pages.
uint64_t RequestFingerprint(const v1::RecommendRequest& request);

// Letters, digits, - and _.
std::string EncodePageToken(const PageToken& token);
// InvalidArgument when EncodePageToken() did not make the text.
absl::StatusOr<PageToken> DecodePageToken(absl::string_view text);

}  // namespace kindred::node

#endif  // KINDRED_NODE_PAGE_TOKEN_H_
