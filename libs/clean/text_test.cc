#include "clean/text.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clean/cleaner.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

using event::Event;
using event::EventType;

constexpr int64_t kNow = 1763805600000;  // 2025-11-22T10:00:00Z

TEST(TextTest, VisibleAsciiIsThatOfEveryByte) {
  for (size_t size = 0; size <= 34; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::vector<char> text(size, byte % 2 == 0 ? '!' : '~');
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(IsVisibleAscii({text.data(), size}), byte > 0x20 && byte < 0x7F)
            << byte << " at " << at << " of " << size;
      }
    }
  }
  EXPECT_TRUE(IsVisibleAscii(""));
}

// Ids and text of all lengths take the quick way when they are plain, and the slow one otherwise.
TEST(TextTest, IdsMeanTheSameWhateverTheirLength) {
  Cleaner cleaner;
  for (size_t size = 1; size <= 300; ++size) {
    Event event;
    event.event_id = "e-1";
    event.user_id = "u-1";
    event.type = EventType::kPage;
    event.event_time_ms = kNow;
    const std::string plain(size, 'x');
    event.order_id = plain;
    event.category = plain;
    const CleanEvent& clean = *cleaner.Clean(event, kNow).event;
    EXPECT_EQ(clean.order_id, size <= 256 ? plain : "") << size;
    EXPECT_EQ(clean.category, plain.substr(0, 256)) << size;
    EXPECT_EQ(clean.corrections == 0, size <= 256) << size;
    // Spaces around it do not count, one within it stays.
    const std::string spaced = absl::StrCat(" ", plain, "\t");
    const std::string inner = absl::StrCat(plain, " ", plain);
    event.order_id = spaced;
    event.session_id = inner;
    event.category = spaced;
    const CleanEvent& trimmed = *cleaner.Clean(event, kNow).event;
    EXPECT_EQ(trimmed.order_id, size <= 256 ? plain : "") << size;
    EXPECT_EQ(trimmed.session_id, inner.size() <= 256 ? inner : "") << size;
    EXPECT_EQ(trimmed.category, plain.substr(0, 256)) << size;
    EXPECT_TRUE(trimmed.Has(size <= 256 ? Correction::kTrimmedId : Correction::kDroppedField));
    event.order_id = {};
    event.session_id = {};
    event.user_id = plain;
    event.category = {};
    if (size <= 256) {
      EXPECT_EQ(cleaner.Clean(event, kNow).event->user_id, plain);
    } else {
      EXPECT_EQ(cleaner.Clean(event, kNow).rejection->reason, RejectReason::kIdTooLong);
    }
    std::string control = plain;
    control[size - 1] = '\x7F';
    control.append(" ");
    event.user_id = control;
    EXPECT_EQ(cleaner.Clean(event, kNow).rejection->reason,
              size <= 256 ? RejectReason::kInvalidId : RejectReason::kIdTooLong);
  }
}

}  // namespace
}  // namespace kindred::clean
