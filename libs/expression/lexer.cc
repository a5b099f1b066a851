#include "expression/lexer.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kindred::expression {
namespace {

bool IsNamePart(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.'; }
bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

// What other languages write, with our word for it.
struct Foreign {
  absl::string_view symbol;
  absl::string_view message;
};
constexpr Foreign kForeign[] = {{"&&", "\"&&\" is written \"and\""},
                                {"||", "\"||\" is written \"or\""},
                                {"<>", "\"<>\" is written \"!=\""},
                                {"=>", "\"=>\" is written \">=\""},
                                {"=<", "\"=<\" is written \"<=\""},
                                {"=", "\"=\" is written \"==\""},
                                {"!", "\"!\" is written \"not\""},
                                {"%", "there is no \"%\""},
                                {"\xe2\x80\x9c", "quotes are written \" or '"},
                                {"\xe2\x80\x9d", "quotes are written \" or '"}};

constexpr absl::string_view kSymbols[] = {"==", "!=", "<=", ">=", "<", ">", "+", "-",
                                          "*",  "/",  "(",  ")",  "[", "]", ",", ":"};

int64_t UnitMs(absl::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1'000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  if (unit == "w") return 7 * int64_t{86'400'000};
  return 0;
}

}  // namespace

absl::Status ErrorAt(absl::string_view source, const Origin& origin, size_t offset,
                     absl::string_view message) {
  int line = origin.line;
  int column = origin.column;
  for (size_t i = 0; i < offset && i < source.size(); ++i) {
    if (source[i] == '\n') {
      ++line;
      column = origin.next_column;
    } else if (!IsContinuation(source[i])) {
      ++column;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(origin.file, origin.file.empty() ? "" : ":", line, ":", column, ": ", message));
}

std::string TokenName(const Token& token, absl::string_view source) {
  constexpr size_t kShown = 40;
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the expression";
    case TokenKind::kNumber:
      return absl::StrCat("the number ", source.substr(token.begin, token.end - token.begin));
    case TokenKind::kDuration:
      return absl::StrCat("the duration ", source.substr(token.begin, token.end - token.begin));
    case TokenKind::kText:
      return absl::StrCat("the text \"", token.text.substr(0, kShown), "\"");
    case TokenKind::kName:
    case TokenKind::kSymbol:
      break;
  }
  return absl::StrCat("\"", token.text.substr(0, kShown), "\"");
}

void Lexer::SkipSpace() {
  while (at_ < source_.size()) {
    if (source_[at_] == '#') {
      while (at_ < source_.size() && source_[at_] != '\n') ++at_;
    } else if (absl::ascii_isspace(source_[at_])) {
      ++at_;
    } else {
      return;
    }
  }
}

absl::StatusOr<Token> Lexer::Next() {
  SkipSpace();
  Token token;
  token.begin = static_cast<uint32_t>(at_);
  token.end = token.begin;
  if (at_ == source_.size()) return token;
  const char c = source_[at_];
  if (absl::ascii_isdigit(c)) return Number();
  if (c == '"' || c == '\'') return Text();
  if (!absl::ascii_isalpha(c) && c != '_') return Symbol();
  while (at_ < source_.size() && IsNamePart(source_[at_])) ++at_;
  token.kind = TokenKind::kName;
  token.end = static_cast<uint32_t>(at_);
  token.text = std::string(source_.substr(token.begin, token.end - token.begin));
  return token;
}

absl::StatusOr<Token> Lexer::Number() {
  Token token;
  const size_t begin = at_;
  token.begin = static_cast<uint32_t>(begin);
  while (at_ < source_.size() && (absl::ascii_isdigit(source_[at_]) || source_[at_] == '.')) ++at_;
  if (at_ + 1 < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E') &&
      (absl::ascii_isdigit(source_[at_ + 1]) ||
       (at_ + 2 < source_.size() && (source_[at_ + 1] == '-' || source_[at_ + 1] == '+') &&
        absl::ascii_isdigit(source_[at_ + 2])))) {
    at_ += 2;
    while (at_ < source_.size() && absl::ascii_isdigit(source_[at_])) ++at_;
  }
  const absl::string_view digits = source_.substr(begin, at_ - begin);
  if (!absl::SimpleAtod(digits, &token.number) || !std::isfinite(token.number)) {
    return Error(begin, absl::StrCat("\"", digits.substr(0, 40), "\" is not a number"));
  }
  token.kind = TokenKind::kNumber;
  const size_t unit_begin = at_;
  while (at_ < source_.size() && (absl::ascii_isalnum(source_[at_]) || source_[at_] == '_')) ++at_;
  const absl::string_view unit = source_.substr(unit_begin, at_ - unit_begin);
  token.end = static_cast<uint32_t>(at_);
  if (unit.empty()) return token;
  const int64_t unit_ms = UnitMs(unit);
  if (unit_ms == 0) {
    return Error(unit_begin,
                 absl::StrCat("\"", unit.substr(0, 40),
                              "\" is no unit of time: expected ms, s, m (minutes), h, d "
                              "or w, as in 7d"));
  }
  const double ms = token.number * static_cast<double>(unit_ms);
  if (ms > 1e15) return Error(begin, "a duration is at most 1e15 ms (31,000 years)");
  token.kind = TokenKind::kDuration;
  token.ms = std::llround(ms);
  return token;
}

absl::StatusOr<Token> Lexer::Text() {
  Token token;
  token.kind = TokenKind::kText;
  token.begin = static_cast<uint32_t>(at_);
  const char quote = source_[at_++];
  while (at_ < source_.size() && source_[at_] != quote) {
    char c = source_[at_];
    if (c == '\\') {
      ++at_;
      if (at_ == source_.size()) break;
      c = source_[at_];
      if (c == 'n')
        c = '\n';
      else if (c == 't')
        c = '\t';
      else if (c != '\\' && c != '"' && c != '\'') {
        return Error(at_ - 1, "expected \\\\, \\\", \\', \\n or \\t");
      }
    }
    token.text.push_back(c);
    ++at_;
  }
  if (at_ == source_.size()) {
    return Error(token.begin, absl::StrCat("this text has no closing ", std::string(1, quote)));
  }
  ++at_;
  token.end = static_cast<uint32_t>(at_);
  return token;
}

absl::StatusOr<Token> Lexer::Symbol() {
  Token token;
  token.kind = TokenKind::kSymbol;
  token.begin = static_cast<uint32_t>(at_);
  const absl::string_view rest = source_.substr(at_);
  for (const absl::string_view symbol : kSymbols) {
    if (!absl::StartsWith(rest, symbol)) continue;
    if (absl::StartsWith(rest, "<>")) break;
    at_ += symbol.size();
    token.end = static_cast<uint32_t>(at_);
    token.text = std::string(symbol);
    return token;
  }
  for (const Foreign& foreign : kForeign) {
    if (absl::StartsWith(rest, foreign.symbol)) return Error(at_, foreign.message);
  }
  size_t length = 1;
  while (length < rest.size() && length < 4 && IsContinuation(rest[length])) ++length;
  const bool printable = length > 1 || absl::ascii_isprint(rest[0]);
  return Error(at_, printable ? absl::StrCat("unexpected \"", rest.substr(0, length), "\"")
                              : "unexpected control character");
}

}  // namespace kindred::expression
