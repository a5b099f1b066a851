// From a name to a small number, for the fields of a record: one probe and one comparison in the
// usual case, a few nanoseconds. Names must outlive the table.
#ifndef KINDRED_EVENT_KEY_TABLE_H_
#define KINDRED_EVENT_KEY_TABLE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/check.h"

namespace kindred::event {

// Threads: const after construction, so any.
template <typename Value>
class KeyTable {
 public:
  KeyTable() = default;
  KeyTable(std::initializer_list<std::pair<absl::string_view, Value>> entries) {
    for (const auto& [name, value] : entries) Add(name, value);
  }

  void Add(absl::string_view name, const Value& value) {
    KINDRED_CHECK(++names_ * 2 <= kSlots) << "too many names";
    KINDRED_CHECK(!name.empty() && Find(name) == nullptr) << "name given twice: " << name;
    size_t slot = Hash(name);
    while (!slots_[slot].name.empty()) slot = (slot + 1) % kSlots;
    slots_[slot] = {name, value};
  }

  // Null when the name is not in the table.
  const Value* Find(absl::string_view name) const {
    if (name.empty()) return nullptr;
    for (size_t slot = Hash(name); !slots_[slot].name.empty(); slot = (slot + 1) % kSlots) {
      if (Equal(slots_[slot].name, name)) return &slots_[slot].value;
    }
    return nullptr;
  }

 private:
  struct Slot {
    absl::string_view name;
    Value value{};
  };
  static constexpr size_t kSlots = 256;

  // A call of memcmp would cost more than comparing such short texts.
  static bool Equal(absl::string_view a, absl::string_view b) {
    if (a.size() != b.size()) return false;
    const auto words_equal = [&]<typename Word>(Word) {
      Word from_a[2];
      Word from_b[2];
      const size_t last = a.size() - sizeof(Word);
      std::memcpy(&from_a[0], a.data(), sizeof(Word));
      std::memcpy(&from_a[1], a.data() + last, sizeof(Word));
      std::memcpy(&from_b[0], b.data(), sizeof(Word));
      std::memcpy(&from_b[1], b.data() + last, sizeof(Word));
      return from_a[0] == from_b[0] && from_a[1] == from_b[1];
    };
    if (a.size() > 16) return a == b;
    if (a.size() >= 8) return words_equal(uint64_t{});
    if (a.size() >= 4) return words_equal(uint32_t{});
    return a == b;
  }

  static size_t Hash(absl::string_view name) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(name[i]); };
    return (byte(0) * 31u + byte(name.size() / 2) * 7u + byte(name.size() - 1) * 113u +
            name.size() * 17u) %
           kSlots;
  }

  std::array<Slot, kSlots> slots_;
  size_t names_ = 0;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_KEY_TABLE_H_
