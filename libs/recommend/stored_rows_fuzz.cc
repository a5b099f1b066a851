// Whatever bytes a damaged checkpoint hands over as header and rows: they are refused, or the table
// works on, and what it stores reads back as what it was.
// Input: length of the header (2 bytes, little end first), header, then each row in the same way.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

absl::string_view Piece(absl::string_view* input) {
  if (input->size() < 2) {
    *input = {};
    return {};
  }
  const size_t length =
      static_cast<uint8_t>((*input)[0]) + 256 * size_t{static_cast<uint8_t>((*input)[1])};
  input->remove_prefix(2);
  const absl::string_view piece = input->substr(0, length);
  input->remove_prefix(piece.size());
  return piece;
}

struct Stored {
  std::string header;
  std::map<uint32_t, std::string> rows;
};

Stored StoredIn(const PairTable& table) {
  Stored stored{table.EncodeHeader(), {}};
  table.ForEachRow([&](ItemId item, absl::string_view bytes) {
    stored.rows[item.value()] = std::string(bytes);
  });
  return stored;
}

// As a table stores it that read it.
Stored Again(const Stored& stored) {
  ItemIndex index;
  PairTable table(PartitionId(0), {}, &index);
  KINDRED_CHECK(table.RestoreHeader(stored.header).ok());
  for (const auto& [item, bytes] : stored.rows) {
    KINDRED_CHECK(table.RestoreRow(ItemId(item), bytes).ok());
  }
  return StoredIn(table);
}

void Try(absl::string_view input) {
  ItemIndex index;
  auto table = std::make_shared<PairTable>(PartitionId(0), PairOptions{}, &index);
  if (!table->RestoreHeader(Piece(&input)).ok()) return;
  uint32_t rows = 0;
  for (uint32_t item = 1; !input.empty() && item < 64; ++item) {
    rows += table->RestoreRow(ItemId(item), Piece(&input)).ok() ? 1 : 0;
  }
  index.Attach(table);
  const Touch seen[] = {{.item = ItemId(1), .kind = Interaction::kView, .time_ms = 1}};
  table->AddEvent({.item = ItemId(2), .kind = Interaction::kView, .time_ms = 2}, seen);
  Answer answer;
  Recommender().Recommend({.now_ms = 3, .recent = seen}, index, &answer);
  KINDRED_CHECK(rows == 0 || !answer.items.empty());

  // Sums a table reads may have faded beside its newest event, and are nothing then; after that,
  // what it stores reads back the same.
  const Stored stored = Again(StoredIn(*table));
  const Stored once_more = Again(stored);
  KINDRED_CHECK(once_more.rows == stored.rows);
}

}  // namespace
}  // namespace kindred::recommend

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kindred::recommend::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
