#include "clean/quality.h"

#include <bit>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "base/bytes.h"

namespace kindred::clean {
namespace {

using event::EventType;

constexpr uint8_t kVersion = 1;

uint32_t BitOf(MissingField field) { return 1u << static_cast<int>(field); }

// What a customer does, rather than what is told about them.
bool IsBehaviour(EventType type) {
  switch (type) {
    case EventType::kIdentify:
    case EventType::kAlias:
    case EventType::kDelete:
    case EventType::kConsent:
    case EventType::kGroup:
    case EventType::kLink:
    case EventType::kUnlink:
      return false;
    default:
      return true;
  }
}

template <size_t N>
void CountBits(uint32_t bits, std::array<uint64_t, N>* counts) {
  for (; bits != 0; bits &= bits - 1) ++(*counts)[static_cast<size_t>(std::countr_zero(bits))];
}

template <size_t N>
void AddTo(const std::array<uint64_t, N>& from, std::array<uint64_t, N>* to) {
  for (size_t i = 0; i < N; ++i) (*to)[i] += from[i];
}

template <size_t N>
uint64_t SumOf(const std::array<uint64_t, N>& counts) {
  uint64_t sum = 0;
  for (const uint64_t count : counts) sum += count;
  return sum;
}

template <size_t N>
void EncodeArray(const std::array<uint64_t, N>& counts, base::ByteWriter* out) {
  out->Varint(N);
  for (const uint64_t count : counts) out->Varint(count);
}

// An earlier version had fewer reasons, never more.
template <size_t N>
bool DecodeArray(base::ByteReader* in, std::array<uint64_t, N>* counts) {
  const size_t size = in->Count();
  if (size > N) return false;
  for (size_t i = 0; i < size; ++i) (*counts)[i] = in->Varint();
  return in->ok();
}

}  // namespace

absl::string_view MissingFieldName(MissingField field) {
  switch (field) {
    case MissingField::kCategory:
      return "category";
    case MissingField::kBrand:
      return "brand";
    case MissingField::kPrice:
      return "price";
    case MissingField::kOrderId:
      return "order_id";
    case MissingField::kQuery:
      return "query";
    case MissingField::kChannel:
      return "channel";
    case MissingField::kDevice:
      return "device";
    case MissingField::kCountry:
      return "country";
  }
  return "unknown";
}

uint32_t MissingFieldsOf(const CleanEvent& event) {
  uint32_t missing = 0;
  const auto want = [&missing](bool there, MissingField field) {
    if (!there) missing |= BitOf(field);
  };
  if (!event.item_id.empty()) {
    want(!event.category.empty(), MissingField::kCategory);
    want(!event.brand.empty(), MissingField::kBrand);
  }
  if (event.type == EventType::kPurchase || event.type == EventType::kRefund) {
    want(event.has_price, MissingField::kPrice);
    want(!event.order_id.empty(), MissingField::kOrderId);
  }
  if (event.type == EventType::kSearch) want(!event.query.empty(), MissingField::kQuery);
  if (IsBehaviour(event.type)) {
    want(!event.channel.empty(), MissingField::kChannel);
    want(!event.device.empty(), MissingField::kDevice);
    want(!event.country.empty(), MissingField::kCountry);
  }
  return missing;
}

uint32_t CalledForFieldsOf(const CleanEvent& event) {
  uint32_t fields = 0;
  if (!event.item_id.empty()) {
    fields |= BitOf(MissingField::kCategory) | BitOf(MissingField::kBrand);
  }
  if (event.type == EventType::kPurchase || event.type == EventType::kRefund) {
    fields |= BitOf(MissingField::kPrice) | BitOf(MissingField::kOrderId);
  }
  if (event.type == EventType::kSearch) fields |= BitOf(MissingField::kQuery);
  if (IsBehaviour(event.type)) {
    fields |= BitOf(MissingField::kChannel) | BitOf(MissingField::kDevice) |
              BitOf(MissingField::kCountry);
  }
  return fields;
}

void QualityCounts::CountAccepted(const CleanEvent& event) {
  ++read;
  ++accepted;
  ++accepted_by_type[static_cast<size_t>(event.type)];
  CountBits(event.corrections, &corrected);
  CountBits(event.flags, &flagged);
  CountBits(MissingFieldsOf(event), &missing);
}

void QualityCounts::CountDuplicate() {
  ++read;
  ++duplicates;
}

void QualityCounts::CountRejected(RejectReason reason) {
  ++read;
  ++rejected[static_cast<size_t>(reason)];
}

void QualityCounts::CountDecodeFailure(event::DecodeFailure failure) {
  ++read;
  ++decode_failures[static_cast<size_t>(failure)];
}

uint64_t QualityCounts::rejected_total() const { return SumOf(rejected) + SumOf(decode_failures); }

uint64_t QualityCounts::late() const {
  return flagged[static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(Flag::kLate)))];
}

QualityCounts& QualityCounts::operator+=(const QualityCounts& other) {
  read += other.read;
  accepted += other.accepted;
  duplicates += other.duplicates;
  stray_records += other.stray_records;
  skipped_offsets += other.skipped_offsets;
  AddTo(other.decode_failures, &decode_failures);
  AddTo(other.rejected, &rejected);
  AddTo(other.corrected, &corrected);
  AddTo(other.flagged, &flagged);
  AddTo(other.missing, &missing);
  AddTo(other.accepted_by_type, &accepted_by_type);
  return *this;
}

std::string QualityCounts::Encode() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  for (const uint64_t count : {read, accepted, duplicates, stray_records, skipped_offsets}) {
    writer.Varint(count);
  }
  EncodeArray(decode_failures, &writer);
  EncodeArray(rejected, &writer);
  EncodeArray(corrected, &writer);
  EncodeArray(flagged, &writer);
  EncodeArray(missing, &writer);
  EncodeArray(accepted_by_type, &writer);
  return out;
}

absl::StatusOr<QualityCounts> QualityCounts::Decode(absl::string_view bytes) {
  base::ByteReader reader(bytes);
  QualityCounts counts;
  bool valid = reader.U8() == kVersion;
  for (uint64_t* count : {&counts.read, &counts.accepted, &counts.duplicates, &counts.stray_records,
                          &counts.skipped_offsets}) {
    *count = reader.Varint();
  }
  valid = valid && DecodeArray(&reader, &counts.decode_failures) &&
          DecodeArray(&reader, &counts.rejected) && DecodeArray(&reader, &counts.corrected) &&
          DecodeArray(&reader, &counts.flagged) && DecodeArray(&reader, &counts.missing) &&
          DecodeArray(&reader, &counts.accepted_by_type);
  if (!valid || !reader.Done()) return absl::DataLossError("stored quality counts: malformed");
  return counts;
}

}  // namespace kindred::clean
