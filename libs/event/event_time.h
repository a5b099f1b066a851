// Times as producers write them.
#ifndef KINDRED_EVENT_EVENT_TIME_H_
#define KINDRED_EVENT_EVENT_TIME_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace kindred::event {

// RFC 3339 ("2026-11-22T10:00:00.250+01:00"; also a space instead of the T, lower-case t and z, no
// zone = UTC, no time = midnight UTC, "+0100"; a fraction is cut to milliseconds), or an integer
// number of milliseconds since 1970 UTC. Nothing for anything else. Years 0 to 9999.
std::optional<int64_t> ParseTime(absl::string_view text);

// "2026-11-22T10:00:00.250Z"; without the fraction when it is zero. Times outside the years 0 to
// 9999 are given as the nearest that is inside.
std::string FormatTime(int64_t time_ms);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_EVENT_TIME_H_
