// Any bytes through the decoder of catalogue records. What is decoded must be within the limits and
// come back the same from its JSON.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "event/encode.h"
#include "event/item_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kindred::event;
  static const ItemDecoderOptions options;
  static ItemDecoder* const decoder = new ItemDecoder(options);
  const std::string value(reinterpret_cast<const char*>(data), size);
  Item item;
  const DecodeResult result = decoder->Decode({.key = "k", .value = value}, &item);
  KINDRED_CHECK(result.ok() == result.detail.empty()) << result.detail;
  if (!result.ok()) return 0;
  KINDRED_CHECK(!item.item_id.empty() && item.item_id.size() <= 256);
  KINDRED_CHECK(item.attributes.size() <= options.max_attributes);
  KINDRED_CHECK(item.embedding.size() <= options.max_embedding);
  const std::string json = EncodeItemJson(item);
  static ItemDecoder* const again =
      new ItemDecoder(ItemDecoderOptions{.max_record_bytes = 64 << 20});
  Item decoded;
  const DecodeResult second = again->Decode({.value = json}, &decoded);
  KINDRED_CHECK(second.ok()) << second.detail << " " << json;
  KINDRED_CHECK(EncodeItemJson(decoded) == json) << json;
  return 0;
}
