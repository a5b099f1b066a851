#include "node/progress_watch.h"

#include "absl/strings/str_cat.h"

namespace kindred::node {

absl::Status ProgressWatch::Check(absl::Time now, absl::Span<const Part> parts) {
  absl::Status status;
  seen_.resize(parts.size(), {0, now});
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    Seen& seen = seen_[i];
    if (part.idle || part.progress != seen.progress) seen = {part.progress, now};
    if (now - seen.moved < limit_ || !status.ok()) continue;
    status = absl::UnavailableError(
        absl::StrCat(part.name, " has work and made no progress for ",
                     static_cast<int64_t>(absl::ToDoubleSeconds(now - seen.moved)), " s"));
  }
  return status;
}

}  // namespace kindred::node
