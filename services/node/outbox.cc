#include "node/outbox.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "node/dead_letter.h"

namespace kindred::node {
namespace {

constexpr size_t kBatch = 500;
constexpr absl::Duration kRetry = absl::Milliseconds(200);
constexpr absl::Duration kPollInFlight = absl::Milliseconds(5);
// What is kept of key and value after so many refusals: what was wrong can still be seen.
constexpr int kMaxRefusals = 2;
constexpr size_t kCutValueBytes[kMaxRefusals + 1] = {SIZE_MAX, 512 << 10, 1 << 10};

// What is produced. Views into it make the record.
struct Form {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;
};

// After a refusal without the original headers, which may be what is too large.
std::vector<std::pair<std::string, std::string>> HeadersOf(const DeadLetter& letter, int refusals) {
  if (refusals == 0) return letter.AllHeaders();
  DeadLetter bare = letter;
  bare.headers.clear();
  std::vector<std::pair<std::string, std::string>> headers = bare.AllHeaders();
  headers.emplace_back(absl::StrCat(kDeadLetterHeaderPrefix, "cut-from-bytes"),
                       absl::StrCat(letter.value.has_value() ? letter.value->size() : 0));
  return headers;
}

absl::StatusOr<Form> FormOf(OutboxKind kind, absl::string_view bytes, int refusals) {
  const absl::Status refused = absl::InvalidArgumentError("refused in every form");
  if (kind != OutboxKind::kDeadLetter) {
    KINDRED_ASSIGN_OR_RETURN(OutboxEntry entry, DecodeOutboxEntry(bytes));
    if (refusals > 0) return refused;
    return Form{entry.key, entry.value, entry.AllHeaders()};
  }
  KINDRED_ASSIGN_OR_RETURN(DeadLetter letter, DecodeDeadLetter(bytes));
  if (refusals > kMaxRefusals) return refused;
  Form form{letter.key, letter.value, HeadersOf(letter, refusals)};
  for (std::optional<std::string>* text : {&form.key, &form.value}) {
    if (text->has_value()) *text = (*text)->substr(0, kCutValueBytes[refusals]);
  }
  return form;
}

}  // namespace

Outbox::Outbox(OutboxTopics topics, PartitionSet* partitions, store::Store* store,
               stream::RecordSink* sink, telemetry::Registry* registry)
    : topics_(std::move(topics)), partitions_(*partitions), store_(*store), sink_(*sink) {
  for (int kind = 0; kind < kOutboxKinds; ++kind) {
    counters_[static_cast<size_t>(kind)] = CountersOf(static_cast<OutboxKind>(kind), registry);
  }
  thread_ = std::thread([this] { Run(); });
}

Outbox::Counters Outbox::CountersOf(OutboxKind kind, telemetry::Registry* registry) {
  if (kind == OutboxKind::kDeadLetter) {
    return {&registry->GetCounter("kindred_dead_letters_produced_total",
                                  "Dead letters that the brokers acknowledged."),
            &registry->GetCounter("kindred_dead_letter_failures_total",
                                  "Attempts to produce a dead letter that failed."),
            &registry->GetCounter("kindred_dead_letters_given_up_total",
                                  "Dead letters that the brokers refuse in every form, or that "
                                  "cannot be decoded.")};
  }
  const telemetry::Labels labels = {{"kind", std::string(OutboxKindName(kind))}};
  return {&registry->GetCounter("kindred_outbox_produced_total",
                                "Outbox entries that the brokers acknowledged, dead letters aside.",
                                labels),
          &registry->GetCounter("kindred_outbox_failures_total",
                                "Attempts to produce an outbox entry that failed.", labels),
          &registry->GetCounter("kindred_outbox_given_up_total",
                                "Outbox entries that the brokers refuse or nobody can decode.",
                                labels)};
}

const std::string& Outbox::TopicOf(OutboxKind kind) const {
  switch (kind) {
    case OutboxKind::kDeadLetter:
      return topics_.dead_letters;
    case OutboxKind::kMessage:
      return topics_.events;
    case OutboxKind::kAudienceChange:
      return topics_.audiences;
  }
  return topics_.dead_letters;
}

Outbox::~Outbox() { Stop(); }

void Outbox::Wake(PartitionId partition) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<Lane>& lane = lanes_[partition];
  if (lane == nullptr) lane = std::make_shared<Lane>();
  awake_ = true;
  idle_ = false;
}

absl::Status Outbox::Drain(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  if (mutex_.AwaitWithTimeout(absl::Condition(&idle_), timeout)) return absl::OkStatus();
  return absl::DeadlineExceededError("outbox entries wait for the brokers");
}

void Outbox::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Outbox::Run() {
  base::NameThread("outbox");
  bool busy = false;
  while (true) {
    absl::flat_hash_map<PartitionId, std::shared_ptr<Lane>> lanes;
    {
      absl::MutexLock lock(&mutex_);
      const auto wake = [this]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || awake_; };
      mutex_.AwaitWithTimeout(absl::Condition(&wake),
                              busy ? kPollInFlight : absl::InfiniteDuration());
      if (stopping_) return;
      awake_ = false;
      lanes = lanes_;
    }
    busy = false;
    for (const auto& [partition, lane] : lanes) busy |= Advance(partition, lane.get());
    absl::MutexLock lock(&mutex_);
    idle_ = !busy && !awake_;
  }
}

bool Outbox::Advance(PartitionId partition, Lane* lane) {
  std::vector<std::pair<uint64_t, OutboxKind>> delivered;
  bool failed = false;
  bool in_flight = false;
  {
    absl::MutexLock lock(&lane->mutex);
    delivered.swap(lane->delivered);
    in_flight = lane->in_flight > 0;
    if (lane->failed && !in_flight) {
      failed = true;
      lane->failed = false;
    }
  }
  if (!delivered.empty()) {
    std::vector<uint64_t> sequences;
    for (const auto& [sequence, kind] : delivered) sequences.push_back(sequence);
    const absl::Status status = store_.DeleteOutbox(partition, sequences);
    if (status.ok()) {
      for (const auto& [sequence, kind] : delivered) {
        counters_[static_cast<size_t>(kind)].produced->Increment();
      }
      partitions_.slot(partition).state->OutboxDelivered(delivered.size());
    } else {
      // They are produced again under the same ids.
      absl::MutexLock lock(&lane->mutex);
      lane->failed = true;
    }
  }
  if (failed) {
    lane->next = 0;
    absl::SleepFor(kRetry);
  }
  // One batch at a time keeps memory bounded and acknowledgements simple.
  if (in_flight) return true;
  std::shared_ptr<Lane> shared;
  {
    absl::MutexLock lock(&mutex_);
    shared = lanes_[partition];
  }
  size_t produced = 0;
  const absl::Status status =
      store_.ForEachOutbox(partition, lane->next, kBatch,
                           [&](uint64_t sequence, absl::string_view bytes) -> absl::Status {
                             const absl::Status sent = Produce(sequence, bytes, shared);
                             if (!sent.ok()) return sent;
                             lane->next = sequence + 1;
                             ++produced;
                             return absl::OkStatus();
                           });
  if (!status.ok()) {
    static base::LogLimiter limiter(absl::Seconds(10));
    if (limiter.Allow(absl::Now())) {
      base::LogWarning("outbox", "entries wait", {{"error", status}});
    }
    return true;
  }
  return produced > 0 || !delivered.empty();
}

absl::Status Outbox::Produce(uint64_t sequence, absl::string_view bytes,
                             const std::shared_ptr<Lane>& lane) {
  const absl::StatusOr<OutboxKind> stored_kind = StoredKind(bytes);
  const OutboxKind kind = stored_kind.value_or(OutboxKind::kDeadLetter);
  int refusals = 0;
  {
    absl::MutexLock lock(&lane->mutex);
    if (const auto it = lane->refused.find(sequence); it != lane->refused.end()) {
      refusals = it->second;
    }
  }
  const absl::StatusOr<Form> form =
      stored_kind.ok() ? FormOf(kind, bytes, refusals) : stored_kind.status();
  if (!form.ok() || TopicOf(kind).empty()) {
    GiveUp(kind, sequence, form.ok() ? absl::NotFoundError("no topic for it") : form.status(),
           lane.get());
    return absl::OkStatus();
  }
  const std::vector<stream::Header> headers(form->headers.begin(), form->headers.end());
  stream::OutRecord record;
  record.topic = TopicOf(kind);
  record.key = form->key;
  record.value = form->value;
  record.headers = headers;
  {
    absl::MutexLock lock(&lane->mutex);
    ++lane->in_flight;
  }
  const auto done = [this, lane, sequence, kind](const stream::Delivery& delivery) {
    absl::MutexLock lock(&lane->mutex);
    --lane->in_flight;
    if (delivery.status.ok()) {
      lane->delivered.emplace_back(sequence, kind);
      lane->refused.erase(sequence);
      return;
    }
    counters_[static_cast<size_t>(kind)].failures->Increment();
    lane->failed = true;
    if (absl::IsInvalidArgument(delivery.status)) ++lane->refused[sequence];
  };
  const absl::Status status = sink_.Produce(record, done);
  if (status.ok()) return status;
  if (absl::IsInvalidArgument(status)) {
    done({status, PartitionId(), Offset()});
    return absl::OkStatus();
  }
  absl::MutexLock lock(&lane->mutex);
  --lane->in_flight;
  return status;
}

void Outbox::GiveUp(OutboxKind kind, uint64_t sequence, const absl::Status& why, Lane* lane) {
  base::LogError("outbox", "an entry is given up",
                 {{"kind", OutboxKindName(kind)}, {"sequence", sequence}, {"error", why}});
  counters_[static_cast<size_t>(kind)].given_up->Increment();
  absl::MutexLock lock(&lane->mutex);
  lane->delivered.emplace_back(sequence, kind);
  lane->refused.erase(sequence);
}

}  // namespace kindred::node
