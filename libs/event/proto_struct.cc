#include "event/proto_struct.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "event/json_text.h"
#include "event/native_proto.h"
#include "event/wire_reader.h"
#include "google/protobuf/struct.pb.h"

namespace kindred::event {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

struct Entry {
  absl::string_view key;
  absl::string_view value;  // the bytes of a google.protobuf.Value
};

// A Value as far as it has been read: the last member of the oneof counts.
struct ParsedValue {
  uint32_t field = Value::kNullValueFieldNumber;
  double number = 0;
  bool truth = false;
  absl::string_view bytes;  // of text, a struct or a list
};

class StructReader {
 public:
  StructReader(DecodeContext& context, absl::string_view name) : context_(context), name_(name) {}

  // The next entry of the struct that `reader` reads; false at the end and on a failure, which
  // ok() tells apart.
  bool NextEntry(WireReader& reader, Entry* entry) {
    while (reader.Next()) {
      if (reader.field() != Struct::kFieldsFieldNumber || reader.type() != WireType::kBytes) {
        reader.Skip();
        continue;
      }
      *entry = Entry();
      WireReader pair(reader.Bytes());
      while (pair.Next()) {
        if (pair.field() == 1 && pair.type() == WireType::kBytes) {
          if (!ReadProtoText(context_, name_, pair, &entry->key)) return false;
        } else if (pair.field() == 2 && pair.type() == WireType::kBytes) {
          entry->value = pair.Bytes();
        } else {
          pair.Skip();
        }
      }
      return pair.ok() || Malformed();
    }
    return reader.ok() ? false : Malformed();
  }
  bool ok() const { return context_.failure == DecodeFailure::kNone; }

  bool Parse(absl::string_view bytes, ParsedValue* out) {
    WireReader reader(bytes);
    while (reader.Next()) {
      const uint32_t field = reader.field();
      const WireType type = reader.type();
      if (field == Value::kNumberValueFieldNumber && type == WireType::kFixed64) {
        out->number = reader.Double();
      } else if (field == Value::kBoolValueFieldNumber && type == WireType::kVarint) {
        out->truth = reader.Varint() != 0;
      } else if (field == Value::kStringValueFieldNumber && type == WireType::kBytes) {
        if (!ReadProtoText(context_, name_, reader, &out->bytes)) return false;
      } else if ((field == Value::kStructValueFieldNumber ||
                  field == Value::kListValueFieldNumber) &&
                 type == WireType::kBytes) {
        out->bytes = reader.Bytes();
      } else {
        reader.Skip();
        if (field != Value::kNullValueFieldNumber) continue;
      }
      out->field = field;
    }
    return reader.ok() || Malformed();
  }

  bool AppendValue(const ParsedValue& value, int depth, std::string* out) {
    if (depth > context_.max_depth) {
      return context_.Fail(DecodeFailure::kTooDeep, absl::StrCat(name_, ": nested too deep"));
    }
    switch (value.field) {
      case Value::kNumberValueFieldNumber:
        AppendJsonNumber(value.number, out);
        return true;
      case Value::kBoolValueFieldNumber:
        out->append(value.truth ? "true" : "false");
        return true;
      case Value::kStringValueFieldNumber:
        AppendJsonString(value.bytes, out);
        return true;
      case Value::kStructValueFieldNumber:
        return AppendStruct(value.bytes, depth, out);
      case Value::kListValueFieldNumber:
        return AppendList(value.bytes, depth, out);
      default:
        out->append("null");
        return true;
    }
  }

 private:
  bool AppendStruct(absl::string_view bytes, int depth, std::string* out) {
    std::vector<Entry> entries;
    WireReader reader(bytes);
    for (Entry entry; NextEntry(reader, &entry);) entries.push_back(entry);
    if (!ok()) return false;
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.key < b.key; });
    out->push_back('{');
    bool first = true;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i + 1 < entries.size() && entries[i].key == entries[i + 1].key) continue;
      if (!first) out->push_back(',');
      first = false;
      AppendJsonString(entries[i].key, out);
      out->push_back(':');
      ParsedValue value;
      if (!Parse(entries[i].value, &value) || !AppendValue(value, depth + 1, out)) return false;
    }
    out->push_back('}');
    return true;
  }

  bool AppendList(absl::string_view bytes, int depth, std::string* out) {
    WireReader reader(bytes);
    out->push_back('[');
    bool first = true;
    while (reader.Next()) {
      if (reader.field() != ListValue::kValuesFieldNumber || reader.type() != WireType::kBytes) {
        reader.Skip();
        continue;
      }
      if (!first) out->push_back(',');
      first = false;
      ParsedValue value;
      if (!Parse(reader.Bytes(), &value) || !AppendValue(value, depth + 1, out)) return false;
    }
    out->push_back(']');
    return reader.ok() || Malformed();
  }

  bool Malformed() {
    return context_.Fail(DecodeFailure::kMalformed,
                         absl::StrCat(name_, ": truncated or not protobuf"));
  }

  DecodeContext& context_;
  absl::string_view name_;
};

}  // namespace

bool ReadProtoStruct(DecodeContext& context, absl::string_view name, absl::string_view bytes,
                     std::vector<JsonField>* out, absl::string_view* group_id) {
  StructReader reader(context, name);
  WireReader wire(bytes);
  for (Entry entry; reader.NextEntry(wire, &entry);) {
    ParsedValue value;
    if (!reader.Parse(entry.value, &value)) return false;
    const bool is_number = value.field == Value::kNumberValueFieldNumber;
    if (value.field == Value::kNullValueFieldNumber) continue;
    if (is_number && !std::isfinite(value.number)) continue;  // JSON has no such number
    if (group_id != nullptr && value.field == Value::kStringValueFieldNumber &&
        (entry.key == "group_id" || entry.key == "groupId")) {
      *group_id = value.bytes;
      continue;
    }
    context.scratch.clear();
    // The struct itself is the second level, as an object within an object is in JSON.
    if (!reader.AppendValue(value, 2, &context.scratch)) return false;
    out->push_back({entry.key, context.arena.Copy(context.scratch)});
  }
  return reader.ok();
}

}  // namespace kindred::event
