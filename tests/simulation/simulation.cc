#include "simulation/simulation.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "node/dead_letter.h"
#include "node/item_record.h"
#include "node/outbox_entry.h"
#include "node/partition.h"
#include "node/shared_state.h"
#include "simulation/comparison.h"
#include "simulation/memberships.h"
#include "simulation/oracle.h"
#include "simulation/process.h"
#include "simulation/simulated_log.h"
#include "store/store.h"
#include "store/testing/fault_environment.h"

namespace kindred::simulation {
namespace {

constexpr int kMaxSteps = 2000;

class Simulation {
 public:
  Simulation(uint64_t seed, Defect defect, bool trace)
      : dice_(seed ^ 0xC0FFEE),
        defect_(defect),
        trace_(trace),
        logs_(MakeLogs(seed)),
        memberships_(logs_.size()) {
    fixed_names_ = dice_.Percent(50);
    compare_bytes_ = fixed_names_ && seed % 2 == 0;
    disk_faults_left_ = dice_.Percent(20) ? 1 + dice_.Below(2) : 0;
    dead_letters_.resize(logs_.size());
    skip_one_.resize(logs_.size());
    again_.resize(logs_.size());
    for (const PartitionLog& log : logs_) outcome_.records += static_cast<int64_t>(log.size());
  }

  Outcome Run() {
    OpenStore();
    if (Fine()) StartProcess();
    for (int i = 0; i < kMaxSteps && Fine() && !AllApplied(); ++i) Step();
    if (Fine()) Finish();
    if (Fine() && compare_bytes_) CompareWithSteady();
    process_.reset();
    return outcome_;
  }

 private:
  bool Fine() const { return outcome_.difference.empty(); }
  void Fail(const std::string& difference) {
    if (Fine()) outcome_.difference = difference;
  }
  void Expect(absl::string_view what, const absl::Status& status) {
    if (!status.ok()) Fail(absl::StrCat(what, ": ", status.ToString()));
  }
  template <typename... Parts>
  void Trace(const Parts&... parts) const {
    if (trace_) std::printf("  %s\n", absl::StrCat(parts...).c_str());
  }
  size_t Any() { return static_cast<size_t>(dice_.Below(static_cast<int64_t>(logs_.size()))); }
  node::Partition& partition(size_t p) { return *process_->partitions[p]; }
  static PartitionId Id(size_t p) { return PartitionId(static_cast<int32_t>(p)); }

  node::SharedOptions SharedOptionsOf() const {
    node::SharedOptions options;
    options.partition_count = static_cast<int32_t>(logs_.size());
    return options;
  }

  void OpenStore();
  void StartProcess();
  void RestorePartition(size_t p);
  void Step();
  void Deliver(size_t p, int64_t at_most);
  std::vector<stream::RawRecord> NextBatch(size_t p, int64_t at_most);
  void Judge(size_t p, int percent) {
    if (compare_bytes_) return;
    Memberships::Judge(&partition(p), process_->cold, [&] { return dice_.Percent(percent); });
  }
  void Begin(size_t p);
  void StoreAll(size_t p);
  void WriteOne(bool may_fail);
  void Corrupt(size_t p, Offset next);
  void SendOutbox(size_t p, bool acknowledge);
  absl::Status DeliverMessage(absl::string_view bytes);
  void DeliverAllMessages();
  void Rebalance(size_t p);
  void Crash();
  void BreakDisk();
  void Finish();
  void CompareWithSteady();
  void Compare(size_t p, absl::string_view when);
  bool AllApplied() {
    for (size_t p = 0; p < logs_.size(); ++p) {
      if (partition(p).next_offset().value() <= logs_[p].back().offset) return false;
    }
    return true;
  }

  Dice dice_;
  const Defect defect_;
  const bool trace_;
  // Messages between partitions are added as they are sent.
  std::vector<PartitionLog> logs_;
  // All names get their numbers in one order, so that stored bytes can be compared between runs.
  bool fixed_names_ = false;
  // They are. Then nobody is judged: how many changes are told depends on when.
  bool compare_bytes_ = false;
  int64_t disk_faults_left_ = 0;
  Outcome outcome_;
  store::FaultEnvironment disk_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Process> process_;
  Memberships memberships_;
  // Dead letters that a reader got, by id: offset and reason.
  std::vector<std::map<std::string, std::pair<int64_t, std::string>>> dead_letters_;
  std::vector<bool> skip_one_;  // Defect::kSkipOffset
  std::vector<bool> again_;     // Defect::kApplyTwice
};

void Simulation::OpenStore() {
  store::StoreOptions options = StoreOptionsOf(logs_.size());
  options.environment = disk_.environment();
  absl::StatusOr<std::unique_ptr<store::Store>> opened = store::Store::Open(options);
  if (!opened.ok()) return Fail(absl::StrCat("open: ", opened.status().ToString()));
  store_ = *std::move(opened);
}

void Simulation::StartProcess() {
  process_ = std::make_unique<Process>(SharedOptionsOf(), store_.get());
  node::SharedState& shared = process_->shared;
  Expect("items", shared.items.Restore(*store_));
  Expect("terms", shared.terms.Restore(*store_));
  Expect("catalogue",
         store_->ForEach(store::Table::kCatalogue, store::kNodeScope,
                         [&](absl::string_view id, absl::string_view value) -> absl::Status {
                           const absl::StatusOr<uint32_t> item = store::ParseNumberKey(id);
                           if (!item.ok()) return item.status();
                           return node::RestoreItemRecord(ItemId(*item), value,
                                                          &shared.terms.names(), &shared.index);
                         }));
  if (fixed_names_) {
    for (const std::string& name : AllItems()) shared.items.names().Intern(name);
    for (const std::string& name : AllTerms()) shared.terms.names().Intern(name);
  }
  process_->partitions.resize(logs_.size());
  for (size_t p = 0; p < logs_.size() && Fine(); ++p) RestorePartition(p);
}

void Simulation::RestorePartition(size_t p) {
  process_->partitions[p].reset();
  process_->partitions[p] = std::make_unique<node::Partition>(Id(p), &process_->shared);
  const size_t budget = dice_.Percent(50) ? SIZE_MAX : static_cast<size_t>(dice_.Below(8000));
  Expect("restore", partition(p).Restore(*store_, budget));
  if (!Fine()) return;
  Trace("partition ", p, " restored at ", partition(p).next_offset().value());
  Compare(p, "after a restart");
  skip_one_[p] = defect_ == Defect::kSkipOffset && dice_.Percent(30);
}

void Simulation::Step() {
  const int64_t what = dice_.Below(1000);
  const size_t p = Any();
  if (what < 460) return Deliver(p, 1 + dice_.Below(16));
  if (what < 500) return Judge(p, 40);
  if (what < 640) return Begin(p);
  if (what < 800) return WriteOne(/*may_fail=*/true);
  if (what < 860) return SendOutbox(p, dice_.Percent(70));
  if (what < 910) return partition(p).Evict(static_cast<size_t>(dice_.Below(6000)));
  if (what < 950) return Rebalance(p);
  if (what < 985) return Crash();
  if (disk_faults_left_ > 0) BreakDisk();
}

// From where the partition is; sometimes from before, and sometimes each record more than once.
std::vector<stream::RawRecord> Simulation::NextBatch(size_t p, int64_t at_most) {
  const PartitionLog& log = logs_[p];
  const int64_t next = partition(p).next_offset().value();
  size_t begin = 0;
  while (begin < log.size() && log[begin].offset < next) ++begin;
  std::vector<stream::RawRecord> batch;
  const auto add = [&batch, p](const LogRecord& record, int64_t offset, std::string value) {
    stream::RecordParts parts;
    parts.topic = "events";
    parts.partition = Id(p);
    parts.offset = Offset(offset);
    parts.key = record.key;
    parts.value = std::move(value);
    parts.timestamp_ms = record.arrival_ms;
    batch.emplace_back(std::move(parts));
  };
  if (again_[p] && begin > 0 && begin < log.size() && log[begin].offset > next) {
    // Under an offset and an id of its own, or the product would see it.
    const LogRecord& last = log[begin - 1];
    add(last, next, absl::StrReplaceAll(last.value, {{"\"event_id\":\"", "\"event_id\":\"2-"}}));
  }
  again_[p] = false;
  if (skip_one_[p] && begin + 1 < log.size() && next > 0) {
    ++begin;
    skip_one_[p] = false;
  }
  const size_t end = std::min(log.size(), begin + static_cast<size_t>(at_most));
  if (dice_.Percent(15)) begin -= std::min(begin, static_cast<size_t>(dice_.Below(12)));
  for (size_t i = begin; i < end; ++i) {
    const int copies = dice_.Percent(5) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) add(log[i], log[i].offset, log[i].value);
  }
  return batch;
}

void Simulation::Deliver(size_t p, int64_t at_most) {
  const std::vector<stream::RawRecord> batch = NextBatch(p, at_most);
  process_->cold.failing = dice_.Percent(5);
  const absl::Status status = partition(p).Apply(batch, process_->cold, &process_->bench);
  if (!process_->cold.failing || !absl::IsUnavailable(status)) Expect("apply", status);
  process_->cold.failing = false;
  Trace("partition ", p, " applied to ", partition(p).next_offset().value(), " ",
        status.ToString());
}

// What is left to be collected may wait for later, and then records are applied meanwhile.
void Simulation::Begin(size_t p) {
  if (partition(p).BeginCheckpoint(*store_)) {
    Trace("partition ", p, " begins a checkpoint at ", partition(p).next_offset().value());
  }
  const size_t rows = dice_.Percent(50) ? SIZE_MAX : static_cast<size_t>(dice_.Below(20));
  std::optional<node::PendingCheckpoint> pending = partition(p).CollectCheckpoint(rows);
  if (!pending.has_value()) return;
  Trace("partition ", p, " collected its checkpoint at ", pending->next_offset.value());
  process_->writing.emplace_back(p, *std::move(pending));
}

// Everything that the partition has applied is stored afterwards.
void Simulation::StoreAll(size_t p) {
  const auto write = [this, p](std::optional<node::PendingCheckpoint> pending) {
    if (pending.has_value()) process_->writing.emplace_back(p, *std::move(pending));
    while (!process_->writing.empty() && Fine()) WriteOne(/*may_fail=*/false);
  };
  write(partition(p).CollectCheckpoint(SIZE_MAX));  // of the one that was begun
  if (Fine()) write(partition(p).TakeCheckpoint(*store_));
}

void Simulation::WriteOne(bool may_fail) {
  if (process_->writing.empty()) return;
  if (may_fail && dice_.Percent(20)) return;  // the disk is busy: it is tried again
  const size_t p = process_->writing.front().first;
  node::PendingCheckpoint& pending = process_->writing.front().second;
  if (defect_ == Defect::kOffsetBeforeState) {
    store::Checkpoint offset = store_->NewCheckpoint(Id(p));
    offset.SetNextOffset(pending.next_offset);
    Expect("write", store_->Write(std::move(offset)));
    if (dice_.Percent(10)) return Crash();
  }
  Expect("write", store_->Write(std::move(pending.checkpoint), pending.sync));
  if (!Fine()) return;
  ++outcome_.checkpoints;
  partition(p).CheckpointDone(pending);
  Trace("partition ", p, " stored at ", pending.next_offset.value());
  process_->writing.pop_front();
  if (defect_ == Defect::kForgetDuplicates && dice_.Percent(30)) {
    store::Checkpoint forget = store_->NewCheckpoint(Id(p));
    Expect("forget", store_->ForEach(store::Table::kDedup, Id(p),
                                     [&forget](absl::string_view id, absl::string_view) {
                                       forget.Delete(store::Table::kDedup, id);
                                       return absl::OkStatus();
                                     }));
    Expect("forget", store_->Write(std::move(forget)));
  }
}

void Simulation::SendOutbox(size_t p, bool acknowledge) {
  std::vector<uint64_t> sent;
  Expect("outbox",
         store_->ForEachOutbox(
             Id(p), 0, 5, [&](uint64_t sequence, absl::string_view bytes) -> absl::Status {
               const absl::StatusOr<node::OutboxKind> kind = node::StoredKind(bytes);
               if (!kind.ok()) return kind.status();
               if (*kind != node::OutboxKind::kDeadLetter) {
                 sent.push_back(sequence);
                 return DeliverMessage(bytes);
               }
               const absl::StatusOr<node::DeadLetter> letter = node::DecodeDeadLetter(bytes);
               if (!letter.ok()) return letter.status();
               sent.push_back(sequence);
               const auto content = std::make_pair(letter->offset.value(), letter->reason);
               const auto [found, added] = dead_letters_[p].emplace(letter->Id(), content);
               if (!added && found->second != content) {
                 return absl::InternalError(absl::StrCat(letter->Id(), " came with two reasons"));
               }
               return absl::OkStatus();
             }));
  if (!acknowledge || sent.empty()) return;
  Expect("acknowledge", store_->DeleteOutbox(Id(p), sent));
}

// Into the log of the partition that has the id's events; again if it was never acknowledged.
absl::Status Simulation::DeliverMessage(absl::string_view bytes) {
  absl::StatusOr<node::OutboxEntry> entry = node::DecodeOutboxEntry(bytes);
  if (!entry.ok()) return entry.status();
  if (entry->kind == node::OutboxKind::kAudienceChange) return memberships_.Hear(*entry);
  constexpr absl::string_view kField = "\"event_time\":\"";
  const size_t field = entry->value.find(std::string(kField));
  const size_t begin = field + kField.size();
  absl::Time time;
  if (field == std::string::npos ||
      !absl::ParseTime(absl::RFC3339_full,
                       entry->value.substr(begin, entry->value.find('"', begin) - begin), &time,
                       nullptr)) {
    return absl::InternalError(absl::StrCat("a message without a time: ", entry->value));
  }
  PartitionLog& log = logs_[PartitionOfLinkedId(entry->key, logs_.size())];
  log.push_back(Message(log, std::move(entry->id), std::move(entry->key), std::move(entry->value),
                        absl::ToUnixMillis(time)));
  return absl::OkStatus();
}

// Taken away, with or without a last checkpoint, and given back.
void Simulation::Rebalance(size_t p) {
  ++outcome_.rebalances;
  Trace("partition ", p, " is rebalanced");
  if (dice_.Percent(50)) {
    StoreAll(p);
  } else {
    std::deque<std::pair<size_t, node::PendingCheckpoint>> others;
    for (auto& [of, pending] : process_->writing) {
      if (of != p) others.emplace_back(of, std::move(pending));
    }
    process_->writing = std::move(others);
  }
  if (Fine()) RestorePartition(p);
  again_[p] = defect_ == Defect::kApplyTwice;
}

// The process dies between two steps; what was written is there.
void Simulation::Crash() {
  ++outcome_.crashes;
  Trace("crash");
  process_.reset();
  StartProcess();
}

// The disk fails in the middle of a write, the process ends, and sometimes the power too.
void Simulation::BreakDisk() {
  ++outcome_.disk_faults;
  --disk_faults_left_;
  constexpr store::Fault kFaults[] = {store::Fault::kIoError, store::Fault::kNoSpace,
                                      store::Fault::kTornWrite};
  disk_.FailAfter(dice_.Below(4), kFaults[dice_.Below(3)]);
  for (int i = 0; i < 6; ++i) {
    Begin(Any());
    if (process_->writing.empty()) continue;
    auto& [p, pending] = process_->writing.front();
    if (!store_->Write(std::move(pending.checkpoint), pending.sync).ok()) break;
    partition(p).CheckpointDone(pending);
    process_->writing.pop_front();
  }
  process_.reset();
  disk_.FailAfter(0, store::Fault::kIoError);
  store_.reset();
  const bool power = dice_.Percent(50);
  if (power) disk_.LosePower(static_cast<uint64_t>(dice_.Below(1 << 30)));
  disk_.Heal();
  Trace("the disk failed", power ? " and the power" : "");
  OpenStore();
  if (Fine()) StartProcess();
}

void Simulation::Compare(size_t p, absl::string_view when) {
  const int64_t next = partition(p).next_offset().value();
  const std::string difference =
      Difference(partition(p), process_->shared, process_->cold, Fold(logs_[p], next));
  if (!difference.empty()) {
    Fail(absl::StrCat("partition ", p, " at offset ", next, " ", when, ": ", difference));
  }
}

// Until no partition has anything to say to another.
void Simulation::DeliverAllMessages() {
  for (bool news = true; news && Fine();) {
    news = false;
    for (size_t p = 0; p < logs_.size() && Fine(); ++p) {
      while (partition(p).next_offset().value() <= logs_[p].back().offset && Fine()) {
        Deliver(p, INT16_MAX);
      }
      StoreAll(p);
      // A partition that is restored knows how much waits.
      while (Fine()) {
        RestorePartition(p);
        if (partition(p).figures().outbox_pending == 0) break;
        SendOutbox(p, /*acknowledge=*/true);
        news = true;
      }
    }
  }
}

void Simulation::Finish() {
  DeliverAllMessages();
  for (size_t p = 0; p < logs_.size() && Fine(); ++p) {
    Compare(p, "at the end");
    while (!process_->writing.empty() && Fine()) WriteOne(/*may_fail=*/false);
    if (!Fine()) return;
    Judge(p, 100);
    StoreAll(p);
  }
  if (!Fine()) return;
  Crash();  // what is stored is what was in memory
  for (size_t p = 0; p < logs_.size() && Fine(); ++p) {
    const int64_t end = logs_[p].back().offset + 1;
    if (partition(p).next_offset().value() != end) Fail("the last checkpoint is not there");
    while (partition(p).figures().outbox_pending > 0 && Fine()) {
      const size_t before = dead_letters_[p].size();
      SendOutbox(p, /*acknowledge=*/true);
      RestorePartition(p);
      if (dead_letters_[p].size() > logs_[p].size() || before > logs_[p].size()) break;
    }
    for (const std::string& id : AllLinkedIds()) {
      if (PartitionOfLinkedId(id, logs_.size()) != p) continue;
      const std::string difference =
          LinkDifference(partition(p), process_->cold, id, Linked(logs_));
      if (!difference.empty()) Fail(absl::StrCat("partition ", p, ": ", difference));
    }
    const OracleState expected = Fold(logs_[p], end);
    const std::string told = compare_bytes_ ? "" : memberships_.Difference(p, expected);
    if (!told.empty()) Fail(absl::StrCat("partition ", p, ": ", told));
    std::map<int64_t, std::string> got;
    for (const auto& [id, content] : dead_letters_[p]) got.insert(content);
    const std::map<int64_t, std::string> wanted(expected.dead_letters.begin(),
                                                expected.dead_letters.end());
    if (got != wanted || dead_letters_[p].size() != wanted.size()) {
      Fail(absl::StrCat("partition ", p, ": ", dead_letters_[p].size(), " dead letters, expected ",
                        wanted.size(), " or other ones"));
    }
  }
}

// The same log once more, nothing happening: what is stored must be the same, byte for byte.
void Simulation::CompareWithSteady() {
  store::StoreOptions options = StoreOptionsOf(logs_.size());
  options.environment = store::NewMemoryEnvironment();
  absl::StatusOr<std::unique_ptr<store::Store>> steady = store::Store::Open(options);
  if (!steady.ok()) return Fail(steady.status().ToString());
  Process process(SharedOptionsOf(), steady->get());
  for (const std::string& name : AllItems()) process.shared.items.names().Intern(name);
  for (const std::string& name : AllTerms()) process.shared.terms.names().Intern(name);
  for (size_t p = 0; p < logs_.size() && Fine(); ++p) {
    node::Partition partition(Id(p), &process.shared);
    std::vector<stream::RawRecord> records;
    for (const LogRecord& record : logs_[p]) {
      stream::RecordParts parts;
      parts.topic = "events";
      parts.partition = Id(p);
      parts.offset = Offset(record.offset);
      parts.key = record.key;
      parts.value = record.value;
      parts.timestamp_ms = record.arrival_ms;
      records.emplace_back(std::move(parts));
    }
    Expect("apply", partition.Apply(records, process.cold, &process.bench));
    std::optional<node::PendingCheckpoint> pending = partition.TakeCheckpoint(**steady);
    if (!pending.has_value()) return Fail("nothing to store");
    Expect("write", (*steady)->Write(std::move(pending->checkpoint)));
    partition.CheckpointDone(*pending);
    const std::string difference = Difference(*store_, **steady, Id(p));
    if (!difference.empty()) Fail(absl::StrCat("stored partition ", p, ": ", difference));
  }
}

}  // namespace

Outcome Simulate(uint64_t seed, Defect defect, bool trace) {
  Simulation simulation(seed, defect, trace);
  return simulation.Run();
}

}  // namespace kindred::simulation
