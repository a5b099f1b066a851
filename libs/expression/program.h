// An expression that was checked against a schema, ready to be evaluated.
//
//   Schema schema;
//   schema.Add(Field{kCountry, "country", Type::kText, "Usual country, two letters."});
//   auto program = Compile("country in ['DE', 'AT'] and last_purchase < now - 30d", schema);
//   if (!program.ok()) …         // "1:48: expected …"
//   program->Test(record, now_ms).value
//
// Evaluation allocates nothing, cannot fail and takes some ten nanoseconds a clause. Pure: `now` is
// an argument. Threads: a Program is immutable and may be shared; copies are cheap.
#ifndef KINDRED_EXPRESSION_PROGRAM_H_
#define KINDRED_EXPRESSION_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "expression/schema.h"
#include "expression/value.h"

namespace kindred::expression {

// A function with its arguments, as it is written at one place or several of a program.
struct CallSite {
  int function = 0;  // Function::id
  int index = 0;     // among Program::calls(), so that a record can keep what it looked up for it
  std::vector<Value> arguments;  // in the order of the parameters; absent if left out
};

// What is asked about. Implemented by the owner of the schema.
class Record {
 public:
  virtual ~Record() = default;
  // The field's value, of the type that the schema says, or absent.
  virtual Value Field(int id) const = 0;
  virtual Value Call(const CallSite& call) const = 0;
};

struct Outcome {
  bool value = false;
  // Without any change of the record the value stays what it is before this instant (ms since
  // 1970); at or after it, evaluate again. Never later than the true change; kForever if time has
  // no part.
  int64_t until_ms = kForever;
};

// A part of the expression that is true or false, with what made it so.
struct Clause {
  struct Operand {
    std::string text;   // views(category: "tea", within: 7d)
    std::string value;  // 2
  };
  std::string text;  // as it is written
  bool value = false;
  std::vector<Operand> operands;  // fields and functions of it, each once
  std::vector<Clause> parts;      // of `and`, `or`, `not`; all of them, whatever the value
};

class Program {
 public:
  Program();
  // Whether the expression is true for the record. The program's type must be bool.
  Outcome Test(const Record& record, int64_t now_ms) const;
  // Its value, for a program of any type. Texts are views into the record or the program.
  Value Evaluate(const Record& record, int64_t now_ms) const;
  // Test() with its reasons, for people.
  Clause Explain(const Record& record, int64_t now_ms) const;

  Type type() const;
  absl::string_view source() const;
  absl::Span<const CallSite> calls() const;
  // Ids of the fields it speaks of, each once.
  absl::Span<const int> fields() const;
  // `now` is in it; time may matter by functions as well, which only the record knows.
  bool uses_now() const;

  struct Data;  // internal
  explicit Program(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

// Where the source lies in a file, for positions in errors.
struct Origin {
  std::string file;  // empty: errors begin with line and column
  int line = 1;      // of the source's first character
  int column = 1;
  int next_column = 1;  // of the first character of its other lines
};

// Bounds on what is accepted; what is beyond them is an error with a position too.
constexpr size_t kMaxSourceBytes = 16 * 1024;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxNodes = 2'000;
constexpr size_t kMaxListEntries = 1'000;

// InvalidArgument, "FILE:LINE:COLUMN: what is wrong and what was expected", when the source is not
// an expression of type `expected` over the schema. Columns count characters, from 1.
absl::StatusOr<Program> Compile(absl::string_view source, const Schema& schema,
                                Type expected = Type::kBool, const Origin& origin = {});

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_PROGRAM_H_
