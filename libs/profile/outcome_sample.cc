#include "profile/outcome_sample.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"

namespace kindred::profile {
namespace {

constexpr uint8_t kFormat = 1;
constexpr absl::string_view kHeadKey = "sample/";
// A pause of a year or more is one step: who was silent for so long is not looked at.
constexpr int64_t kMostBoundaries = 52;
constexpr int64_t kMaxBoundary = (int64_t{1} << 47) / kGridMs;

std::string RowKey(uint64_t rank) {
  return absl::StrCat(OutcomeSample::kRowPrefix, absl::Hex(rank, absl::kZeroPad16));
}

void WriteSnapshot(const Snapshot& snapshot, base::ByteWriter* out) {
  out->Varint(static_cast<uint64_t>(snapshot.boundary));
  for (float value : snapshot.inputs) out->F32(value);
  out->Varint(snapshot.categories.size());
  for (const Snapshot::Category& category : snapshot.categories) {
    out->Varint(category.input.term.value());
    for (float value : category.input.values) out->F32(value);
    out->Varint(static_cast<uint64_t>(category.bought_ms));
  }
  out->Varint(static_cast<uint64_t>(snapshot.bought_ms));
  out->Varint(static_cast<uint64_t>(snapshot.bought_micros));
}

// False: not sound.
bool ReadSnapshot(base::ByteReader* in, Snapshot* snapshot) {
  const uint64_t boundary = in->Varint();
  bool sound = boundary <= static_cast<uint64_t>(kMaxBoundary);
  snapshot->boundary = static_cast<int64_t>(boundary);
  const auto read_floats = [&](auto& values) {
    for (float& value : values) {
      value = in->F32();
      sound = sound && std::isfinite(value);
    }
  };
  const auto read_positive = [&] {
    const uint64_t value = in->Varint();
    sound = sound && value <= static_cast<uint64_t>(INT64_MAX);
    return static_cast<int64_t>(value);
  };
  read_floats(snapshot->inputs);
  const size_t categories = in->Count(4 * kCategoryInputs);
  if (categories > kMaxCategoryInputs) return false;
  snapshot->categories.resize(categories);
  for (Snapshot::Category& category : snapshot->categories) {
    const uint64_t term = in->Varint();
    sound = sound && term <= UINT32_MAX;
    category.input.term = TermId(static_cast<uint32_t>(term));
    read_floats(category.input.values);
    category.bought_ms = read_positive();
  }
  snapshot->bought_ms = read_positive();
  snapshot->bought_micros = read_positive();
  return sound && in->ok();
}

}  // namespace

bool OutcomeSample::IsDue(uint64_t rank, int64_t first, int64_t last) const {
  if (last - first + 1 >= kGridPhases) return true;
  for (int64_t boundary = first; boundary <= last; ++boundary) {
    if (static_cast<int64_t>(rank % kGridPhases) == boundary % kGridPhases) return true;
  }
  return false;
}

void OutcomeSample::Due(int64_t event_ms,
                        absl::FunctionRef<void(absl::string_view id)> visit) const {
  if (next_boundary_ == 0 || event_ms < next_boundary_ms()) return;
  for (const auto& [rank, member] : members_) {
    if (IsDue(rank, next_boundary_, event_ms / kGridMs)) visit(member.id);
  }
}

void OutcomeSample::Advance(int64_t event_ms, const learn::ForwardDecay& decay,
                            absl::FunctionRef<const Profile*(absl::string_view id)> find) {
  const int64_t last = std::min(std::max<int64_t>(event_ms, 0) / kGridMs, kMaxBoundary - 1);
  if (last < next_boundary_) return;
  const int64_t first = std::max(next_boundary_, last - kMostBoundaries + 1);
  const bool begun = next_boundary_ != 0;
  next_boundary_ = last + 1;
  head_dirty_ = true;
  if (!begun) return;
  for (auto& [rank, member] : members_) {
    if (!IsDue(rank, first, last)) continue;
    const Profile* profile = find(member.id);
    if (profile == nullptr || profile->empty()) continue;
    for (int64_t boundary = first; boundary <= last; ++boundary) {
      if (static_cast<int64_t>(rank % kGridPhases) != boundary % kGridPhases ||
          boundary * kGridMs - profile->last_seen_ms() > kSilentMs) {
        continue;
      }
      Look(*profile, boundary, decay, &member);
      Touch(rank, &member);
    }
  }
}

void OutcomeSample::Look(const Profile& profile, int64_t boundary, const learn::ForwardDecay& decay,
                         Member* member) {
  if (member->snapshots.size() == kKept) member->snapshots.erase(member->snapshots.begin());
  Snapshot& snapshot = member->snapshots.emplace_back();
  snapshot.boundary = boundary;
  snapshot.inputs = PredictionInputs(profile, snapshot.time_ms());
  for (const CategoryInput& input : CategoryInputs(profile, decay, snapshot.time_ms())) {
    snapshot.categories.push_back({input, 0});
  }
}

OutcomeSample::Member* OutcomeSample::Find(uint64_t rank, absl::string_view id) {
  const auto found = members_.find(rank);
  return found == members_.end() || found->second.id != id ? nullptr : &found->second;
}

void OutcomeSample::Admit(absl::string_view id, uint64_t customer_hash) {
  const uint64_t rank = Rank(customer_hash);
  const auto [place, added] = members_.try_emplace(rank);
  if (!added) return;
  place->second.id = std::string(id);
  Touch(rank, &place->second);
  if (members_.size() > capacity_) Drop(members_.rbegin()->first);
  SetThreshold();
}

void OutcomeSample::NotePurchase(absl::string_view id, uint64_t customer_hash, int64_t time_ms,
                                 int64_t micros, TermId category) {
  const uint64_t rank = Rank(customer_hash);
  Member* member = Find(rank, id);
  if (member == nullptr) {
    Admit(id, customer_hash);
    return;
  }
  bool changed = false;
  for (Snapshot& snapshot : member->snapshots) {
    if (time_ms < snapshot.time_ms()) continue;
    if (snapshot.bought_ms == 0 || time_ms < snapshot.bought_ms) {
      snapshot.bought_ms = time_ms;
      snapshot.bought_micros = micros;
      changed = true;
    } else if (time_ms == snapshot.bought_ms && micros > 0) {
      snapshot.bought_micros += std::min(micros, INT64_MAX / 2 - snapshot.bought_micros / 2);
      changed = true;
    }
    for (Snapshot::Category& looked : snapshot.categories) {
      if (category.value() == 0 || looked.input.term != category) continue;
      if (looked.bought_ms != 0 && looked.bought_ms <= time_ms) continue;
      looked.bought_ms = time_ms;
      changed = true;
    }
  }
  if (changed) Touch(rank, member);
}

void OutcomeSample::Remove(uint64_t customer_hash) {
  const uint64_t rank = Rank(customer_hash);
  if (!members_.contains(rank)) return;
  Drop(rank);
  SetThreshold();
}

void OutcomeSample::Touch(uint64_t rank, Member* member) {
  if (std::exchange(member->dirty, true)) return;
  dirty_.push_back(rank);
}

void OutcomeSample::Drop(uint64_t rank) {
  members_.erase(rank);
  removed_.push_back(rank);
}

void OutcomeSample::SetThreshold() {
  threshold_ = members_.size() < capacity_ ? UINT64_MAX : members_.rbegin()->first;
}

size_t OutcomeSample::memory_bytes() const {
  size_t bytes = members_.size() * (sizeof(Member) + 96);
  for (const auto& [_, member] : members_) {
    bytes += member.snapshots.capacity() *
             (sizeof(Snapshot) + kMaxCategoryInputs * sizeof(Snapshot::Category));
  }
  return bytes;
}

void OutcomeSample::TakeChanges(
    absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
    absl::FunctionRef<void(absl::string_view key)> remove) {
  for (const uint64_t rank : removed_) {
    if (!members_.contains(rank)) remove(RowKey(rank));
  }
  removed_.clear();
  std::string row;
  for (const uint64_t rank : dirty_) {
    const auto found = members_.find(rank);
    if (found == members_.end() || !std::exchange(found->second.dirty, false)) continue;
    row.clear();
    base::ByteWriter out(&row);
    out.U8(kFormat);
    out.U64(rank);
    out.Bytes(found->second.id);
    out.Varint(found->second.snapshots.size());
    for (const Snapshot& snapshot : found->second.snapshots) WriteSnapshot(snapshot, &out);
    put(RowKey(rank), row);
  }
  dirty_.clear();
  if (!std::exchange(head_dirty_, false)) return;
  row.clear();
  base::ByteWriter out(&row);
  out.U8(kFormat);
  out.Varint(static_cast<uint64_t>(next_boundary_));
  put(kHeadKey, row);
}

absl::Status OutcomeSample::RestoreRow(absl::string_view key, absl::string_view row) {
  const auto damaged = [&key] {
    return absl::DataLossError(absl::StrCat("stored sample row ", key, " is damaged"));
  };
  base::ByteReader in(row);
  if (in.U8() != kFormat) return damaged();
  if (key == kHeadKey) {
    const uint64_t next = in.Varint();
    if (!in.Done() || next == 0 || next > static_cast<uint64_t>(kMaxBoundary)) return damaged();
    next_boundary_ = static_cast<int64_t>(next);
    return absl::OkStatus();
  }
  const uint64_t rank = in.U64();
  Member member;
  member.id = std::string(in.Bytes());
  const size_t count = in.Count(4 * kInputCount);
  if (!in.ok() || member.id.empty() || count > kKept || key != RowKey(rank) ||
      members_.contains(rank)) {
    return damaged();
  }
  member.snapshots.resize(count);
  int64_t before = -1;
  for (Snapshot& snapshot : member.snapshots) {
    if (!ReadSnapshot(&in, &snapshot) || snapshot.boundary <= before) return damaged();
    before = snapshot.boundary;
  }
  if (!in.Done()) return damaged();
  members_.emplace(rank, std::move(member));
  // A smaller sample than the one that was stored keeps its best ranks.
  if (members_.size() > capacity_) Drop(members_.rbegin()->first);
  SetThreshold();
  return absl::OkStatus();
}

}  // namespace kindred::profile
