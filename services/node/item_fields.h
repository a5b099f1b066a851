// Items as the expression language sees them: which attributes there are, and their values.
#ifndef KINDRED_NODE_ITEM_FIELDS_H_
#define KINDRED_NODE_ITEM_FIELDS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "expression/program.h"
#include "expression/schema.h"
#include "node/shared_state.h"

namespace kindred::node {

// item_id, title, category, brand, price, currency, available; and the functions attribute("name")
// and number("name") for the catalogue's free attributes.
const expression::Schema& ItemSchema();

// An expression over items, checked. Threads: Test() from any.
class ItemExpression {
 public:
  // InvalidArgument, "LINE:COLUMN: what is wrong and what was expected". `shared` must outlive it.
  static absl::StatusOr<ItemExpression> Compile(absl::string_view source,
                                                const SharedState* shared);
  bool Test(ItemId item, int64_t now_ms) const;

  static constexpr size_t kMaxBytes = 4096;

 private:
  ItemExpression(expression::Program program, const SharedState* shared)
      : program_(std::move(program)), shared_(shared) {}
  expression::Program program_;
  const SharedState* shared_;
};

// A number for the value that an attribute has for an item, for caps: equal for equal values, 0
// without one. `attribute` is "category", "brand" or a free attribute's name.
uint64_t AttributeValue(absl::string_view attribute, ItemId item, const SharedState& shared);

}  // namespace kindred::node

#endif  // KINDRED_NODE_ITEM_FIELDS_H_
