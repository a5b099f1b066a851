// What events told of an item, as stored: names, not numbers of terms.
#ifndef KINDRED_NODE_ITEM_RECORD_H_
#define KINDRED_NODE_ITEM_RECORD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/dictionary.h"
#include "recommend/item_index.h"

namespace kindred::node {

std::string EncodeItemRecord(ItemId item, const recommend::ItemIndex& index,
                             const base::Dictionary& terms);
// Puts it into the index as told by an event. DataLoss for bytes that were not encoded here.
absl::Status RestoreItemRecord(ItemId item, absl::string_view bytes, base::Dictionary* terms,
                               recommend::ItemIndex* index);

}  // namespace kindred::node

#endif  // KINDRED_NODE_ITEM_RECORD_H_
