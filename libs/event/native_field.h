// The fields of native JSON by name: what each may hold, and where it goes.
#ifndef KINDRED_EVENT_NATIVE_FIELD_H_
#define KINDRED_EVENT_NATIVE_FIELD_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "event/event.h"
#include "event/key_table.h"

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

struct NativeField {
  FieldKind kind = FieldKind::kText;
  absl::string_view Event::*text = nullptr;        // of kText and kId
  std::optional<double> Event::*number = nullptr;  // of kNumber
  bool only_native = false;                        // no Segment call has a field of this name
};

const KeyTable<NativeField>& NativeFields();

// Types that Segment calls have as well; which of the two it is, ShapeOf() tells.
bool IsSegmentType(absl::string_view type);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_NATIVE_FIELD_H_
