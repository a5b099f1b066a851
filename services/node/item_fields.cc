#include "node/item_fields.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace kindred::node {
namespace {

using expression::CallSite;
using expression::Field;
using expression::Function;
using expression::Parameter;
using expression::Type;
using expression::Value;

enum FieldId { kItemId, kTitle, kCategory, kBrand, kPrice, kCurrency, kAvailable };
enum FunctionId { kAttribute, kNumber };

// Reads what an expression asks for, and only that: most ask for one or two attributes.
class ItemView final : public expression::Record {
 public:
  ItemView(ItemId item, const SharedState& shared)
      : item_(item), shared_(shared), facts_(shared.index.GetFacts(item.value())) {}

  Value Field(int id) const override {
    switch (id) {
      case kItemId:
        return Text(shared_.items.names().Name(item_.value()));
      case kTitle:
        title_ = shared_.index.Title(item_);
        return Text(title_);
      case kCategory:
        return Text(shared_.terms.names().Name(facts_.category.value()));
      case kBrand:
        return Text(shared_.terms.names().Name(facts_.brand.value()));
      case kPrice:
        return facts_.price > 0 ? Value::Number(PlainPrice(facts_.price)) : Value::Absent();
      case kCurrency:
        return Text(shared_.terms.names().Name(shared_.index.Attributes(item_).currency.value()));
      case kAvailable:
        return Value::Bool(facts_.eligible);
    }
    return Value::Absent();
  }

  Value Call(const CallSite& call) const override {
    if (call.arguments.empty() || !call.arguments[0].present) return Value::Absent();
    if (!read_) {
      shared_.catalogue.Find(item_, &catalogue_item_);
      read_ = true;
    }
    const auto found = catalogue_item_.attributes.find(std::string(call.arguments[0].text()));
    if (found == catalogue_item_.attributes.end()) return Value::Absent();
    if (call.function == kAttribute) return Value::Text(found->second);
    double number = 0;
    return absl::SimpleAtod(found->second, &number) ? Value::Number(number) : Value::Absent();
  }

 private:
  static Value Text(absl::string_view text) {
    return text.empty() ? Value::Absent() : Value::Text(text);
  }
  // Prices are kept with seven digits: 9.95 is 9.9499998 as a float, and must equal 9.95 in an
  // expression.
  static double PlainPrice(float price) {
    const double rounded = std::round(static_cast<double>(price) * 1e4) / 1e4;
    return static_cast<float>(rounded) == price ? rounded : static_cast<double>(price);
  }

  const ItemId item_;
  const SharedState& shared_;
  const recommend::ItemIndex::Facts facts_;
  mutable std::string title_;
  mutable CatalogueItem catalogue_item_;
  mutable bool read_ = false;
};

}  // namespace

const expression::Schema& ItemSchema() {
  static const expression::Schema* const schema = [] {
    auto* made = new expression::Schema;
    made->Add(Field{kItemId, "item_id", Type::kText, "The item's id."});
    made->Add(Field{kTitle, "title", Type::kText, "Its title; absent when unknown."});
    made->Add(Field{kCategory, "category", Type::kText, "Its category; absent when unknown."});
    made->Add(Field{kBrand, "brand", Type::kText, "Its brand; absent when unknown."});
    made->Add(Field{kPrice, "price", Type::kNumber, "Price of one unit; absent when unknown."});
    made->Add(Field{kCurrency, "currency", Type::kText,
                    "Currency of the catalogue's price; absent when unknown."});
    made->Add(Field{kAvailable, "available", Type::kBool, "May be shown; never absent."});
    const Parameter name{"name", Type::kText, true, "The attribute's name in the catalogue."};
    made->Add(Function{kAttribute,
                       "attribute",
                       {name},
                       Type::kText,
                       "A free attribute of the catalogue; absent when the item has none."});
    made->Add(Function{kNumber,
                       "number",
                       {name},
                       Type::kNumber,
                       "A free attribute as a number; absent when it is none."});
    return made;
  }();
  return *schema;
}

absl::StatusOr<ItemExpression> ItemExpression::Compile(absl::string_view source,
                                                       const SharedState* shared) {
  if (source.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("expected at most ", kMaxBytes, " bytes"));
  }
  absl::StatusOr<expression::Program> program = expression::Compile(source, ItemSchema());
  if (!program.ok()) return program.status();
  return ItemExpression(*std::move(program), shared);
}

bool ItemExpression::Test(ItemId item, int64_t now_ms) const {
  return program_.Test(ItemView(item, *shared_), now_ms).value;
}

uint64_t AttributeValue(absl::string_view attribute, ItemId item, const SharedState& shared) {
  if (attribute == "category") return shared.index.GetFacts(item.value()).category.value();
  if (attribute == "brand") return shared.index.GetFacts(item.value()).brand.value();
  CatalogueItem facts;
  if (!shared.catalogue.Find(item, &facts)) return 0;
  const auto found = facts.attributes.find(std::string(attribute));
  if (found == facts.attributes.end()) return 0;
  const uint64_t value = base::Fingerprint64(found->second);
  return value == 0 ? 1 : value;
}

}  // namespace kindred::node
