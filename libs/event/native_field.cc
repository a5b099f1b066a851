#include "event/native_field.h"

#include "base/check.h"

namespace kindred::event {
namespace {

NativeField Of(FieldKind kind) {
  NativeField field;
  field.kind = kind;
  return field;
}
NativeField Text(absl::string_view Event::*member) {
  NativeField field = Of(FieldKind::kText);
  field.text = member;
  return field;
}
NativeField Id(absl::string_view Event::*member) {
  NativeField field = Of(FieldKind::kId);
  field.text = member;
  return field;
}
NativeField Number(std::optional<double> Event::*member) {
  NativeField field = Of(FieldKind::kNumber);
  field.number = member;
  return field;
}
NativeField OnlyNative(const NativeField& plain) {
  NativeField field = plain;
  field.only_native = true;
  return field;
}
NativeField InGeo(const NativeField& plain) {
  NativeField field = plain;
  field.in_geo = true;
  return field;
}

}  // namespace

NativeFieldTable::NativeFieldTable(
    std::initializer_list<std::pair<absl::string_view, NativeField>> fields) {
  uint8_t next = kFirstIndex;
  for (const auto& [name, field] : fields) {
    KINDRED_CHECK(next < kMaxFields) << "too many fields";
    fields_[next] = field;
    fields_[next].index = next;
    fields_[next].quoted = QuotedName(name);
    by_name_.Add(name, next++);
  }
}

const NativeFieldTable& NativeFields() {
  static const auto* const fields = new NativeFieldTable({
      {"event_id", OnlyNative(Id(&Event::event_id))},
      {"eventId", OnlyNative(Id(&Event::event_id))},
      {"user_id", OnlyNative(Id(&Event::user_id))},
      {"userId", Id(&Event::user_id)},
      {"anonymous_id", OnlyNative(Id(&Event::anonymous_id))},
      {"anonymousId", Id(&Event::anonymous_id)},
      {"type", Of(FieldKind::kType)},
      {"custom_type", Of(FieldKind::kCustomType)},
      {"customType", Of(FieldKind::kCustomType)},
      {"event_time", OnlyNative(Of(FieldKind::kTime))},
      {"eventTime", OnlyNative(Of(FieldKind::kTime))},
      {"item_id", Id(&Event::item_id)},
      {"itemId", Id(&Event::item_id)},
      {"quantity", Number(&Event::quantity)},
      {"price", Number(&Event::price)},
      {"amount", Number(&Event::amount)},
      {"currency", Text(&Event::currency)},
      {"order_id", Id(&Event::order_id)},
      {"orderId", Id(&Event::order_id)},
      {"rating", Number(&Event::rating)},
      {"category", Text(&Event::category)},
      {"brand", Text(&Event::brand)},
      {"title", Text(&Event::title)},
      {"query", Text(&Event::query)},
      {"channel", Text(&Event::channel)},
      {"device", Text(&Event::device)},
      {"geo", Of(FieldKind::kGeo)},
      {"country", InGeo(Text(&Event::country))},
      {"region", InGeo(Text(&Event::region))},
      {"city", InGeo(Text(&Event::city))},
      {"session_id", Id(&Event::session_id)},
      {"sessionId", Id(&Event::session_id)},
      {"traits", Of(FieldKind::kTraits)},
      {"consent", Of(FieldKind::kConsent)},
      {"previous_id", Id(&Event::previous_id)},
      {"previousId", Id(&Event::previous_id)},
      {"group_id", Id(&Event::group_id)},
      {"groupId", Id(&Event::group_id)},
      {"properties", Of(FieldKind::kProperties)},
      {"device_id", Id(&Event::device_id)},
      {"deviceId", Id(&Event::device_id)},
      {"email_sha256", Id(&Event::email_sha256)},
      {"emailSha256", Id(&Event::email_sha256)},
      {"external_id", Id(&Event::external_id)},
      {"externalId", Id(&Event::external_id)},
      // Google Analytics and Google Retail.
      {"user_pseudo_id", Id(&Event::anonymous_id)},
      {"visitor_id", Id(&Event::anonymous_id)},
      {"visitorId", Id(&Event::anonymous_id)},
      {"user_info", Of(FieldKind::kUserInfo)},
      {"userInfo", Of(FieldKind::kUserInfo)},
      {"specversion", Of(FieldKind::kSpecVersion)},
  });
  return *fields;
}

bool IsSegmentType(absl::string_view type) {
  switch (type.size()) {
    case 4:
      return type == "page";
    case 5:
      return type == "track" || type == "group" || type == "alias";
    case 6:
      return type == "screen";
    case 8:
      return type == "identify";
    default:
      return false;
  }
}

}  // namespace kindred::event
