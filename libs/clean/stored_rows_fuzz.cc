// Whatever bytes are read back from a checkpoint: refused or usable, never a crash, and never more
// memory than the input is large.
// Input: a byte that tells the kind, then (for rows) varint-prefixed keys and values.
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "base/bytes.h"
#include "base/check.h"
#include "clean/duplicates.h"
#include "clean/outliers.h"
#include "clean/quality.h"
#include "clean/quality_book.h"
#include "clean/quality_judge.h"

namespace kindred::clean {
namespace {

void FuzzDuplicates(base::ByteReader* in) {
  DuplicateOptions options;
  options.memory_bytes = 1 << 20;
  DuplicateWindow window(options);
  while (in->remaining() > 0) {
    const absl::string_view key = in->Bytes();
    const absl::string_view value = in->Bytes();
    if (!in->ok() || !window.RestoreRow(key, value).ok()) return;
  }
  if (!window.FinishRestore().ok()) return;
  const int64_t arrival_ms = 1763805600000;
  for (uint64_t i = 0; i < 200; ++i) {
    window.Insert(i << 56, arrival_ms + static_cast<int64_t>(i) * 600000);
    KINDRED_CHECK(!window.Insert(i << 56, arrival_ms));
  }
  KINDRED_CHECK(window.window_in_force_ms() >= 0);
  DuplicateWindow again(options);
  RowChanges changes = window.TakeChanges();
  KINDRED_CHECK(!changes.puts.empty());
  KINDRED_CHECK(again.RestoreRow(changes.puts.back().key, changes.puts.back().value).ok());
}

void FuzzPrices(base::ByteReader* in) {
  const OutlierRules rules;
  PriceBook book;
  while (in->remaining() > 0) {
    const absl::string_view key = in->Bytes();
    const absl::string_view value = in->Bytes();
    if (!in->ok() || !book.RestoreRow(key, value).ok()) return;
  }
  for (int i = 0; i < 100; ++i) book.Observe(std::to_string(i % 10), "EUR", 1 + i, rules);
  PriceBook again;
  for (const StoredRow& row : book.TakeChanges().puts) {
    KINDRED_CHECK(again.RestoreRow(row.key, row.value).ok());
  }
}

void FuzzBook(base::ByteReader* in) {
  QualityBook book;
  while (in->remaining() > 0) {
    const absl::string_view key = in->Bytes();
    const absl::string_view value = in->Bytes();
    if (!in->ok() || !book.RestoreRow(key, value).ok()) return;
  }
  if (!book.FinishRestore().ok()) return;
  QualityHours hours;
  book.AddTo(&hours);
  for (const QualityMeasure& one : JudgeQuality(hours).measures) {
    KINDRED_CHECK(one.alert != one.reason.empty());
  }
  book.CountRejected("web");
  book.TakeChanges(
      [](absl::string_view key, absl::string_view row) {
        if (absl::StartsWith(key, QualityBook::kRowPrefix)) {
          KINDRED_CHECK(QualityBook().RestoreRow(key, row).ok());
        }
      },
      [](absl::string_view) {});
}

void FuzzHistories(base::ByteReader* in) {
  const OutlierRules rules;
  AmountHistory amounts = AmountHistory::Decode(in);
  RateHistory rate = RateHistory::Decode(in);
  amounts.IsOutlier(1e6, rules);
  amounts.Add(amounts);
  amounts.Update(3);
  rate.IsOutlier(1763805600000, rules);
  rate.Update(1763805600000, rules);
  rate.Add(rate, rules);
  std::string bytes;
  base::ByteWriter writer(&bytes);
  amounts.Encode(&writer);
  rate.Encode(&writer);
  base::ByteReader reader(bytes);
  KINDRED_CHECK(AmountHistory::Decode(&reader) == amounts);
  KINDRED_CHECK(RateHistory::Decode(&reader) == rate);
}

}  // namespace
}  // namespace kindred::clean

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  kindred::base::ByteReader in(rest);
  switch (data[0] % 5) {
    case 0:
      kindred::clean::FuzzDuplicates(&in);
      break;
    case 1:
      kindred::clean::FuzzPrices(&in);
      break;
    case 2:
      kindred::clean::FuzzHistories(&in);
      break;
    case 4:
      kindred::clean::FuzzBook(&in);
      break;
    default:
      if (const auto counts = kindred::clean::QualityCounts::Decode(rest); counts.ok()) {
        KINDRED_CHECK(*kindred::clean::QualityCounts::Decode(counts->Encode()) == *counts);
      }
  }
  return 0;
}
