#include "event/native_field.h"

namespace kindred::event {
namespace {

NativeField Text(absl::string_view Event::*member) { return {FieldKind::kText, member, nullptr}; }
NativeField Id(absl::string_view Event::*member) { return {FieldKind::kId, member, nullptr}; }
NativeField OnlyNative(NativeField field) {
  field.only_native = true;
  return field;
}
NativeField Number(std::optional<double> Event::*member) {
  return {FieldKind::kNumber, nullptr, member};
}

}  // namespace

const KeyTable<NativeField>& NativeFields() {
  static const auto* const fields = new KeyTable<NativeField>({
      {"event_id", OnlyNative(Id(&Event::event_id))},
      {"eventId", OnlyNative(Id(&Event::event_id))},
      {"user_id", OnlyNative(Id(&Event::user_id))},
      {"userId", Id(&Event::user_id)},
      {"anonymous_id", OnlyNative(Id(&Event::anonymous_id))},
      {"anonymousId", Id(&Event::anonymous_id)},
      {"type", {FieldKind::kType}},
      {"custom_type", {FieldKind::kCustomType}},
      {"customType", {FieldKind::kCustomType}},
      {"event_time", OnlyNative({FieldKind::kTime})},
      {"eventTime", OnlyNative({FieldKind::kTime})},
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
      {"geo", {FieldKind::kGeo}},
      {"country", Text(&Event::country)},
      {"region", Text(&Event::region)},
      {"city", Text(&Event::city)},
      {"session_id", Id(&Event::session_id)},
      {"sessionId", Id(&Event::session_id)},
      {"traits", {FieldKind::kTraits}},
      {"consent", {FieldKind::kConsent}},
      {"previous_id", Id(&Event::previous_id)},
      {"previousId", Id(&Event::previous_id)},
      {"group_id", Id(&Event::group_id)},
      {"groupId", Id(&Event::group_id)},
      {"properties", {FieldKind::kProperties}},
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
      {"user_info", {FieldKind::kUserInfo}},
      {"userInfo", {FieldKind::kUserInfo}},
      {"specversion", {FieldKind::kSpecVersion}},
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
