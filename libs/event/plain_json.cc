#include "event/plain_json.h"

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "event/event_time.h"
#include "event/json_text.h"
#include "event/native_field.h"
#include "event/native_json.h"
#include "simdjson.h"

namespace kindred::event {
namespace {

// Whole numbers of so many digits fit int64_t; with a fraction, so many digits are a whole number
// below 2^53 over a power of ten that a double holds exactly, and one division rounds right.
constexpr int kMaxWholeDigits = 18;
constexpr int kMaxDigits = 15;
constexpr std::array<double, kMaxDigits + 1> kPowersOfTen = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

enum class ValueKind : uint8_t { kText, kWhole, kFraction, kBool, kNull, kObject };

struct Value {
  ValueKind kind = ValueKind::kNull;
  absl::string_view json;  // as it stands there; of an object nothing
  absl::string_view text;  // within the quotes
  int64_t whole = 0;
  double number = 0;  // of both kinds of numbers
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class PlainReader {
 public:
  PlainReader(DecodeContext* context, absl::string_view text)
      : context_(*context), at_(text.data()), end_(text.data() + text.size()) {}

  bool Read(Event* event) {
    absl::string_view type;
    absl::string_view custom_type;
    bool native = false;
    bool segment_type = false;
    SkipSpaces();
    const auto top = [&](absl::string_view name, const Value& value) {
      const NativeField* field = NativeFields().Find(name);
      if (field == nullptr) return AddScalar(name, value, &event->properties);
      if (field->kind == FieldKind::kSpecVersion) return false;
      native |= field->only_native;
      if (value.kind == ValueKind::kNull) return true;
      switch (field->kind) {
        case FieldKind::kText:
          return TakeText(value, &(event->*field->text));
        case FieldKind::kId:
          return TakeId(value, &(event->*field->text));
        case FieldKind::kNumber:
          return TakeNumber(value, &(event->*field->number));
        case FieldKind::kTime:
          return TakeTime(value, &event->event_time_ms);
        case FieldKind::kType:
          if (!TakeText(value, &type)) return false;
          segment_type |= IsSegmentType(type);
          return true;
        case FieldKind::kCustomType:
          return TakeText(value, &custom_type);
        case FieldKind::kGeo:
          return TakeGeo(value, event);
        case FieldKind::kTraits:
          return TakeTraits(value, event);
        case FieldKind::kProperties:
          return TakeProperties(value, event);
        default:
          return false;
      }
    };
    if (at_ == end_ || !Object(top)) return false;
    SkipSpaces();
    // ShapeOf() looks at more names.
    if (at_ != end_ || (segment_type && !native)) return false;
    SetType(type, custom_type, event);
    return true;
  }

 private:
  // Calls `take` with each name and value; false where it does, or where the object is not plain.
  template <typename Take>
  bool Object(const Take& take) {
    if (!Skip('{')) return false;
    SkipSpaces();
    if (Skip('}')) return true;
    while (true) {
      Value value;
      absl::string_view name;
      if (!Name(&name)) return false;
      SkipSpaces();
      if (!Skip(':')) return false;
      SkipSpaces();
      if (!ReadValue(&value) || !take(name, value)) return false;
      SkipSpaces();
      if (Skip('}')) return true;
      if (!Skip(',')) return false;
      SkipSpaces();
    }
  }

  bool TakeGeo(const Value& value, Event* event) {
    if (value.kind != ValueKind::kObject || context_.max_depth < 2) return false;
    return Object([event](absl::string_view name, const Value& inner) {
      absl::string_view* out = name == "country"  ? &event->country
                               : name == "region" ? &event->region
                               : name == "city"   ? &event->city
                                                  : nullptr;
      if (inner.kind == ValueKind::kObject) return false;
      if (out == nullptr || inner.kind == ValueKind::kNull) return true;
      return TakeText(inner, out);
    });
  }

  bool TakeTraits(const Value& value, Event* event) {
    if (value.kind != ValueKind::kObject || context_.max_depth < 2) return false;
    return Object([this, event](absl::string_view name, const Value& inner) {
      return AddScalar(name, inner, &event->traits);
    });
  }

  bool TakeProperties(const Value& value, Event* event) {
    if (value.kind != ValueKind::kObject || context_.max_depth < 2) return false;
    return Object([this, event](absl::string_view name, const Value& inner) {
      if (inner.kind == ValueKind::kText && (name == "group_id" || name == "groupId")) {
        event->group_id = inner.text;
        return true;
      }
      return AddScalar(name, inner, &event->properties);
    });
  }

  static bool TakeText(const Value& value, absl::string_view* out) {
    if (value.kind != ValueKind::kText) return false;
    *out = value.text;
    return true;
  }

  static bool TakeId(const Value& value, absl::string_view* out) {
    if (value.kind != ValueKind::kText && value.kind != ValueKind::kWhole) return false;
    *out = value.kind == ValueKind::kText ? value.text : value.json;
    return true;
  }

  static bool TakeNumber(const Value& value, std::optional<double>* out) {
    if (value.kind == ValueKind::kText) return value.text.empty();
    if (value.kind != ValueKind::kWhole && value.kind != ValueKind::kFraction) return false;
    *out = value.number;
    return true;
  }

  static bool TakeTime(const Value& value, std::optional<int64_t>* out) {
    if (value.kind == ValueKind::kWhole) {
      *out = value.whole;
      return true;
    }
    if (value.kind != ValueKind::kText) return false;
    if (value.text.empty()) return true;
    *out = ParseTime(value.text);
    return out->has_value();
  }

  bool AddScalar(absl::string_view name, const Value& value, std::vector<JsonField>* out) {
    switch (value.kind) {
      case ValueKind::kText:
      case ValueKind::kWhole:
      case ValueKind::kBool:
        out->push_back({name, value.json});
        return true;
      case ValueKind::kFraction:
        context_.scratch.clear();
        AppendJsonNumber(value.number, &context_.scratch);
        out->push_back({name, context_.arena.Copy(context_.scratch)});
        return true;
      case ValueKind::kNull:
        return true;
      case ValueKind::kObject:
        return false;
    }
    return false;
  }

  bool Name(absl::string_view* name) {
    bool ascii = true;
    return Skip('"') && ToQuote(name, &ascii) && ascii;
  }

  bool ReadValue(Value* value) {
    if (at_ == end_) return false;
    const char* const begin = at_;
    switch (*at_) {
      case '"': {
        ++at_;
        bool ascii = true;
        if (!ToQuote(&value->text, &ascii)) return false;
        value->kind = ValueKind::kText;
        value->json = {begin, static_cast<size_t>(at_ - begin)};
        return ascii || simdjson::validate_utf8(value->text.data(), value->text.size());
      }
      case '{':
        value->kind = ValueKind::kObject;
        return true;
      case 't':
        value->kind = ValueKind::kBool;
        return Word("true", &value->json);
      case 'f':
        value->kind = ValueKind::kBool;
        return Word("false", &value->json);
      case 'n':
        value->kind = ValueKind::kNull;
        return Word("null", &value->json);
      default:
        return Number(value);
    }
  }

  bool Number(Value* value) {
    const char* const begin = at_;
    const bool negative = Skip('-');
    if (at_ == end_ || !IsDigit(*at_)) return false;
    const bool zero_first = *at_ == '0';
    int digits = 0;
    int64_t all = Digits(0, &digits);
    if ((zero_first && digits > 1) || digits > kMaxWholeDigits) return false;
    int fraction = 0;
    if (Skip('.')) {
      const int whole_digits = digits;
      all = Digits(all, &digits);
      fraction = digits - whole_digits;
      if (fraction == 0 || digits > kMaxDigits) return false;
    }
    // What follows a number ends it, or it is not plain.
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) return false;
    if (fraction == 0 && negative && all == 0) return false;
    value->json = {begin, static_cast<size_t>(at_ - begin)};
    value->kind = fraction == 0 ? ValueKind::kWhole : ValueKind::kFraction;
    value->whole = negative ? -all : all;
    const double size = static_cast<double>(all) / kPowersOfTen[static_cast<size_t>(fraction)];
    value->number = negative ? -size : size;
    return true;
  }

  // Appends the digits that follow to `number`, up to one more than fit.
  int64_t Digits(int64_t number, int* count) {
    while (at_ != end_ && IsDigit(*at_) && *count <= kMaxWholeDigits - 1) {
      number = number * 10 + (*at_++ - '0');
      ++*count;
    }
    if (at_ != end_ && IsDigit(*at_)) *count = kMaxWholeDigits + 1;
    return number;
  }

  // Up to the quote that ends the text, and past it; false at what is not plain text. `ascii`
  // becomes false where a byte is not.
  bool ToQuote(absl::string_view* text, bool* ascii) {
    const char* const begin = at_;
    constexpr int kBytes = sizeof(__m128i);
    while (end_ - at_ >= kBytes) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
      const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
      const __m128i escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
      const auto stops = static_cast<uint32_t>(
          _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, escape))));
      const auto high = static_cast<uint32_t>(_mm_movemask_epi8(bytes));
      if (stops == 0) {
        if (high != 0) *ascii = false;
        at_ += kBytes;
        continue;
      }
      if ((high & (stops ^ (stops - 1))) != 0) *ascii = false;
      at_ += std::countr_zero(stops);
      return EndText(begin, text);
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<uint8_t>(*at_) >= 0x20) {
      if ((*at_ & 0x80) != 0) *ascii = false;
      ++at_;
    }
    return at_ != end_ && EndText(begin, text);
  }

  bool EndText(const char* begin, absl::string_view* text) {
    *text = {begin, static_cast<size_t>(at_ - begin)};
    return *at_++ == '"';
  }

  bool Word(absl::string_view word, absl::string_view* json) {
    if (static_cast<size_t>(end_ - at_) < word.size()) return false;
    *json = {at_, word.size()};
    at_ += word.size();
    return *json == word;
  }

  bool Skip(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  void SkipSpaces() {
    // Most producers send none.
    if (at_ == end_ || static_cast<uint8_t>(*at_) > ' ') return;
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  DecodeContext& context_;
  const char* at_;
  const char* const end_;
};

}  // namespace

bool DecodePlainJson(DecodeContext& context, absl::string_view text, Event* event) {
  return PlainReader(&context, text).Read(event);
}

}  // namespace kindred::event
