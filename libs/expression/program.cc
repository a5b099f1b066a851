#include "expression/program.h"

#include "base/check.h"
#include "expression/evaluator.h"
#include "expression/tree.h"

namespace kindred::expression {
namespace {

// false, for a Program that was not compiled.
std::shared_ptr<const Program::Data> Nothing() {
  auto data = std::make_shared<Program::Data>();
  data->source = "false";
  Node node;
  node.end = static_cast<uint32_t>(data->source.size());
  data->nodes.push_back(node);
  data->constants.push_back(Value::Bool(false));
  return data;
}

}  // namespace

Program::Program() : data_(Nothing()) {}

Outcome Program::Test(const Record& record, int64_t now_ms) const {
  KINDRED_CHECK(data_->type == Type::kBool);
  return Evaluator(*data_, record, now_ms).Test(data_->root);
}

Value Program::Evaluate(const Record& record, int64_t now_ms) const {
  return Evaluator(*data_, record, now_ms).Get(data_->root);
}

Clause Program::Explain(const Record& record, int64_t now_ms) const {
  KINDRED_CHECK(data_->type == Type::kBool);
  return Evaluator(*data_, record, now_ms).Explain(data_->root);
}

Type Program::type() const { return data_->type; }
absl::string_view Program::source() const { return data_->source; }
absl::Span<const CallSite> Program::calls() const { return data_->calls; }
absl::Span<const int> Program::fields() const { return data_->field_ids; }
bool Program::uses_now() const { return data_->uses_now; }

}  // namespace kindred::expression
