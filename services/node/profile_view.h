// A profile as it is answered: names instead of numbers, decayed weights and features as of a
// moment, and the segment of the current model.
#ifndef KINDRED_NODE_PROFILE_VIEW_H_
#define KINDRED_NODE_PROFILE_VIEW_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "kindred/v1/profile.pb.h"
#include "node/learner.h"
#include "node/shared_state.h"
#include "node/wire_buffer.h"
#include "profile/predictor.h"
#include "profile/profile.h"

namespace kindred::node {

// Adds the fields of a kindred.v1.Profile. `segments` and `predictor` may be null. Freshness,
// identity and tags are the caller's to add.
void WriteProfile(absl::string_view customer_id, const profile::Profile& profile,
                  const SharedState& shared, const PublishedSegments* segments,
                  const profile::Predictor* predictor, int64_t as_of_ms, WireBuffer* out);

// Keeps only the fields of the mask; an absent or empty mask keeps all. InvalidArgument with field
// violations for paths that Profile does not have.
absl::Status CheckMask(const google::protobuf::FieldMask& mask);
void ApplyMask(const google::protobuf::FieldMask& mask, v1::Profile* profile);

void SetTime(int64_t ms, google::protobuf::Timestamp* out);
void WriteTime(int field, int64_t ms, WireBuffer* out);

}  // namespace kindred::node

#endif  // KINDRED_NODE_PROFILE_VIEW_H_
