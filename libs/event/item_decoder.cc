#include "event/item_decoder.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "event/decode_context.h"
#include "event/json_parser.h"
#include "event/json_value.h"
#include "event/key_table.h"
#include "event/native_proto.h"
#include "event/utf8.h"
#include "event/wire_format.h"
#include "event/wire_reader.h"
#include "kindred/event/v1/item.pb.h"

namespace kindred::event {
namespace {

using Proto = kindred::event::v1::Item;

constexpr size_t kMaxItemIdBytes = 256;

enum class Key : uint8_t {
  kItemId,
  kTitle,
  kCategory,
  kBrand,
  kPrice,
  kCurrency,
  kAvailable,
  kHidden,
  kAttributes,
  kEmbedding,
  kCreatedTime,
};

const KeyTable<Key>& Keys() {
  static const auto* const keys = new KeyTable<Key>({
      {"item_id", Key::kItemId},
      {"itemId", Key::kItemId},
      {"title", Key::kTitle},
      {"category", Key::kCategory},
      {"brand", Key::kBrand},
      {"price", Key::kPrice},
      {"currency", Key::kCurrency},
      {"available", Key::kAvailable},
      {"hidden", Key::kHidden},
      {"attributes", Key::kAttributes},
      {"embedding", Key::kEmbedding},
      {"created_time", Key::kCreatedTime},
      {"createdTime", Key::kCreatedTime},
  });
  return *keys;
}

// The text field of a key or field number; null for the others.
std::string* TextOf(Key key, Item* item) {
  switch (key) {
    case Key::kItemId:
      return &item->item_id;
    case Key::kTitle:
      return &item->title;
    case Key::kCategory:
      return &item->category;
    case Key::kBrand:
      return &item->brand;
    case Key::kCurrency:
      return &item->currency;
    default:
      return nullptr;
  }
}

struct TextField {
  absl::string_view name;
  std::string* out = nullptr;
};

TextField TextFieldOf(uint32_t field, Item* item) {
  switch (field) {
    case Proto::kItemIdFieldNumber:
      return {"item_id", &item->item_id};
    case Proto::kTitleFieldNumber:
      return {"title", &item->title};
    case Proto::kCategoryFieldNumber:
      return {"category", &item->category};
    case Proto::kBrandFieldNumber:
      return {"brand", &item->brand};
    case Proto::kCurrencyFieldNumber:
      return {"currency", &item->currency};
    default:
      return {};
  }
}

}  // namespace

class ItemDecoder::Impl {
 public:
  explicit Impl(const ItemDecoderOptions& options) : options_(options), parser_(options.max_depth) {
    context_.max_depth = options.max_depth;
  }

  DecodeResult Decode(const EncodedRecord& record, Item* item) {
    context_.arena.Reset();
    context_.failure = DecodeFailure::kNone;
    context_.detail.clear();
    *item = Item();
    DecodeResult result;
    if (!DecodeRecord(record, item, &result.format) || !Check(record, item)) {
      result.failure = context_.failure;
      result.detail = std::move(context_.detail);
    }
    return result;
  }

 private:
  bool DecodeRecord(const EncodedRecord& record, Item* item, Format* format) {
    if (record.value.empty()) return context_.Fail(DecodeFailure::kEmpty, "no bytes");
    if (record.value.size() > options_.max_record_bytes) {
      return context_.Fail(
          DecodeFailure::kTooLarge,
          absl::StrCat(record.value.size(), " bytes, at most ", options_.max_record_bytes));
    }
    const RecordHeaders headers = ReadHeaders(record.headers);
    if (headers.content == ContentType::kUnsupported ||
        headers.content == ContentType::kCloudEventsJson) {
      return context_.Fail(DecodeFailure::kUnsupportedFormat,
                           absl::StrCat("content-type ", headers.content_type.substr(0, 100)));
    }
    const Payload payload = FindPayload(record.value, headers.content);
    *format = payload.is_json ? Format::kJson : Format::kProtobuf;
    if (payload.bytes.empty()) return context_.Fail(DecodeFailure::kEmpty, "no bytes");
    if (!payload.is_json) return DecodeProto(payload.bytes, item);
    dom::object object;
    return parser_.Parse(context_, payload.bytes, &object) && DecodeJson(object, item);
  }

  // What both encodings must hold.
  bool Check(const EncodedRecord& record, Item* item) {
    if (item->item_id.empty()) {
      if (!IsUtf8(record.key)) {
        return context_.Fail(DecodeFailure::kInvalidUtf8, "the key: not UTF-8");
      }
      item->item_id = std::string(record.key);
    }
    if (item->item_id.empty()) {
      return context_.Fail(DecodeFailure::kMalformed, "an item without item_id and key");
    }
    if (item->item_id.size() > kMaxItemIdBytes) {
      return context_.Fail(
          DecodeFailure::kTooLarge,
          absl::StrCat("item_id: ", item->item_id.size(), " bytes, at most ", kMaxItemIdBytes));
    }
    if (item->price && !(std::isfinite(*item->price) && *item->price >= 0)) {
      return context_.FailType("price", "a number of 0 or more", "less or none");
    }
    for (const float number : item->embedding) {
      if (!std::isfinite(number)) {
        return context_.FailType("embedding", "numbers that fit a float", "another");
      }
    }
    if (item->attributes.size() > options_.max_attributes) {
      return TooMany("attributes", item->attributes.size(), options_.max_attributes);
    }
    if (item->embedding.size() > options_.max_embedding) {
      return TooMany("embedding", item->embedding.size(), options_.max_embedding);
    }
    return true;
  }

  bool TooMany(absl::string_view name, size_t count, size_t limit) {
    return context_.Fail(DecodeFailure::kTooLarge,
                         absl::StrCat(name, ": ", count, ", at most ", limit));
  }

  bool DecodeJson(dom::object object, Item* item) {
    for (const dom::key_value_pair field : object) {
      const absl::string_view name = ToView(field.key);
      const Key* key = Keys().Find(name);
      if (key == nullptr) {
        AddAttribute(name, field.value, item);
      } else if (!ReadKey(*key, name, field.value, item)) {
        return false;
      }
    }
    return true;
  }

  bool ReadKey(Key key, absl::string_view name, dom::element value, Item* item) {
    if (std::string* text = TextOf(key, item)) {
      absl::string_view view;
      const bool ok = key == Key::kItemId ? ReadId(context_, name, value, &view)
                                          : ReadText(context_, name, value, &view);
      *text = std::string(view);
      return ok;
    }
    switch (key) {
      case Key::kPrice:
        return ReadNumber(context_, name, value, &item->price);
      case Key::kAvailable:
        return ReadFlag(name, value, &item->available);
      case Key::kHidden:
        return ReadFlag(name, value, &item->hidden);
      case Key::kAttributes:
        return ReadAttributes(name, value, item);
      case Key::kEmbedding:
        return ReadEmbedding(name, value, item);
      default:
        return ReadTime(context_, name, value, &item->created_time_ms);
    }
  }

  bool ReadFlag(absl::string_view name, dom::element value, bool* out) {
    std::optional<bool> flag;
    if (!ReadBool(context_, name, value, &flag)) return false;
    *out = flag.value_or(*out);
    return true;
  }

  bool ReadAttributes(absl::string_view name, dom::element value, Item* item) {
    std::optional<dom::object> attributes;
    if (!ReadObject(context_, name, value, &attributes)) return false;
    if (!attributes) return true;
    for (const dom::key_value_pair field : *attributes) {
      AddAttribute(ToView(field.key), field.value, item);
    }
    return true;
  }

  void AddAttribute(absl::string_view name, dom::element value, Item* item) {
    if (value.is_null() || value.is_object() || value.is_array()) return;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
      context_.scratch.clear();
      AppendJson(value, &context_.scratch);
      text = context_.scratch;
    }
    item->attributes.emplace_back(name, text);
  }

  bool ReadEmbedding(absl::string_view name, dom::element value, Item* item) {
    if (value.is_null()) return true;
    dom::array numbers;
    if (value.get(numbers) != simdjson::SUCCESS) {
      return context_.FailType(name, "an array of numbers", JsonKind(value));
    }
    item->embedding.clear();
    for (const dom::element element : numbers) {
      double number = 0;
      if (element.get(number) != simdjson::SUCCESS) {
        return context_.FailType(name, "an array of numbers", JsonKind(element));
      }
      item->embedding.push_back(static_cast<float>(number));
    }
    return true;
  }

  bool DecodeProto(absl::string_view bytes, Item* item) {
    WireReader reader(bytes);
    bool known = false;
    while (reader.Next()) {
      known |= reader.field() <= Proto::kCreatedTimeFieldNumber;
      if (reader.type() == WireType::kBytes) {
        if (!ReadProtoBytes(reader, item)) return false;
      } else {
        ReadProtoNumber(reader, item);
      }
    }
    if (!reader.ok()) {
      return context_.Fail(DecodeFailure::kMalformed, "truncated, or neither JSON nor protobuf");
    }
    return known || context_.Fail(DecodeFailure::kMalformed, "protobuf without a field of Item");
  }

  bool ReadProtoBytes(WireReader& reader, Item* item) {
    const TextField text = TextFieldOf(reader.field(), item);
    if (text.out != nullptr) {
      absl::string_view view;
      if (!ReadProtoText(context_, text.name, reader, &view)) return false;
      *text.out = std::string(view);
      return true;
    }
    const uint32_t field = reader.field();
    const absl::string_view bytes = reader.Bytes();
    if (field == Proto::kAttributesFieldNumber) return ReadProtoAttribute(bytes, item);
    if (field == Proto::kEmbeddingFieldNumber) {  // packed
      if (bytes.size() % sizeof(float) != 0) reader.Fail();
      WireReader floats(bytes);
      for (size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
        item->embedding.push_back(floats.Float());
      }
    } else if (field == Proto::kCreatedTimeFieldNumber) {
      int64_t time_ms = 0;
      if (!ReadProtoTime(context_, "created_time", bytes, &time_ms)) return false;
      item->created_time_ms = time_ms;
    }
    return true;
  }

  void ReadProtoNumber(WireReader& reader, Item* item) {
    const uint32_t field = reader.field();
    const WireType type = reader.type();
    if (field == Proto::kPriceFieldNumber && type == WireType::kFixed64) {
      item->price = reader.Double();
    } else if (field == Proto::kAvailableFieldNumber && type == WireType::kVarint) {
      item->available = reader.Varint() != 0;
    } else if (field == Proto::kHiddenFieldNumber && type == WireType::kVarint) {
      item->hidden = reader.Varint() != 0;
    } else if (field == Proto::kEmbeddingFieldNumber && type == WireType::kFixed32) {
      item->embedding.push_back(reader.Float());
    } else {
      reader.Skip();
    }
  }

  // A map's entry: key = 1, value = 2.
  bool ReadProtoAttribute(absl::string_view bytes, Item* item) {
    absl::string_view name;
    absl::string_view value;
    WireReader entry(bytes);
    while (entry.Next()) {
      if ((entry.field() != 1 && entry.field() != 2) || entry.type() != WireType::kBytes) {
        entry.Skip();
      } else if (!ReadProtoText(context_, "attributes", entry,
                                entry.field() == 1 ? &name : &value)) {
        return false;
      }
    }
    item->attributes.emplace_back(name, value);
    return entry.ok() ||
           context_.Fail(DecodeFailure::kMalformed, "attributes: truncated or not protobuf");
  }

  const ItemDecoderOptions options_;
  JsonParser parser_;
  DecodeContext context_;
};

ItemDecoder::ItemDecoder(const ItemDecoderOptions& options)
    : impl_(std::make_unique<Impl>(options)) {}
ItemDecoder::~ItemDecoder() = default;
ItemDecoder::ItemDecoder(ItemDecoder&&) noexcept = default;
ItemDecoder& ItemDecoder::operator=(ItemDecoder&&) noexcept = default;

DecodeResult ItemDecoder::Decode(const EncodedRecord& record, Item* item) {
  return impl_->Decode(record, item);
}

}  // namespace kindred::event
