// Counts of what became of events. Part of each partition's checkpoint, so they survive a restart
// exactly; they add.
#ifndef KINDRED_CLEAN_QUALITY_H_
#define KINDRED_CLEAN_QUALITY_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clean/clean_event.h"
#include "event/decoder.h"
#include "event/event_type.h"

namespace kindred::clean {

// What an accepted event lacks although its type calls for it, after the catalogue was asked.
enum class MissingField : uint8_t {
  kCategory,  // events with an item
  kBrand,     // events with an item
  kPrice,     // purchases and refunds
  kOrderId,   // purchases and refunds
  kQuery,     // searches
  kChannel,   // what customers do (not identify, alias, delete, consent, group)
  kDevice,    // the same
  kCountry,   // the same
};
inline constexpr int kMissingFields = 8;
inline constexpr int kDecodeFailures = 9;  // event::DecodeFailure

absl::string_view MissingFieldName(MissingField field);
// Bits 1 << MissingField: what the event lacks, and what its type calls for.
uint32_t MissingFieldsOf(const CleanEvent& event);
uint32_t CalledForFieldsOf(const CleanEvent& event);

// read = accepted + duplicates + decode failures + rejected. A record that cannot be decoded counts
// as one event.
struct QualityCounts {
  uint64_t read = 0;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t stray_records = 0;                               // key of another partition
  uint64_t skipped_offsets = 0;                             // the log left them out
  std::array<uint64_t, kDecodeFailures> decode_failures{};  // [DecodeFailure]
  std::array<uint64_t, kRejectReasons> rejected{};          // [RejectReason]
  std::array<uint64_t, kCorrections> corrected{};           // [bit of Correction], accepted events
  std::array<uint64_t, kFlags> flagged{};                   // [bit of Flag], accepted events
  std::array<uint64_t, kMissingFields> missing{};           // [MissingField], accepted events
  std::array<uint64_t, event::kEventTypes> accepted_by_type{};

  // Each also counts the event as read.
  void CountAccepted(const CleanEvent& event);
  void CountDuplicate();
  void CountRejected(RejectReason reason);
  void CountDecodeFailure(event::DecodeFailure failure);

  // Of all reasons, decode failures included.
  uint64_t rejected_total() const;
  uint64_t late() const;
  QualityCounts& operator+=(const QualityCounts& other);
  friend bool operator==(const QualityCounts&, const QualityCounts&) = default;

  std::string Encode() const;
  // DataLoss if the bytes are not what Encode() gave, by this version or an earlier one.
  static absl::StatusOr<QualityCounts> Decode(absl::string_view bytes);
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_QUALITY_H_
