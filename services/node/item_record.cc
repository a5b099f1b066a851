#include "node/item_record.h"

#include <cmath>

#include "base/bytes.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 2;

}  // namespace

std::string EncodeItemRecord(ItemId item, const recommend::ItemIndex& index,
                             const base::Dictionary& terms) {
  const recommend::ItemAttributes attributes = index.Attributes(item);
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Bytes(attributes.title);
  writer.Signed(index.TitleTime(item));
  writer.Bytes(terms.Name(attributes.category.value()));
  writer.Bytes(terms.Name(attributes.brand.value()));
  writer.F32(attributes.price);
  return out;
}

absl::Status RestoreItemRecord(ItemId item, absl::string_view bytes, base::Dictionary* terms,
                               recommend::ItemIndex* index) {
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return absl::DataLossError("item record of an unknown version");
  const absl::string_view title = in.Bytes();
  const int64_t title_ms = in.Signed();
  const absl::string_view category = in.Bytes();
  const absl::string_view brand = in.Bytes();
  const float price = in.F32();
  if (!in.Done() || item.value() == 0) return absl::DataLossError("item record is damaged");
  index->SetAttributesFromEvent(item, TermId(terms->Intern(category)), TermId(terms->Intern(brand)),
                                std::isfinite(price) ? price : 0);
  index->SetTitleFromEvent(item, title, title_ms);
  return absl::OkStatus();
}

}  // namespace kindred::node
