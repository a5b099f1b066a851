// The bytes of a profile, version 2. Numbers are varints (base/bytes.h) unless a size is given;
// times are differences, so that they are short; lists are newest first where they have times.
//
//   record     = version:u8 [state]                             no state: the empty profile
//              | (version | 128):u8 n n*link [state]            a customer with links
//   link       = other:bytes own_kinds:u8 other_kinds:u8 causes:u8 first
//                [if first is not 0: first_cause:u8 first_event:bytes zigzag(last - first)]
//                unlinked [if unlinked is not 0: unlinked_event:bytes]
//   state      = parts:u8 first_seen (last_seen - first_seen) types calendar [calendar_high]
//   sessions
//                [folded] recent [days] terms(channels) terms(devices) sums(categories)
//                sums(brands) [quality] [rate] [purchases] [geography] [rarities]
//   parts      = bits: 1 purchases, 2 geography, 4 rarities, 8 calendar_high, 16 folded sessions,
//                32 quality, 64 rate, 128 days
//   types      = n n*(type:u8 count)
//   calendar   = mask:u32 then count:u8 for each bit of the mask (24 hours, 7 weekdays)
//   calendar_high = mask:u32 then a number for each bit
//   sessions   = n n*(gap to the next start, or to last_seen; duration; events)
//   folded     = sessions (last_seen - until)
//   recent     = n n*(time before the one before; item; type:u8; category; brand)
//   days       = n n*(days before the one before, the first before last_seen; type:u8; category;
//                count)
//   terms      = n n*(term count)
//   sums       = n n*(term, upper 48 bits of the double: u32 of the upper 32, then 2 bytes)
//   purchases  = lines refund_lines micros(total) micros(refunded) micros(quantity) times
//                [if there are times: (last_seen - newest) folded_times
//                 [if any folded: (oldest - until) (until - first)]] amounts items history
//   times      = n (n-1)*(time before the one before)
//   micros     = (zigzag of the value in units, hundredths or millionths) * 4 + 0, 1 or 2
//
// Version 1 has neither category nor brand in recent, and no days. It is read, and written again as
// version 2 when the customer changes.
//
// Not a contract for other programs; golden tests pin both. A change needs a new version and a
// decoder that reads the old ones.
#ifndef KINDRED_PROFILE_PROFILE_RECORD_H_
#define KINDRED_PROFILE_PROFILE_RECORD_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "profile/profile.h"

namespace kindred::profile {

inline constexpr uint8_t kProfileRecordVersion = 2;
inline constexpr uint8_t kOldestProfileRecordVersion = 1;
inline constexpr uint8_t kLinksFollow = 128;

// Behind Profile::Encode() and Profile::Decode(), which callers use.
class ProfileRecord {
 public:
  static void Write(const Profile& profile, uint8_t version, std::string* out);
  // False when the bytes are not the record of a valid profile.
  static bool Read(absl::string_view record, Profile* profile);

 private:
  static bool ReadLinks(base::ByteReader* in, Profile* profile);

  class Writer;
  class Reader;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PROFILE_RECORD_H_
