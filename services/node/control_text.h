// Controls of a recommendation as one writes them in a URL or on a command line.
#ifndef KINDRED_NODE_CONTROL_TEXT_H_
#define KINDRED_NODE_CONTROL_TEXT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kindred/v1/recommendation.pb.h"

namespace kindred::node {

// Each adds what the text says to the request; InvalidArgument says what was expected. Values and
// expressions are checked by the node, not here.
//   boost "0.5: brand == 'Leaf'"    bury "price > 100"    pin "1: item_id == 'sku-3'"
absl::Status AddBoost(absl::string_view text, v1::RecommendRequest* request);
absl::Status AddBury(absl::string_view text, v1::RecommendRequest* request);
absl::Status AddPin(absl::string_view text, v1::RecommendRequest* request);
//   "brand:2": at most two of a brand
absl::Status AddCap(absl::string_view text, v1::RecommendRequest* request);
//   "purchase:2"
absl::Status AddEventWeight(absl::string_view text, v1::RecommendRequest* request);
//   "7" or "0.5": days
absl::Status SetDays(absl::string_view text, google::protobuf::Duration* duration);
//   "adjusted-cosine": by ratings
absl::Status SetMethod(absl::string_view text, v1::SimilarItemsRequest* request);
//   "variant", "placement", "source"
absl::Status AddDimension(absl::string_view text, v1::QueryPerformanceRequest* request);

}  // namespace kindred::node

#endif  // KINDRED_NODE_CONTROL_TEXT_H_
