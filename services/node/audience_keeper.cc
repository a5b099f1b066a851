#include "node/audience_keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"

namespace kindred::node {
namespace {

// A timer is not set nearer than this: what changes faster is not worth a look each time.
constexpr int64_t kShortestWaitMs = 1'000;
constexpr absl::Duration kIdle = absl::Milliseconds(100);
// Sums of linked ids: each of them is judged by the same one.
constexpr size_t kGroupCacheBytes = 4 << 20;

void LogUnread(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return;  // not caught up yet
  static base::LogLimiter limiter(absl::Seconds(10));
  if (!limiter.Allow(absl::Now())) return;
  base::LogWarning("audiences", "a customer cannot be read; it is tried again",
                   {{"error", status}});
}

}  // namespace

AudienceKeeper::AudienceKeeper(const AudienceKeeperOptions& options, SharedState* shared,
                               PartitionSet* partitions, const ColdReader* cold,
                               const store::Store* store, const Learner* learner,
                               const PredictionLearner* predictions,
                               std::function<void(Partition*)> tell)
    : options_(options),
      shared_(*shared),
      partitions_(*partitions),
      cold_(*cold),
      store_(*store),
      learner_(learner),
      predictions_(predictions),
      tell_(std::move(tell)),
      reader_(shared, partitions, cold, kGroupCacheBytes),
      random_(options.seed) {}

AudienceKeeper::~AudienceKeeper() { Stop(); }

void AudienceKeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void AudienceKeeper::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool AudienceKeeper::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

std::vector<uint64_t> AudienceKeeper::TagCounts() const {
  absl::MutexLock lock(&mutex_);
  return tag_counts_;
}

void AudienceKeeper::Run() {
  base::NameThread("audiences");
  absl::Time next_walk = absl::Now() + options_.walk_interval;
  int64_t walked_ms = 0;
  while (true) {
    const absl::Time start = absl::Now();
    const int64_t now_ms = partitions_.newest_event_ms();
    if (start >= next_walk && !walking_ && (now_ms != walked_ms || walk_again_)) {
      BeginWalk();
      walked_ms = now_ms;
      next_walk = start + options_.walk_interval;
    }
    const bool more = now_ms > 0 && Step(now_ms);
    const absl::Duration took = absl::Now() - start;
    const absl::Duration pause =
        std::max(more ? absl::ZeroDuration() : kIdle, took * (1 / options_.cpu_share - 1));
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause)) return;
  }
}

void AudienceKeeper::TakeRules() {
  const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
  const std::shared_ptr<const PublishedSegments> segments =
      learner_ == nullptr ? nullptr : learner_->Current();
  const std::shared_ptr<const profile::Predictor> predictor =
      predictions_ == nullptr ? nullptr : predictions_->Current();
  const std::shared_ptr<const Percentiles> percentiles = shared_.rules.percentiles();
  if (record_ != nullptr && rules == rules_ && segments == segments_ && predictor == predictor_ &&
      percentiles == percentiles_) {
    return;
  }
  if (rules != rules_) {
    lanes_.clear();
    unread_.clear();
    timer_count_.store(0, std::memory_order_relaxed);
    all_timed_ = false;
    BeginWalk();
  }
  rules_ = rules;
  segments_ = segments;
  predictor_ = predictor;
  percentiles_ = percentiles;
  CustomerContext context;
  context.items = &shared_.items.names();
  context.terms = &shared_.terms.names();
  context.affinity_decay = &shared_.affinity_decay;
  if (segments_ != nullptr) {
    context.segments = &segments_->model;
    context.segment_labels = segments_->labels;
  }
  context.predictor = predictor_.get();
  context.rules = rules_.get();
  context.percentiles = percentiles_.get();
  record_ = std::make_unique<CustomerRecord>(context);
}

bool AudienceKeeper::Step(int64_t now_ms) {
  TakeRules();
  bool more = false;
  bool due = false;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    if (slot.ownership.load() != Ownership::kOwned) return;  // another node tells
    Partition* const partition = slot.state.get();
    const auto [it, added] = lanes_.try_emplace(partition->id());
    Lane& lane = it->second;
    if (added) {
      std::vector<std::string> names;
      for (const AudienceRule& rule : rules_->audiences) names.push_back(rule.name);
      lane.slots = partition->audiences().Adopt(names);
      // From the first partition on: a walk under way may be past this one.
      all_timed_ = false;
      BeginWalk();
    }
    more |= JudgeChanged(partition, &lane, now_ms) == kStep;
    due |= JudgeDue(partition, &lane, now_ms) == kStep;
  });
  JudgeUnread(now_ms);
  if (walking_) WalkOn(now_ms);
  if (all_timed_ && !due && !walk_again_ && unread_.empty())
    as_of_ms_.store(now_ms, std::memory_order_release);
  partitions_.ForEach([&](const PartitionSlot& slot) {
    if (slot.ownership.load() == Ownership::kOwned && slot.state->next_offset().value() > 0 &&
        slot.state->audiences().pending()) {
      tell_(slot.state.get());
    }
  });
  return more || due || walking_;
}

size_t AudienceKeeper::JudgeChanged(Partition* partition, Lane* lane, int64_t now_ms) {
  if (partition->changed_waiting() == 0) return 0;
  in_hand_.store(kStep);
  const std::vector<std::string> ids = partition->TakeChanged(kStep);
  in_hand_.store(ids.size());
  if (!rules_->audiences.empty()) {
    for (const std::string& id : ids) JudgeById(partition, lane, id, now_ms);
  }
  in_hand_.store(0);
  return ids.size();
}

size_t AudienceKeeper::JudgeDue(Partition* partition, Lane* lane, int64_t now_ms) {
  size_t judged = 0;
  while (judged < kStep && !lane->timers.empty() && lane->timers.top().due_ms <= now_ms) {
    const Timer timer = lane->timers.top();
    lane->timers.pop();
    timer_count_.fetch_sub(1, std::memory_order_relaxed);
    const auto due = lane->due.find(timer.hash);
    if (due == lane->due.end() || due->second != timer.due_ms) continue;  // there is a newer one
    lane->due.erase(due);
    JudgeById(partition, lane, timer.id, now_ms);
    ++judged;
  }
  return judged;
}

void AudienceKeeper::JudgeById(Partition* partition, Lane* lane, absl::string_view id,
                               int64_t now_ms) {
  bool linked = false;
  const absl::Status status =
      partition
          ->Visit(id, profile::CustomerMap::Hash(id), cold_,
                  [&](const profile::Profile& profile) {
                    linked = !profile.links().empty();
                    if (!linked) Judge(partition, lane, id, profile, now_ms, /*counts=*/false);
                  })
          .status();
  NoteUnread(partition->id(), id,
             linked ? JudgeGroup(partition, lane, id, now_ms, /*walking=*/false) : status);
}

void AudienceKeeper::NoteUnread(PartitionId partition, absl::string_view id,
                                const absl::Status& status) {
  if (status.ok()) return;
  LogUnread(status);
  if (unread_.size() < kMaxUnread) {
    unread_.emplace_back(partition, id);
  } else {
    walk_again_ = true;
  }
  unread_count_.store(unread_.size());
}

// Up to the first that still cannot be read: what it waits for, others wait for too.
void AudienceKeeper::JudgeUnread(int64_t now_ms) {
  for (size_t judged = 0; judged < kStep && !unread_.empty(); ++judged) {
    const auto [id, customer] = std::move(unread_.front());
    unread_.pop_front();
    const size_t left = unread_.size();
    const auto lane = lanes_.find(id);
    const PartitionSlot& slot = partitions_.slot(id);
    if (lane != lanes_.end() && slot.ownership.load() == Ownership::kOwned) {
      JudgeById(slot.state.get(), &lane->second, customer, now_ms);
    }
    if (unread_.size() > left) break;
  }
  unread_count_.store(unread_.size());
}

absl::Status AudienceKeeper::JudgeGroup(Partition* partition, Lane* lane, absl::string_view id,
                                        int64_t now_ms, bool walking) {
  bool alone = true;
  absl::Status judged;
  KINDRED_RETURN_IF_ERROR(
      reader_
          .Visit(id,
                 [&](const profile::Profile& sum, const CustomerParts& parts) {
                   if (parts.group == nullptr) return;  // no link holds
                   alone = false;
                   // What another node keeps is missing for good, what this one catches up with is
                   // not.
                   for (const std::string& missing : parts.unavailable_ids) {
                     const PartitionId home = partitions_.Home(missing);
                     if (partitions_.slot(home).ownership.load() != Ownership::kOwned) continue;
                     judged.Update(partitions_.Ready(home));
                   }
                   if (!judged.ok()) return;
                   const auto& members = parts.group->members;
                   for (const profile::GroupMember& member : members) {
                     if (walking && member.id != id) continue;
                     // A customer counts once, however many ids it has.
                     judged.Update(JudgeMember(member.id, sum, now_ms,
                                               walking && member.id == members.front().id));
                   }
                 })
          .status());
  if (!alone) return judged;
  return partition
      ->Visit(id, profile::CustomerMap::Hash(id), cold_,
              [&](const profile::Profile& profile) {
                Judge(partition, lane, id, profile, now_ms, walking);
              })
      .status();
}

absl::Status AudienceKeeper::JudgeMember(absl::string_view id, const profile::Profile& sum,
                                         int64_t now_ms, bool counts) {
  const PartitionId home = partitions_.Home(id);
  const auto lane = lanes_.find(home);
  const PartitionSlot& slot = partitions_.slot(home);
  // Another node tells, or a walk will.
  if (lane == lanes_.end() || slot.ownership.load() != Ownership::kOwned) return absl::OkStatus();
  Partition* const partition = slot.state.get();
  return partition
      ->Visit(id, profile::CustomerMap::Hash(id), cold_,
              [&](const profile::Profile& own) {
                Judge(partition, &lane->second, id, own.empty() ? own : sum, now_ms, counts);
              })
      .status();
}

void AudienceKeeper::Judge(Partition* partition, Lane* lane, absl::string_view id,
                           const profile::Profile& profile, int64_t now_ms, bool counts) {
  if (profile.empty()) {  // deleted; what is left of it are links
    partition->audiences().Decide(id, profile::CustomerMap::Hash(id), 0, now_ms);
    return;
  }
  judged_.fetch_add(1, std::memory_order_relaxed);
  record_->Look(id, profile, now_ms);
  uint64_t slots = 0;
  int64_t until_ms = expression::kForever;
  for (size_t i = 0; i < rules_->audiences.size(); ++i) {
    const expression::Outcome outcome = rules_->audiences[i].when.Test(*record_, now_ms);
    until_ms = std::min(until_ms, outcome.until_ms);
    if (outcome.value && lane->slots[i] >= 0) slots |= uint64_t{1} << lane->slots[i];
  }
  const uint64_t hash = profile::CustomerMap::Hash(id);
  partition->audiences().Decide(id, hash, slots, now_ms);
  SetTimer(lane, id, hash, until_ms, now_ms);
  if (!counts) return;
  AddToSamples();
  for (const size_t tag : record_->Tags()) ++walk_tags_[tag];
}

void AudienceKeeper::SetTimer(Lane* lane, absl::string_view id, uint64_t hash, int64_t due_ms,
                              int64_t now_ms) {
  if (due_ms == expression::kForever) {
    lane->due.erase(hash);
    return;
  }
  due_ms = std::max(due_ms, now_ms + kShortestWaitMs);
  const auto due = lane->due.find(hash);
  if (due != lane->due.end() && due->second == due_ms) return;
  if (timer_count_.load(std::memory_order_relaxed) >= kMaxTimers) return;
  lane->due[hash] = due_ms;
  lane->timers.push({due_ms, hash, std::string(id)});
  timer_count_.fetch_add(1, std::memory_order_relaxed);
}

void AudienceKeeper::BeginWalk() {
  walking_ = true;
  walk_again_ = false;
  walk_partition_ = 0;
  walk_cursor_ = 0;
  samples_.clear();
  walk_tags_.clear();
}

bool AudienceKeeper::AnyMember() const {
  bool any = false;
  partitions_.ForEach([&any](const PartitionSlot& slot) {
    for (const PartitionAudiences::Size& size : slot.state->audiences().Sizes()) {
      any |= size.members > 0;
    }
  });
  return any;
}

size_t AudienceKeeper::waiting() const {
  size_t waiting = 0;
  const auto add = [&](auto&& count) {
    partitions_.ForEach([&](const PartitionSlot& slot) {
      if (slot.ownership.load() == Ownership::kOwned) waiting += count(*slot.state);
    });
  };
  // In the order in which a customer goes through them, so that none is missed.
  add([](const Partition& partition) { return partition.changed_waiting(); });
  waiting += in_hand_.load();
  waiting += unread_count_.load();
  add([](const Partition& partition) { return partition.audiences().waiting(); });
  return waiting;
}

void AudienceKeeper::WalkOn(int64_t now_ms) {
  samples_.resize(rules_->percentile_fields.size());
  walk_tags_.resize(rules_->tags.size());
  // Without audiences there may be members of those that were.
  const bool needed = !rules_->audiences.empty() || !rules_->tags.empty() ||
                      !rules_->percentile_fields.empty() || AnyMember();
  while (needed && walk_partition_ < partitions_.count()) {
    const auto lane = lanes_.find(PartitionId(walk_partition_));
    const Ownership ownership = partitions_.slot(PartitionId(walk_partition_)).ownership.load();
    if (lane == lanes_.end() || ownership != Ownership::kOwned) {
      ++walk_partition_;
      continue;
    }
    Partition* const partition = partitions_.slot(PartitionId(walk_partition_)).state.get();
    std::vector<std::string> linked;
    walk_cursor_ = partition->Walk(walk_cursor_, kStep, [&](const profile::Customer& customer) {
      if (customer.profile.links().empty()) {
        Judge(partition, &lane->second, customer.id(), customer.profile, now_ms, /*counts=*/true);
      } else {
        linked.emplace_back(customer.id());
      }
    });
    for (const std::string& id : linked) {
      NoteUnread(partition->id(), id,
                 JudgeGroup(partition, &lane->second, id, now_ms, /*walking=*/true));
    }
    if (walk_cursor_ != 0) return;
    WalkStored(partition, &lane->second, now_ms);
    ++walk_partition_;
    return;
  }
  EndWalk();
}

// Customers that are only in the store.
void AudienceKeeper::WalkStored(Partition* partition, Lane* lane, int64_t now_ms) {
  const Partition::Figures figures = partition->figures();
  if (figures.customers <= figures.customers_in_memory) return;
  size_t seen = 0;
  const absl::Status status = store_.ForEach(
      store::Table::kProfile, partition->id(),
      [&](absl::string_view id, absl::string_view) -> absl::Status {
        if (++seen % kStep == 0 && stopping()) return absl::CancelledError();
        const uint64_t hash = profile::CustomerMap::Hash(id);
        if (partition->InMemory(id, hash)) return absl::OkStatus();
        bool linked = false;
        KINDRED_RETURN_IF_ERROR(partition
                                    ->Visit(id, hash, cold_,
                                            [&](const profile::Profile& profile) {
                                              linked = !profile.links().empty();
                                              if (linked) return;
                                              Judge(partition, lane, id, profile, now_ms,
                                                    /*counts=*/true);
                                            })
                                    .status());
        if (linked) {
          NoteUnread(partition->id(), id,
                     JudgeGroup(partition, lane, id, now_ms, /*walking=*/true));
        }
        return absl::OkStatus();
      });
  if (!status.ok() && !absl::IsCancelled(status)) {
    base::LogWarning("audiences", "stored customers cannot be read", {{"error", status}});
  }
}

void AudienceKeeper::AddToSamples() {
  for (size_t i = 0; i < samples_.size(); ++i) {
    const expression::Value value = record_->Field(rules_->percentile_fields[i]);
    if (!value.present) continue;
    Sample& sample = samples_[i];
    ++sample.seen;
    if (sample.values.size() < kSample) {
      sample.values.push_back(value.number);
    } else if (const uint64_t at = random_.Below(sample.seen); at < kSample) {
      sample.values[at] = value.number;
    }
  }
}

void AudienceKeeper::EndWalk() {
  walking_ = false;
  all_timed_ = true;
  walks_.fetch_add(1, std::memory_order_relaxed);
  {
    absl::MutexLock lock(&mutex_);
    tag_counts_ = walk_tags_;
  }
  if (rules_->percentile_fields.empty()) return;
  auto percentiles = std::make_shared<Percentiles>();
  percentiles->version = percentiles_->version + 1;
  bool first = false;
  for (size_t i = 0; i < samples_.size(); ++i) {
    std::sort(samples_[i].values.begin(), samples_[i].values.end());
    const int field = rules_->percentile_fields[i];
    percentiles->fields.push_back({field, std::move(samples_[i].values)});
    first |= std::none_of(percentiles_->fields.begin(), percentiles_->fields.end(),
                          [field](const Distribution& one) { return one.field == field; });
  }
  shared_.rules.SetPercentiles(std::move(percentiles));
  // Nobody could be judged by what was not known yet.
  if (first) BeginWalk();
}

}  // namespace kindred::node
