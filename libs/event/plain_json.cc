#include "event/plain_json.h"

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "event/event_time.h"
#include "event/field_order.h"
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
bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

constexpr size_t kWide = sizeof(__m128i);
static_assert(QuotedName::kBytes <= kWide);

__m128i Load(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

// Where a text ends: at the first quote, backslash or control byte. One bit for each of the 16
// bytes. `also_high`: bytes of no ASCII character count as well, which saves instructions.
template <bool also_high>
uint32_t StopsAmong(__m128i bytes) {
  // Quotes and spaces change places, so that a quote is next to the control bytes.
  const __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8('"' ^ ' '));
  const __m128i escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i low = also_high ? _mm_cmplt_epi8(turned, _mm_set1_epi8(' ' + 1))
                                : _mm_cmpeq_epi8(_mm_min_epu8(turned, _mm_set1_epi8(' ')), turned);
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(low, escape)));
}

// The text ends with a brace, and nothing is read behind it: what takes a byte that is no brace
// need not ask whether there is one more. Functions take where they begin and return where they
// ended, null for what is not plain.
class PlainReader {
 public:
  PlainReader(DecodeContext* context, Event* event)
      : context_(*context), fields_(NativeFields()), event_(*event) {}

  bool Read(absl::string_view text) {
    const char* at = text.data();
    end_ = at + text.size();
    while (at != end_ && IsSpace(end_[-1])) --end_;
    if (at == end_ || end_[-1] != '}') return false;
    begin_ = at;
    last_wide_ = static_cast<size_t>(end_ - at) >= kWide ? end_ - kWide : at;
    uint8_t before = FieldOrder::kRecord;
    at = Object(SkipSpaces(at), [&](const char* field) { return Field(field, &before); });
    // ShapeOf() looks at more names.
    if (at != end_ || (segment_type_ && !native_)) return false;
    SetType(type_, custom_type_, &event_);
    return true;
  }

 private:
  // `member` reads a name, its colon and a value, and leaves at least a brace.
  template <typename Member>
  const char* Object(const char* at, const Member& member) {
    if (*at != '{') return nullptr;
    at = SkipSpaces(at + 1);
    if (*at == '}') return at + 1;
    while (true) {
      at = member(at);
      if (at == nullptr) return nullptr;
      if (*at != ',') {
        at = SkipSpaces(at);
        if (*at != ',') return *at == '}' ? at + 1 : nullptr;
      }
      at = SkipSpaces(at + 1);
    }
  }

  // An object within the text's: something follows it.
  template <typename Member>
  const char* InnerObject(const char* at, const Member& member) {
    if (context_.max_depth < 2) return nullptr;
    at = Object(at, member);
    return at == end_ ? nullptr : at;
  }

  const char* Field(const char* at, uint8_t* before) {
    const NativeField* field = Guess(at, before);
    if (field != nullptr) return FieldValue(at + field->quoted.size(), *field);
    // A copy, so that the usual way keeps it in a register.
    uint8_t changed = *before;
    at = OtherField(at, &changed);
    *before = changed;
    return at;
  }

  [[gnu::noinline]] const char* OtherField(const char* at, uint8_t* before) {
    const NativeField* field = nullptr;
    absl::string_view name;
    at = FindName(at, before, &field, &name);
    if (at == nullptr) return nullptr;
    return field == nullptr ? Scalar(at, name, &event_.properties) : FieldValue(at, *field);
  }

  const char* FieldValue(const char* at, const NativeField& field) {
    native_ |= field.only_native;
    if (*at == '"') return FieldText(at, field);
    at = SkipSpaces(at);
    if (*at == '"') return FieldText(at, field);
    Value value;
    at = ReadValue(at, &value);
    if (at == nullptr || field.kind == FieldKind::kSpecVersion) return nullptr;
    switch (value.kind) {
      case ValueKind::kNull:
        return at;
      case ValueKind::kObject:
        return TakeObject(at, field);
      case ValueKind::kWhole:
      case ValueKind::kFraction:
        return TakeNumber(value, field) ? at : nullptr;
      default:
        return nullptr;
    }
  }

  const char* FieldText(const char* at, const NativeField& field) {
    // Nearly all there is.
    if (field.text != nullptr) return Text(at, &(event_.*field.text));
    absl::string_view text;
    at = Text(at, &text);
    if (at == nullptr) return nullptr;
    switch (field.kind) {
      case FieldKind::kTime:
        if (text.empty()) return at;
        event_.event_time_ms = ParseTime(text);
        return event_.event_time_ms.has_value() ? at : nullptr;
      case FieldKind::kType:
        type_ = text;
        segment_type_ |= IsSegmentType(text);
        return at;
      case FieldKind::kCustomType:
        custom_type_ = text;
        return at;
      case FieldKind::kNumber:
        return text.empty() ? at : nullptr;
      default:
        return nullptr;
    }
  }

  bool TakeNumber(const Value& value, const NativeField& field) {
    const bool whole = value.kind == ValueKind::kWhole;
    switch (field.kind) {
      case FieldKind::kNumber:
        event_.*field.number = value.number;
        return true;
      case FieldKind::kId:
        event_.*field.text = value.json;
        return whole;
      case FieldKind::kTime:
        event_.event_time_ms = value.whole;
        return whole;
      default:
        return false;
    }
  }

  const char* TakeObject(const char* at, const NativeField& field) {
    switch (field.kind) {
      case FieldKind::kGeo: {
        uint8_t before = FieldOrder::kGeo;
        return InnerObject(at, [&](const char* member) { return GeoField(member, &before); });
      }
      case FieldKind::kTraits:
        return InnerObject(at, [this](const char* member) {
          absl::string_view name;
          member = Name(member, &name);
          return member == nullptr ? nullptr : Scalar(member, name, &event_.traits);
        });
      case FieldKind::kProperties:
        return InnerObject(at, [this](const char* member) { return Property(member); });
      default:
        return nullptr;
    }
  }

  const char* GeoField(const char* at, uint8_t* before) {
    absl::string_view name;
    const NativeField* field = Guess(at, before);
    at = field != nullptr ? SkipSpaces(at + field->quoted.size())
                          : FindName(at, before, &field, &name);
    if (at == nullptr) return nullptr;
    const bool known = field != nullptr && field->in_geo;
    if (known && *at == '"') return Text(at, &(event_.*field->text));
    Value value;
    at = ReadValue(at, &value);
    if (value.kind == ValueKind::kObject || (known && value.kind != ValueKind::kNull)) {
      return nullptr;
    }
    return at;
  }

  const char* Property(const char* at) {
    absl::string_view name;
    at = Name(at, &name);
    if (at == nullptr) return nullptr;
    if (*at == '"' && (name == "group_id" || name == "groupId")) return Text(at, &event_.group_id);
    return Scalar(at, name, &event_.properties);
  }

  const char* Scalar(const char* at, absl::string_view name, std::vector<JsonField>* out) {
    Value value;
    at = ReadValue(at, &value);
    if (at == nullptr) return nullptr;
    switch (value.kind) {
      case ValueKind::kText:
      case ValueKind::kWhole:
      case ValueKind::kBool:
        out->push_back({name, value.json});
        return at;
      case ValueKind::kFraction:
        context_.scratch.clear();
        AppendJsonNumber(value.number, &context_.scratch);
        out->push_back({name, context_.arena.Copy(context_.scratch)});
        return at;
      case ValueKind::kNull:
        return at;
      case ValueKind::kObject:
        return nullptr;
    }
    return nullptr;
  }

  // The field whose name is at `at`, behind that of `before`; null where no guess is right.
  const NativeField* Guess(const char* at, uint8_t* before) {
    return at > last_wide_ ? nullptr : context_.order.Guess(fields_, before, at);
  }

  // Reads a name up to its value; `field` stays null for one that is no field's.
  [[gnu::noinline]] const char* FindName(const char* at, uint8_t* before, const NativeField** field,
                                         absl::string_view* name) {
    at = Name(at, name);
    if (at != nullptr) *field = fields_.Find(*name);
    if (*field != nullptr) {
      context_.order.Learn(*before, **field);
      *before = (*field)->index;
    }
    return at;
  }

  // Up to the value.
  const char* Name(const char* at, absl::string_view* name) {
    if (*at != '"') return nullptr;
    bool ascii = true;
    at = ToQuote(at + 1, name, &ascii);
    if (at == nullptr || !ascii) return nullptr;
    at = SkipSpaces(at);
    return *at == ':' ? SkipSpaces(at + 1) : nullptr;
  }

  // Of an object nothing is read.
  const char* ReadValue(const char* at, Value* value) {
    switch (*at) {
      case '"': {
        const char* const begin = at;
        value->kind = ValueKind::kText;
        at = Text(at, &value->text);
        if (at != nullptr) value->json = {begin, static_cast<size_t>(at - begin)};
        return at;
      }
      case '{':
        value->kind = ValueKind::kObject;
        return at;
      case 't':
        value->kind = ValueKind::kBool;
        return Word(at, "true", &value->json);
      case 'f':
        value->kind = ValueKind::kBool;
        return Word(at, "false", &value->json);
      case 'n':
        value->kind = ValueKind::kNull;
        return Word(at, "null", &value->json);
      default:
        return Number(at, value);
    }
  }

  const char* Number(const char* at, Value* value) {
    const char* const begin = at;
    const bool negative = *at == '-';
    if (negative) ++at;
    const char* const whole = at;
    uint64_t all = 0;
    for (; IsDigit(*at); ++at) all = all * 10 + static_cast<uint64_t>(*at - '0');
    ptrdiff_t digits = at - whole;
    if (digits == 0 || digits > kMaxWholeDigits || (*whole == '0' && digits > 1)) return nullptr;
    ptrdiff_t fraction = 0;
    if (*at == '.') {
      const char* const point = at++;
      for (; IsDigit(*at); ++at) all = all * 10 + static_cast<uint64_t>(*at - '0');
      fraction = at - point - 1;
      digits += fraction;
      if (fraction == 0 || digits > kMaxDigits) return nullptr;
    }
    // What follows a number ends it, or it is not plain.
    if (*at == 'e' || *at == 'E') return nullptr;
    if (fraction == 0 && negative && all == 0) return nullptr;
    value->json = {begin, static_cast<size_t>(at - begin)};
    value->kind = fraction == 0 ? ValueKind::kWhole : ValueKind::kFraction;
    const auto size = static_cast<int64_t>(all);
    value->whole = negative ? -size : size;
    const double number = static_cast<double>(size) / kPowersOfTen[static_cast<size_t>(fraction)];
    value->number = negative ? -number : number;
    return at;
  }

  // From quote to quote.
  const char* Text(const char* at, absl::string_view* text) {
    const char* const begin = ++at;
    for (; at <= last_wide_; at += kWide) {
      const uint32_t stops = StopsAmong<true>(Load(at));
      if (stops != 0) return EndAscii(begin, at + std::countr_zero(stops), text);
    }
    if (at >= end_ || last_wide_ == begin_) return UnusualText(begin, text);
    // Less than the width is left: of the last bytes, those from `at` on.
    const uint32_t stops = StopsAmong<true>(Load(last_wide_)) >> (at - last_wide_);
    if (stops == 0) return nullptr;
    return EndAscii(begin, at + std::countr_zero(stops), text);
  }

  const char* EndAscii(const char* begin, const char* at, absl::string_view* text) {
    if (*at != '"') return UnusualText(begin, text);
    *text = {begin, static_cast<size_t>(at - begin)};
    return at + 1;
  }

  // With other characters than ASCII's, or what is no text, or in a very short record.
  [[gnu::noinline]] const char* UnusualText(const char* begin, absl::string_view* text) {
    bool ascii = true;
    const char* const at = ToQuote(begin, text, &ascii);
    if (at == nullptr) return nullptr;
    return ascii || simdjson::validate_utf8(text->data(), text->size()) ? at : nullptr;
  }

  // Up to the quote that ends the text, and past it. `ascii` becomes false where a byte is not.
  const char* ToQuote(const char* at, absl::string_view* text, bool* ascii) {
    const char* const begin = at;
    while (static_cast<size_t>(end_ - at) >= kWide) {
      const __m128i bytes = Load(at);
      const uint32_t stops = StopsAmong<false>(bytes);
      const auto high = static_cast<uint32_t>(_mm_movemask_epi8(bytes));
      if (stops == 0) {
        if (high != 0) *ascii = false;
        at += kWide;
        continue;
      }
      if ((high & (stops ^ (stops - 1))) != 0) *ascii = false;
      return EndText(begin, at + std::countr_zero(stops), text);
    }
    while (at != end_ && *at != '"' && *at != '\\' && static_cast<uint8_t>(*at) >= ' ') {
      if ((*at & 0x80) != 0) *ascii = false;
      ++at;
    }
    return at == end_ ? nullptr : EndText(begin, at, text);
  }

  static const char* EndText(const char* begin, const char* at, absl::string_view* text) {
    if (*at != '"') return nullptr;
    *text = {begin, static_cast<size_t>(at - begin)};
    return at + 1;
  }

  const char* Word(const char* at, absl::string_view word, absl::string_view* json) {
    if (static_cast<size_t>(end_ - at) < word.size()) return nullptr;
    *json = {at, word.size()};
    return *json == word ? at + word.size() : nullptr;
  }

  static const char* SkipSpaces(const char* at) {
    // Most producers send none.
    if (static_cast<uint8_t>(*at) > ' ') return at;
    while (IsSpace(*at)) ++at;
    return at;
  }

  DecodeContext& context_;
  const NativeFieldTable& fields_;
  Event& event_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  // From there, and not from further on, kWide bytes can be read; of a shorter text where it
  // begins, which is not asked for: a brace is there.
  const char* last_wide_ = nullptr;
  absl::string_view type_;
  absl::string_view custom_type_;
  bool native_ = false;        // it has a name that no Segment call has
  bool segment_type_ = false;  // a type of it is a Segment call's
};

}  // namespace

bool DecodePlainJson(DecodeContext& context, absl::string_view text, Event* event) {
  return PlainReader(&context, event).Read(text);
}

}  // namespace kindred::event
