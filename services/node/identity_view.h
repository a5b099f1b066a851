// Ids and links as they are answered.
#ifndef KINDRED_NODE_IDENTITY_VIEW_H_
#define KINDRED_NODE_IDENTITY_VIEW_H_

#include "absl/strings/string_view.h"
#include "kindred/v1/identity.pb.h"
#include "node/customer_reader.h"

namespace kindred::node {

// Requires parts.group.
void FillIdentity(absl::string_view customer_id, const CustomerParts& parts,
                  v1::CustomerIdentity* out);

}  // namespace kindred::node

#endif  // KINDRED_NODE_IDENTITY_VIEW_H_
