// Bytes of recommendations that come back from outside: tokens from producers and callers, rows
// from a damaged checkpoint, expressions. Refused, or usable and the same when written again.
// Input: a byte that tells the kind, then the bytes; rows are varint-prefixed keys and values.
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "base/check.h"
#include "node/attribution.h"
#include "node/attribution_token.h"
#include "node/item_fields.h"
#include "node/page_token.h"
#include "recommend/rating_table.h"

namespace kindred::node {
namespace {

using Rows = std::map<std::string, std::string>;

template <typename State>
Rows RowsOf(State* state) {
  Rows rows;
  state->TakeChanges([&rows](absl::string_view key, absl::string_view value) {
    rows[std::string(key)] = std::string(value);
  });
  return rows;
}

void FuzzTokens(absl::string_view bytes) {
  // As it is, and as the inside of a text that the alphabet allows.
  for (const std::string& text : {std::string(bytes), absl::WebSafeBase64Escape(bytes)}) {
    if (const auto token = DecodeAttributionToken(text); token.ok()) {
      KINDRED_CHECK(*DecodeAttributionToken(EncodeAttributionToken(*token)) == *token);
    }
    if (const auto token = DecodePageToken(text); token.ok()) {
      KINDRED_CHECK(DecodePageToken(EncodePageToken(*token))->returned == token->returned);
    }
  }
}

void FuzzAttribution(base::ByteReader* in) {
  Attribution attribution;
  while (in->remaining() > 0) {
    const absl::string_view key = in->Bytes();
    const absl::string_view value = in->Bytes();
    if (!in->ok() || !attribution.RestoreRow(key, value).ok()) return;
  }
  for (uint64_t customer = 0; customer < 16; ++customer) attribution.Forget(customer);
  KINDRED_CHECK(attribution.cells().size() <= Attribution::kMaxCells + 1);
}

void FuzzRatings(base::ByteReader* in) {
  recommend::RatingTable table;
  while (in->remaining() > 0) {
    const absl::string_view key = in->Bytes();
    const absl::string_view value = in->Bytes();
    if (!in->ok() || !table.RestoreRow(key, value).ok()) return;
  }
  if (!table.FinishRestore().ok()) return;
  table.Rate(1, "u-1", ItemId(1), 3, 5);
  table.Rate(1, "u-1", ItemId(2), 4, 6);
  recommend::RatingTable again;
  for (const auto& [key, value] : RowsOf(&table)) KINDRED_CHECK(again.RestoreRow(key, value).ok());
  KINDRED_CHECK(again.FinishRestore().ok());
  KINDRED_CHECK(again.RatingsOf(1).size() == table.RatingsOf(1).size());
}

void FuzzExpression(absl::string_view text) {
  static const auto* const shared = new SharedState(SharedOptions());
  const auto compiled = ItemExpression::Compile(text, shared);
  if (compiled.ok()) compiled->Test(ItemId(1), 1'700'000'000'000);
}

void Try(absl::string_view input) {
  if (input.empty()) return;
  base::ByteReader in(input.substr(1));
  switch (input[0] & 3) {
    case 0:
      return FuzzTokens(input.substr(1));
    case 1:
      return FuzzAttribution(&in);
    case 2:
      return FuzzRatings(&in);
    default:
      return FuzzExpression(input.substr(1));
  }
}

}  // namespace
}  // namespace kindred::node

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kindred::node::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
