// What the writer and the reader of profile records share.
#ifndef KINDRED_PROFILE_RECORD_PARTS_H_
#define KINDRED_PROFILE_RECORD_PARTS_H_

#include <cstdint>

namespace kindred::profile {

enum RecordPart : uint8_t {
  kPurchasesPart = 1,
  kGeographyPart = 2,
  kRaritiesPart = 4,
  kCalendarHighPart = 8,
  kFoldedPart = 16,
  kQualityPart = 32,
  kRatePart = 64,
  kDaysPart = 128,
};

// What follows the rarities that every record with rarities has.
enum RareRest : uint8_t {
  kDroppedSums = 1,
  kDislikes = 2,
};

inline constexpr int64_t kDayMs = 86'400'000;

// By the two low bits of a "micros" number.
inline constexpr int64_t kMicrosOfScale[] = {1'000'000, 10'000, 1};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_RECORD_PARTS_H_
