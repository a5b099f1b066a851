// Whatever bytes decode to a profile must be a valid one: it writes back to the same bytes,
// answers, takes events, merges, and is still a profile.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "profile/features.h"
#include "profile/profile.h"
#include "profile/profile_record.h"
#include "profile/test_events.h"

namespace {

using kindred::profile::IdKind;
using kindred::profile::kMaxLinks;
using kindred::profile::LinkCause;
using kindred::profile::MakeLink;
using kindred::profile::MakeUnlink;
using kindred::profile::Profile;
using kindred::profile::TestApplier;
using kindred::profile::TestEvent;

std::string RecordOf(const Profile& profile) {
  std::string record;
  profile.Encode(&record);
  return record;
}

void Use(TestApplier& applier, Profile& profile) {
  const int64_t time_ms = kindred::profile::kTestStartMs;
  for (const double value : kindred::profile::Features(profile, time_ms)) {
    KINDRED_CHECK(std::isfinite(value));
  }
  for (const auto& affinity : profile.CategoryAffinities(applier.decay(), time_ms, 10)) {
    KINDRED_CHECK(affinity.share >= 0 && affinity.share <= 1) << affinity.share;
  }
  KINDRED_CHECK(profile.memory_bytes() < 200'000);
  Profile merged = profile.Clone();
  merged.Merge(profile);
  TestEvent event;
  event.type = kindred::event::EventType::kPurchase;
  event.category = "tea";
  event.brand = "acme";
  event.channel = "web";
  event.country = "DE";
  event.price = 9.95;
  applier.Apply(event, &merged);
  event.type = kindred::event::EventType::kIdentify;
  event.traits = {{"plan", "1"}};
  event.anonymous_id = "phone";
  applier.Apply(event, &merged);
  merged.AddLink(
      MakeLink("phone", IdKind::kUser, IdKind::kDevice, LinkCause::kAlias, time_ms, "e"));
  merged.AddLink(MakeUnlink("phone", time_ms, "u"));
  KINDRED_CHECK(merged.links().size() <= kMaxLinks);
  KINDRED_CHECK(Profile::Decode(RecordOf(merged)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static TestApplier* const applier = new TestApplier;
  const absl::string_view record(reinterpret_cast<const char*>(data), size);
  auto profile = Profile::Decode(record);
  if (!profile.ok()) return 0;
  // An older version is written as the newest one.
  if (record[0] == kindred::profile::kProfileRecordVersion) {
    KINDRED_CHECK(RecordOf(*profile) == record);
  }
  KINDRED_CHECK(*Profile::Decode(RecordOf(*profile)) == *profile);
  Use(*applier, *profile);
  return 0;
}
