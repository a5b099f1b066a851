// Whatever bytes are read back from a checkpoint: refused or usable, never a crash, and bounded.
// Input: varint-prefixed keys and rows.
#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "series/series_book.h"

namespace kindred::series {
namespace {

void Fuzz(absl::string_view input) {
  base::ByteReader in(input);
  SeriesBook book;
  while (in.remaining() > 0) {
    const absl::string_view key = in.Bytes();
    const absl::string_view row = in.Bytes();
    if (!in.ok() || !book.RestoreRow(key, row).ok()) return;
  }
  KINDRED_CHECK(book.memory_bytes() < size_t{64} << 20);
  for (int i = 0; i < 100; ++i) {
    SeriesEvent event;
    event.time_ms = book.newest_ms() - 5 * kHourMs + i * kHourMs;
    event.customer_hash = static_cast<uint64_t>(i) << 50;
    event.type = static_cast<uint32_t>(i % 40);
    event.category = static_cast<uint32_t>(i % 3);
    event.item = static_cast<uint32_t>(i);
    event.amount_micros = INT64_MAX;
    book.Add(event);
  }
  std::vector<SeriesPoint> points(1000);
  book.AddTo({SeriesKind::kAll, 0}, Step::kDay, book.newest_ms() / StepMs(Step::kDay) - 500,
             &points);
  // What is given out can be read back.
  std::map<std::string, std::string> rows;
  book.TakeChanges([&rows](absl::string_view key,
                           absl::string_view row) { rows[std::string(key)] = std::string(row); },
                   [&rows](absl::string_view key) { rows.erase(std::string(key)); });
  SeriesBook again;
  for (const auto& [key, row] : rows) KINDRED_CHECK(again.RestoreRow(key, row).ok());
}

}  // namespace
}  // namespace kindred::series

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kindred::series::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
