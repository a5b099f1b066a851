#include "node/attribution_token.h"

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint64_t kMarkSeed = 0x6174747269627574;
constexpr uint64_t kCheckSeed = 0x6174747269636865;
constexpr size_t kItemBytes = 3;

uint32_t CheckOf(absl::string_view bytes) {
  return static_cast<uint32_t>(base::Fingerprint64(bytes, kCheckSeed));
}

}  // namespace

uint16_t AttributionMark(absl::string_view item_id) {
  return static_cast<uint16_t>(base::Fingerprint64(item_id, kMarkSeed));
}

uint8_t AttributionToken::SourceOf(absl::string_view item_id) const {
  const uint16_t mark = AttributionMark(item_id);
  for (const Item& item : items) {
    if (item.mark == mark) return item.source;
  }
  return 0;
}

std::string EncodeAttributionToken(const AttributionToken& token) {
  std::string bytes;
  base::ByteWriter out(&bytes);
  out.U8(kVersion);
  out.U64(token.customer_hash);
  out.Signed(token.time_ms);
  out.Bytes(token.variant);
  out.Bytes(token.placement);
  out.Varint(token.items.size());
  for (const AttributionToken::Item& item : token.items) {
    out.U8(static_cast<uint8_t>(item.mark));
    out.U8(static_cast<uint8_t>(item.mark >> 8));
    out.U8(item.source);
  }
  out.U32(CheckOf(bytes));
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<AttributionToken> DecodeAttributionToken(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError("not an attribution token of an answer");
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < sizeof(uint32_t)) return bad;
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return bad;
  AttributionToken token;
  token.customer_hash = in.U64();
  token.time_ms = in.Signed();
  token.variant = std::string(in.Bytes());
  token.placement = std::string(in.Bytes());
  const size_t size = in.Count(kItemBytes);
  if (size > AttributionToken::kMaxItems ||
      token.variant.size() > AttributionToken::kMaxLabelBytes ||
      token.placement.size() > AttributionToken::kMaxLabelBytes) {
    return bad;
  }
  token.items.reserve(size);
  for (size_t i = 0; i < size; ++i) {
    AttributionToken::Item item;
    const uint8_t low = in.U8();
    const uint8_t high = in.U8();
    item.mark = static_cast<uint16_t>(low | high << 8);
    item.source = in.U8();
    token.items.push_back(item);
  }
  const uint32_t check = in.U32();
  const absl::string_view checked =
      absl::string_view(bytes).substr(0, bytes.size() - sizeof(uint32_t));
  if (!in.Done() || check != CheckOf(checked)) return bad;
  return token;
}

}  // namespace kindred::node
