// Source → tokens, one at a time.
#ifndef KINDRED_EXPRESSION_LEXER_H_
#define KINDRED_EXPRESSION_LEXER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "expression/program.h"

namespace kindred::expression {

enum class TokenKind : uint8_t { kEnd, kName, kNumber, kDuration, kText, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t begin = 0;  // bytes of the source
  uint32_t end = 0;
  double number = 0;
  int64_t ms = 0;
  std::string text;  // a text without quotes and escapes; a name; a symbol
};

// InvalidArgument with the position of the byte at `offset`.
absl::Status ErrorAt(absl::string_view source, const Origin& origin, size_t offset,
                     absl::string_view message);

// How an error names the token: "end of the expression", `"and"`, `number 3`.
std::string TokenName(const Token& token, absl::string_view source);

class Lexer {
 public:
  Lexer(absl::string_view source, const Origin& origin) : source_(source), origin_(origin) {}
  absl::StatusOr<Token> Next();

 private:
  void SkipSpace();
  absl::StatusOr<Token> Number();
  absl::StatusOr<Token> Text();
  absl::StatusOr<Token> Symbol();
  absl::Status Error(size_t offset, absl::string_view message) const {
    return ErrorAt(source_, origin_, offset, message);
  }

  const absl::string_view source_;
  const Origin& origin_;
  size_t at_ = 0;
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_LEXER_H_
