// Bytes → items: a record of the catalogue topic as kindred.event.v1.Item in protobuf, or as a JSON
// object of the same names (snake_case or camelCase), also behind the Confluent prefix.
#ifndef KINDRED_EVENT_ITEM_DECODER_H_
#define KINDRED_EVENT_ITEM_DECODER_H_

#include <cstddef>
#include <memory>

#include "event/decoder.h"
#include "event/item.h"

namespace kindred::event {

struct ItemDecoderOptions {
  size_t max_record_bytes = 1 << 20;
  int max_depth = 64;
  size_t max_attributes = 256;
  size_t max_embedding = 4096;
};

// In JSON, keys that are not fields of Item and whose value is text, a number or a boolean become
// attributes; nested ones are ignored. The id is the record's item_id, else its key.
// Threads: one at a time.
class ItemDecoder {
 public:
  explicit ItemDecoder(const ItemDecoderOptions& options = {});
  ~ItemDecoder();
  ItemDecoder(ItemDecoder&&) noexcept;
  ItemDecoder& operator=(ItemDecoder&&) noexcept;

  // On failure `item` is unspecified. A record without a value removes an item: that is the
  // caller's to see, here it is kEmpty. Beyond the failures of Decoder: kWrongType for a number
  // that is out of its range, kTooLarge for too many attributes or numbers of an embedding and for
  // an id of more than 256 bytes, kMalformed for a record without an id.
  DecodeResult Decode(const EncodedRecord& record, Item* item);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_ITEM_DECODER_H_
