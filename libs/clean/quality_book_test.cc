#include "clean/quality_book.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "clean/cleaner.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

using event::EventType;

constexpr int64_t kHour = 490'000;  // since 1970: in 2025
constexpr int64_t kNow = kHour * kQualityHourMs;

// A made-up event in a given hour.
struct Made {
  int64_t hour = kHour;
  std::string channel = {};
  EventType type = EventType::kView;
  double price = 0;
  int64_t delay_ms = 0;
};

void Count(const Made& made, QualityBook* book) {
  Cleaner cleaner;
  event::Event event;
  event.user_id = "u-1";
  event.item_id = "i-1";
  event.type = made.type;
  event.channel = made.channel;
  event.event_time_ms = made.hour * kQualityHourMs;
  event.quantity = 1;
  if (made.price > 0) event.price = made.price;
  const Outcome outcome = cleaner.Clean(event, *event.event_time_ms + made.delay_ms);
  ASSERT_TRUE(outcome.ok()) << outcome.rejection->detail;
  book->CountAccepted(*outcome.event);
}

using Rows = std::map<std::string, std::string>;

void Save(QualityBook* book, Rows* rows) {
  book->TakeChanges([rows](absl::string_view key,
                           absl::string_view row) { (*rows)[std::string(key)] = std::string(row); },
                    [rows](absl::string_view key) { rows->erase(std::string(key)); });
}

QualityBook Restored(const Rows& rows) {
  QualityBook book;
  for (const auto& [key, row] : rows) {
    const absl::Status status = book.RestoreRow(key, row);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(book.FinishRestore().ok());
  return book;
}

QualityHours HoursOf(const QualityBook& book) {
  QualityHours hours;
  book.AddTo(&hours);
  return hours;
}

TEST(QualityBookTest, CountsBySourceHourAndWhatIsCalledFor) {
  QualityBook book;
  book.CountDuplicate("web");  // nothing is known of time yet
  Count({.channel = "web", .type = EventType::kPurchase, .price = 5, .delay_ms = 7'200'000}, &book);
  Count({.channel = "web"}, &book);
  Count({.hour = kHour + 1, .channel = ""}, &book);
  book.CountDuplicate("web");
  book.CountRejected("nobody accepted this yet");
  const QualityHours hours = HoursOf(book);
  ASSERT_EQ(hours.size(), 3u);
  const QualityCell& web = hours.at("web").at(kHour);
  EXPECT_EQ(web.counts[QualityCell::kAccepted], 2u);
  EXPECT_EQ(web.counts[QualityCell::kCalledFor + static_cast<size_t>(MissingField::kCategory)], 2u);
  EXPECT_EQ(web.counts[QualityCell::kMissing + static_cast<size_t>(MissingField::kCategory)], 2u);
  EXPECT_EQ(web.counts[QualityCell::kCalledFor + static_cast<size_t>(MissingField::kOrderId)], 1u);
  EXPECT_EQ(web.counts[QualityCell::kMissing + static_cast<size_t>(MissingField::kChannel)], 0u);
  EXPECT_EQ(web.counts[QualityCell::kDelay], 1u);
  EXPECT_EQ(web.counts[QualityCell::kDelay + 2], 1u);
  EXPECT_EQ(web.counts[QualityCell::kAmount + 3], 1u);  // 4 to 8
  EXPECT_EQ(web.counts[QualityCell::kType + static_cast<size_t>(EventType::kView)], 1u);
  // Copies and what was rejected count in the newest hour.
  EXPECT_EQ(hours.at("web").at(kHour + 1).counts[QualityCell::kDuplicates], 1u);
  EXPECT_EQ(hours.at("(other)").at(kHour + 1).counts[QualityCell::kRejected], 1u);
  EXPECT_EQ(hours.at("(none)").at(kHour + 1).counts[QualityCell::kAccepted], 1u);
}

TEST(QualityBookTest, IsBoundedWhateverProducersSay) {
  QualityBook book;
  for (int i = 0; i < 100; ++i) Count({.channel = absl::StrCat("c", i)}, &book);
  Count({.channel = "(other)"}, &book);
  Count({.hour = kHour + 1, .channel = std::string(120, 'x')}, &book);
  QualityHours hours = HoursOf(book);
  EXPECT_EQ(hours.size(), QualityBook::kMostSources + 1);
  EXPECT_EQ(hours.at("(other)").at(kHour).counts[QualityCell::kAccepted],
            101u - QualityBook::kMostSources);
  // Two weeks on, the first hours are gone, and what comes late for them is not counted.
  for (int64_t hour = kHour; hour < kHour + 400; ++hour) Count({.hour = hour}, &book);
  Count({.hour = kHour}, &book);
  hours = HoursOf(book);
  EXPECT_EQ(hours.at("(none)").size(), static_cast<size_t>(kQualityHours));
  EXPECT_EQ(hours.at("(none)").begin()->first, kHour + 400 - kQualityHours);
}

TEST(QualityBookTest, AWrongClockDoesNotMoveTheOthers) {
  QualityBook book;
  Count({.hour = kHour + 10, .delay_ms = -10 * kQualityHourMs}, &book);
  EXPECT_EQ(HoursOf(book).at("(none)").begin()->first, kHour);
  EXPECT_EQ(book.newest_ms(), kNow);
}

TEST(QualityBookTest, AddsWhateverTheOrderAndThePartition) {
  std::vector<Made> events;
  for (int i = 0; i < 500; ++i) {
    events.push_back({.hour = kHour + (i * 37) % 100,
                      .channel = i % 3 == 0   ? "web"
                                 : i % 3 == 1 ? "app"
                                              : "",
                      .type = i % 5 == 0 ? EventType::kPurchase : EventType::kView,
                      .price = static_cast<double>(i % 50) + 1,
                      .delay_ms = i * 1000LL});
  }
  QualityBook whole;
  for (const Made& one : events) Count(one, &whole);
  QualityBook parts[2];
  std::reverse(events.begin(), events.end());
  for (size_t i = 0; i < events.size(); ++i) Count(events[i], &parts[i % 2]);
  QualityHours sum;
  parts[0].AddTo(&sum);
  parts[1].AddTo(&sum);
  EXPECT_EQ(sum, HoursOf(whole));
}

TEST(QualityBookTest, RowsComeBackAlsoInTheMiddle) {
  Rows rows;
  QualityBook straight;
  QualityBook stopped;
  for (int i = 0; i < 450; ++i) {
    const Made made = {.hour = kHour + i, .channel = absl::StrCat("c", i % 7)};
    Count(made, &straight);
    Count(made, &stopped);
    straight.CountDuplicate("c3");
    stopped.CountDuplicate("c3");
    if (i % 100 != 50) continue;
    Save(&stopped, &rows);
    stopped = Restored(rows);
  }
  EXPECT_EQ(HoursOf(stopped), HoursOf(straight));
  Save(&stopped, &rows);
  Rows at_once;
  Save(&straight, &at_once);
  EXPECT_EQ(rows, at_once);
  EXPECT_EQ(rows.size(), static_cast<size_t>(kQualityHours) + 1);
}

// The bytes of version 1.
TEST(QualityBookTest, StoredBytesStayAsTheyAre) {
  QualityBook book;
  Count({.channel = "web", .type = EventType::kPurchase, .price = 5}, &book);
  book.CountDuplicate("web");
  Rows rows;
  Save(&book, &rows);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(absl::BytesToHexString(rows.begin()->first), "686f7572732f8000000000077a10");
  EXPECT_EQ(absl::BytesToHexString(rows.begin()->second),
            "01030000ebf2f781818002010101010101010101010101010101010101");
  EXPECT_EQ(absl::BytesToHexString(rows.at("sources")), "010103776562");
}

TEST(QualityBookTest, RefusesWhatItCannotHaveWritten) {
  QualityBook book;
  Count({.channel = "web", .type = EventType::kPurchase, .price = 5}, &book);
  Rows rows;
  Save(&book, &rows);
  const auto& [key, row] = *rows.begin();
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(QualityBook().RestoreRow(key, row.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(QualityBook().RestoreRow(key, absl::StrCat(row, "x")).ok());
  EXPECT_FALSE(QualityBook().RestoreRow("hours/", row).ok());
  EXPECT_FALSE(QualityBook().RestoreRow("others", row).ok());
  QualityBook twice;
  EXPECT_TRUE(twice.RestoreRow(key, row).ok());
  EXPECT_FALSE(twice.RestoreRow(key, row).ok());
  EXPECT_FALSE(twice.RestoreRow("sources", "\x01\x02\x01x\x01x").ok());
  // An hour of a source that there is not.
  QualityBook unknown;
  EXPECT_TRUE(unknown.RestoreRow(key, row).ok());
  EXPECT_FALSE(unknown.FinishRestore().ok());
}

}  // namespace
}  // namespace kindred::clean
