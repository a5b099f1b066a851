// Whatever text: an error with a position, or a program that can be evaluated and explained.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "expression/program.h"
#include "expression/test_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kindred::expression;
  const absl::string_view source(reinterpret_cast<const char*>(data), size);
  for (const Type type : {Type::kBool, Type::kNumber}) {
    const auto program = Compile(source, TestSchema(), type);
    if (!program.ok()) {
      const absl::string_view message = program.status().message();
      KINDRED_CHECK(!message.empty() && message[0] >= '1' && message[0] <= '9') << message;
      continue;
    }
    const TestRecord record;
    const Value value = program->Evaluate(record, kTestNowMs);
    KINDRED_CHECK(value.until_ms > kTestNowMs) << source;
    if (type != Type::kBool) continue;
    const Outcome outcome = program->Test(record, kTestNowMs);
    KINDRED_CHECK(outcome.value == (value.present && value.boolean)) << source;
    KINDRED_CHECK(program->Explain(record, kTestNowMs).value == outcome.value) << source;
  }
  return 0;
}
