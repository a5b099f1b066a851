// Guesses the next field of a record by what followed the last one in records before: a producer
// sends the same fields in the same order. A right guess costs one comparison of 16 bytes in place
// of finding where the name ends and looking it up; a wrong one costs no more than time.
#ifndef KINDRED_EVENT_FIELD_ORDER_H_
#define KINDRED_EVENT_FIELD_ORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "event/native_field.h"

namespace kindred::event {

// Threads: one at a time.
class FieldOrder {
 public:
  // Where a field can stand behind none.
  enum Start : uint8_t { kRecord = 0, kGeo = 1 };
  static_assert(NativeFieldTable::kFirstIndex > kGeo);

  // The field whose quoted name and colon `text`, of QuotedName::kBytes at least, begins with, if
  // it is one of the last two that followed `before`, which then becomes its index; null if it is
  // not. A field that it returns is right, whatever was learned.
  const NativeField* Guess(const NativeFieldTable& fields, uint8_t* before, const char* text) {
    Followers& followers = followers_[*before];
    const NativeField* field = &fields.At(followers.latest);
    if (!field->quoted.IsAt(text)) {
      field = &fields.At(followers.other);
      if (!field->quoted.IsAt(text)) return nullptr;
      std::swap(followers.latest, followers.other);
    }
    *before = followers.latest;  // not field->index, which would be there later
    return field;
  }

  void Learn(uint8_t before, const NativeField& field) {
    Followers& followers = followers_[before];
    if (followers.latest == field.index) return;
    followers.other = std::exchange(followers.latest, field.index);
  }

 private:
  // Indexes of fields; 0 is that of none, which no text begins with.
  struct Followers {
    uint8_t latest = 0;
    uint8_t other = 0;
  };
  std::array<Followers, NativeFieldTable::kMaxFields> followers_{};
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_FIELD_ORDER_H_
