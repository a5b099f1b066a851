// The fields of native JSON by name: what each may hold, and where it goes.
#ifndef KINDRED_EVENT_NATIVE_FIELD_H_
#define KINDRED_EVENT_NATIVE_FIELD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "event/event.h"
#include "event/key_table.h"
#include "event/quoted_name.h"

namespace kindred::event {

enum class FieldKind : uint8_t {
  kText,
  kId,
  kNumber,
  kTime,
  kType,
  kCustomType,
  kGeo,
  kTraits,
  kConsent,
  kProperties,
  kSpecVersion,
  kUserInfo,
};

// In one line of the processor's cache.
struct alignas(64) NativeField {
  FieldKind kind = FieldKind::kText;
  absl::string_view Event::*text = nullptr;        // of kText and kId
  std::optional<double> Event::*number = nullptr;  // of kNumber
  bool only_native = false;                        // no Segment call has a field of this name
  bool in_geo = false;                             // "geo" has one of this name and meaning
  uint8_t index = 0;                               // in the table
  QuotedName quoted;
};

// Threads: const after construction, so any.
class NativeFieldTable {
 public:
  static constexpr size_t kMaxFields = 64;
  // Smaller ones are of no field: At() gives one that has no name.
  static constexpr uint8_t kFirstIndex = 2;

  NativeFieldTable(std::initializer_list<std::pair<absl::string_view, NativeField>> fields);

  // Null when no field has the name.
  const NativeField* Find(absl::string_view name) const {
    const uint8_t* index = by_name_.Find(name);
    return index == nullptr ? nullptr : &fields_[*index];
  }
  const NativeField& At(uint8_t index) const { return fields_[index]; }

 private:
  std::array<NativeField, kMaxFields> fields_;
  KeyTable<uint8_t> by_name_;
};

const NativeFieldTable& NativeFields();

// Types that Segment calls have as well; which of the two it is, ShapeOf() tells.
bool IsSegmentType(absl::string_view type);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_NATIVE_FIELD_H_
