#include "node/outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "node/dead_letter.h"

namespace kindred::node {
namespace {

constexpr size_t kBatch = 500;
constexpr absl::Duration kRetry = absl::Milliseconds(200);
constexpr absl::Duration kPollInFlight = absl::Milliseconds(5);
// What is kept of key and value after so many refusals: what was wrong can still be seen.
constexpr int kMaxRefusals = 2;
constexpr size_t kCutValueBytes[kMaxRefusals + 1] = {SIZE_MAX, 512 << 10, 1 << 10};

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

}  // namespace

Outbox::Outbox(std::string dead_letter_topic, PartitionSet* partitions, store::Store* store,
               stream::RecordSink* sink, telemetry::Registry* registry)
    : topic_(std::move(dead_letter_topic)),
      partitions_(*partitions),
      store_(*store),
      sink_(*sink),
      produced_(registry->GetCounter("kindred_dead_letters_produced_total",
                                     "Dead letters that the brokers acknowledged.")),
      failures_(registry->GetCounter("kindred_dead_letter_failures_total",
                                     "Attempts to produce a dead letter that failed.")),
      given_up_(registry->GetCounter("kindred_dead_letters_given_up_total",
                                     "Dead letters that the brokers refuse in every form, or that "
                                     "cannot be decoded.")),
      thread_([this] { Run(); }) {}

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
  return absl::DeadlineExceededError("dead letters wait for the brokers");
}

void Outbox::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Outbox::Run() {
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
  std::vector<uint64_t> delivered;
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
    const absl::Status status = store_.DeleteOutbox(partition, delivered);
    if (status.ok()) {
      produced_.Increment(delivered.size());
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
      base::LogWarning("outbox", "dead letters wait", {{"error", status}});
    }
    return true;
  }
  return produced > 0 || !delivered.empty();
}

absl::Status Outbox::Produce(uint64_t sequence, absl::string_view bytes,
                             const std::shared_ptr<Lane>& lane) {
  const absl::StatusOr<DeadLetter> letter = DecodeDeadLetter(bytes);
  int refusals = 0;
  {
    absl::MutexLock lock(&lane->mutex);
    if (const auto it = lane->refused.find(sequence); it != lane->refused.end()) {
      refusals = it->second;
    }
  }
  if (!letter.ok() || refusals > kMaxRefusals) {
    GiveUp(sequence,
           letter.ok() ? absl::InvalidArgumentError("refused in every form") : letter.status(),
           lane.get());
    return absl::OkStatus();
  }
  const std::vector<std::pair<std::string, std::string>> all = HeadersOf(*letter, refusals);
  const std::vector<stream::Header> headers(all.begin(), all.end());
  stream::OutRecord record;
  record.topic = topic_;
  if (letter->key.has_value())
    record.key = absl::string_view(*letter->key).substr(0, kCutValueBytes[refusals]);
  if (letter->value.has_value()) {
    record.value = absl::string_view(*letter->value).substr(0, kCutValueBytes[refusals]);
  }
  record.headers = headers;
  {
    absl::MutexLock lock(&lane->mutex);
    ++lane->in_flight;
  }
  const auto done = [this, lane, sequence](const stream::Delivery& delivery) {
    absl::MutexLock lock(&lane->mutex);
    --lane->in_flight;
    if (delivery.status.ok()) {
      lane->delivered.push_back(sequence);
      lane->refused.erase(sequence);
      return;
    }
    failures_.Increment();
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

void Outbox::GiveUp(uint64_t sequence, const absl::Status& why, Lane* lane) {
  base::LogError("outbox", "a dead letter is given up", {{"sequence", sequence}, {"error", why}});
  given_up_.Increment();
  absl::MutexLock lock(&lane->mutex);
  lane->delivered.push_back(sequence);
  lane->refused.erase(sequence);
}

}  // namespace kindred::node
