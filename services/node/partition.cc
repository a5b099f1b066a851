#include "node/partition.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "node/dead_letter.h"
#include "node/event_fields.h"
#include "profile/bounded_sets.h"

namespace kindred::node {
namespace {

// Records applied under one hold of the lock: readers wait for a fraction of a millisecond.
constexpr size_t kSliceRecords = 32;
// Records whose bytes are being loaded while one is decoded.
constexpr size_t kRecordsAhead = 2;
// Records whose customers' profiles are being loaded while one is applied.
constexpr size_t kProfilesAhead = 3;
// What a changed profile adds to the next checkpoint, roughly.
constexpr size_t kDirtyProfileBytes = 400;
// Its fingerprint, and its share of the rows of items and series.
constexpr size_t kUnstoredRecordBytes = 100;

// Whether the event takes back another: the one it repeats.
bool IsUndo(const clean::CleanEvent& event) {
  for (const event::JsonField& field : *event.properties) {
    if (field.name == "undo") return field.json == "true";
  }
  return false;
}

constexpr std::optional<recommend::Interaction> Interacts(event::EventType type) {
  switch (type) {
    case event::EventType::kView:
      return recommend::Interaction::kView;
    case event::EventType::kClick:
      return recommend::Interaction::kClick;
    case event::EventType::kWishlist:
      return recommend::Interaction::kWishlist;
    case event::EventType::kAddToCart:
      return recommend::Interaction::kCart;
    case event::EventType::kPurchase:
      return recommend::Interaction::kPurchase;
    case event::EventType::kRating:
      return recommend::Interaction::kRating;
    default:
      return std::nullopt;
  }
}

// The same by type; kNoInteraction: none.
constexpr auto kNoInteraction = static_cast<recommend::Interaction>(0xFF);
constexpr std::array<recommend::Interaction, 256> kInteractions = [] {
  std::array<recommend::Interaction, 256> kinds{};
  for (size_t i = 0; i < kinds.size(); ++i) {
    kinds[i] = Interacts(static_cast<event::EventType>(i)).value_or(kNoInteraction);
  }
  return kinds;
}();

// After everything that exists was read: nothing more is stored.
class NothingStored final : public ColdReader {
 public:
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId, absl::Span<const absl::string_view> ids) const override {
    return std::vector<std::optional<std::string>>(ids.size());
  }
};

}  // namespace

std::optional<recommend::Interaction> InteractionOf(event::EventType type) {
  return Interacts(type);
}

void TouchesOf(const profile::Profile& profile, std::vector<recommend::Touch>* touches) {
  touches->clear();
  AppendTouches(profile, touches);
}

void AppendTouches(const profile::Profile& profile, std::vector<recommend::Touch>* touches) {
  const absl::Span<const profile::RecentItem> recent = profile.recent_items();
  const size_t needed = touches->size() + recent.size();
  // Not for this customer alone: others' follow.
  if (touches->capacity() < needed) touches->reserve(std::max(needed, 2 * touches->capacity()));
  for (size_t i = recent.size(); i-- > 0;) {
    const recommend::Interaction kind = kInteractions[static_cast<uint8_t>(recent[i].type)];
    if (kind != kNoInteraction) touches->push_back({recent[i].item, kind, recent[i].time_ms});
  }
}

absl::Status Partition::Apply(absl::Span<const stream::RawRecord> records, const ColdReader& cold,
                              Workbench* bench) {
  KINDRED_RETURN_IF_ERROR(Prefetch(records, cold));
  for (size_t begin = 0; begin < records.size(); begin += kSliceRecords) {
    const absl::Span<const stream::RawRecord> slice = records.subspan(begin, kSliceRecords);
    Prepare(slice, bench);
    int64_t next_offset = next_offset_.load(std::memory_order_relaxed);
    absl::Status applied;
    {
      absl::MutexLock lock(&mutex_);
      applied = ApplySlice(slice, cold, bench, &next_offset);
      CountLessons(*bench);
      const int64_t unstored = std::max<int64_t>(0, next_offset - begun_offset_);
      dirty_bytes_.store(customers_.dirty_count() * kDirtyProfileBytes +
                             static_cast<size_t>(unstored) * kUnstoredRecordBytes + outbox_bytes_ +
                             (collecting_.has_value() ? collecting_->checkpoint.bytes() : 0),
                         std::memory_order_relaxed);
    }
    LearnRelations(bench);
    next_offset_.store(next_offset, std::memory_order_release);
    if (!applied.ok()) return applied;
  }
  return absl::OkStatus();
}

// One step for all records, then the next: the code of a step stays in the processor's cache.
void Partition::Prepare(absl::Span<const stream::RawRecord> records, Workbench* bench) {
  while (bench->prepared.size() < records.size()) bench->prepared.emplace_back(shared_.options);
  absl::ReaderMutexLock lock(&mutex_);
  const int64_t next_offset = next_offset_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < records.size(); ++i) {
    const stream::RawRecord& record = records[i];
    if (i + kRecordsAhead < records.size()) records[i + kRecordsAhead].Prefetch();
    const bool ahead = record.offset().value() >= next_offset && !IsSetAside(record.offset()) &&
                       record.value().size() <= PreparedRecord::kMaxBytes;
    if (ahead) {
      bench->prepared[i].Decode(record);
    } else {
      bench->prepared[i].Clear();
    }
  }
  for (size_t i = 0; i < records.size(); ++i) {
    if (bench->prepared[i].decoded()) bench->prepared[i].CleanOnly();
  }
}

absl::Status Partition::ApplySlice(absl::Span<const stream::RawRecord> records,
                                   const ColdReader& cold, Workbench* bench, int64_t* next_offset) {
  const size_t count = records.size();
  for (size_t i = 0; i < count; ++i) {
    bench->prepared[i].PrefetchSlots(customers_, duplicates_, bench->item_names);
  }
  for (size_t i = 0; i < count; ++i) bench->prepared[i].PrefetchCustomer(customers_);
  for (size_t i = 0; i < std::min(kProfilesAhead, count); ++i) {
    bench->prepared[i].PrefetchProfile(customers_);
  }
  for (size_t i = 0; i < count; ++i) {
    if (i + kProfilesAhead < count) {
      bench->prepared[i + kProfilesAhead].PrefetchProfile(customers_);
    }
    const int64_t offset = records[i].offset().value();
    if (offset < *next_offset) continue;
    if (breaker_.tripped()) {
      halted_.store(true, std::memory_order_release);
      return absl::FailedPreconditionError("nearly all records are rejected");
    }
    const uint64_t used = quality_.accepted + quality_.duplicates;
    const size_t said = outbox_.size();
    KINDRED_RETURN_IF_ERROR(ApplyRecord(records[i], &bench->prepared[i], cold, bench));
    breaker_.Count(outbox_.size() > said && quality_.accepted + quality_.duplicates == used);
    // A log may begin above 0 (retention); what was never offered is not skipped.
    if (*next_offset > 0 && offset > *next_offset) {
      quality_.skipped_offsets += static_cast<uint64_t>(offset - *next_offset);
    }
    *next_offset = offset + 1;
  }
  return absl::OkStatus();
}

absl::Status Partition::Prefetch(absl::Span<const stream::RawRecord> records,
                                 const ColdReader& cold) {
  std::vector<absl::string_view> ids;
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (customers_.stored_only_bound() == 0) return absl::OkStatus();
    for (const stream::RawRecord& record : records) {
      if (IsSetAside(record.offset())) continue;
      const uint64_t hash = profile::CustomerMap::Hash(record.key());
      if (customers_.MayBeStored(hash) && customers_.Peek(record.key(), hash) == nullptr) {
        ids.push_back(record.key());
      }
    }
  }
  if (ids.empty()) return absl::OkStatus();
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  absl::StatusOr<std::vector<std::optional<std::string>>> stored = cold.Read(id_, ids);
  if (!stored.ok()) return stored.status();
  absl::MutexLock lock(&mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!(*stored)[i].has_value()) continue;
    absl::StatusOr<profile::Profile> profile = profile::Profile::Decode(*(*stored)[i]);
    if (!profile.ok()) return profile.status();
    customers_.Insert(ids[i], profile::CustomerMap::Hash(ids[i]), *std::move(profile));
  }
  return absl::OkStatus();
}

absl::Status Partition::ApplyRecord(const stream::RawRecord& record, PreparedRecord* prepared,
                                    const ColdReader& cold, Workbench* bench) {
  if (IsSetAside(record.offset())) {
    CountRejected(clean::RejectReason::kCrashesProcess, "");
    Reject(record, "apply", clean::RejectReasonName(clean::RejectReason::kCrashesProcess),
           "the process died each time that this record was applied", 0);
    return absl::OkStatus();
  }
  const bool ahead = prepared->decoded() && prepared->events().size() == 1;
  if (!prepared->decoded()) {
    prepared = &bench->turn;
    prepared->Decode(record);
  }
  const event::DecodeResult& result = prepared->result();
  if (!result.ok()) {
    quality_.CountDecodeFailure(result.failure);
    quality_book_.CountRejected("");
    Reject(record, "decode", event::DecodeFailureName(result.failure), result.detail, 0);
    return absl::OkStatus();
  }
  const absl::Span<const event::Event> events = prepared->events();
  // A record is applied as a whole or not at all, or a repetition would count its first events as
  // copies. One event reads before it changes anything; of several all customers are read first,
  // and the sample makes its step, whatever is in memory.
  const NothingStored nothing;
  const ColdReader* reader = &cold;
  if (events.size() > 1) {
    for (size_t i = 0; i < events.size(); ++i) {
      const clean::Outcome outcome = prepared->Cleaned(i);
      if (!outcome.ok()) continue;
      const absl::string_view id = outcome.event->customer_id;
      KINDRED_RETURN_IF_ERROR(FindOrLoad(id, profile::CustomerMap::Hash(id), cold).status());
      KINDRED_RETURN_IF_ERROR(StepSample(outcome.event->event_time_ms, cold));
    }
    reader = &nothing;
  }
  for (size_t i = 0; i < events.size(); ++i) {
    KINDRED_RETURN_IF_ERROR(ApplyEvent(record, i, *reader, prepared, bench));
    // The next event takes the place of this one.
    if (!ahead) Learn(bench);
  }
  return absl::OkStatus();
}

absl::Status Partition::ApplyEvent(const stream::RawRecord& record, size_t line,
                                   const ColdReader& cold, PreparedRecord* prepared,
                                   Workbench* bench) {
  const event::Event& event = prepared->events()[line];
  const clean::Outcome outcome = prepared->Cleaned(line);
  if (!outcome.ok()) {
    RejectUnclean(record, *outcome.rejection, event);
    return absl::OkStatus();
  }
  clean::CleanEvent& clean = *outcome.event;
  const uint64_t hash = prepared->CustomerHash(clean);
  // The only steps that can fail come before anything has changed. Links have no part in event
  // time.
  const bool link =
      clean.type == event::EventType::kLink || clean.type == event::EventType::kUnlink;
  if (!link) {
    KINDRED_RETURN_IF_ERROR(StepSample(clean.event_time_ms, cold));
  }
  absl::StatusOr<profile::Customer*> customer = FindOrLoad(clean.customer_id, hash, cold);
  if (!customer.ok()) return customer.status();
  if (!link && IsUndo(clean)) {
    Learn(bench);
    UndoEvent(record, &clean, hash, *customer, bench);
    return absl::OkStatus();
  }
  if (!duplicates_.Insert(clean.fingerprint, record.timestamp_ms())) {
    CountDuplicate(clean.channel);
    return absl::OkStatus();
  }
  if (link) {
    ApplyLink(record, event, clean, hash, *customer);
    return absl::OkStatus();
  }
  FillFromCatalogue(&clean, bench);
  if (!ApplyRules(record, &clean, event.line, bench)) return absl::OkStatus();
  static const profile::Profile* const kStranger = new profile::Profile;
  const profile::Profile& known = *customer == nullptr ? *kStranger : (*customer)->profile;
  clean::Cleaner& cleaner = prepared->cleaner();
  if (!cleaner.FlagOutliers(known.amount_history(), known.rate_history(), &prices_, &clean)) {
    const clean::Rejection& rejection = cleaner.rejection();
    CountRejected(rejection.reason, clean.channel);
    Reject(record, "clean", clean::RejectReasonName(rejection.reason), rejection.detail,
           event.line);
    return absl::OkStatus();
  }
  CountAccepted(clean);
  if (clean.event_time_ms > newest_event_ms_.load(std::memory_order_relaxed)) {
    newest_event_ms_.store(clean.event_time_ms, std::memory_order_release);
  }
  if (clean.type == event::EventType::kDelete) {
    Learn(bench);
    DeleteCustomer(clean, hash, *customer);
    return absl::OkStatus();
  }
  ApplyAccepted(clean, hash, *customer, bench);
  return absl::OkStatus();
}

void Partition::RejectUnclean(const stream::RawRecord& record, const clean::Rejection& rejection,
                              const event::Event& event) {
  if (rejection.fingerprint != 0 &&
      !duplicates_.Insert(rejection.fingerprint, record.timestamp_ms())) {
    CountDuplicate(event.channel);
    return;
  }
  CountRejected(rejection.reason, event.channel);
  Reject(record, "clean", clean::RejectReasonName(rejection.reason), rejection.detail, event.line);
}

void Partition::ApplyAccepted(const clean::CleanEvent& event, uint64_t hash,
                              profile::Customer* customer, Workbench* bench) {
  if (customer == nullptr) {
    customer = customers_.Insert(event.customer_id, hash, profile::Profile());
  }
  if (customer->profile.empty()) {
    ++customer_count_;
    if (sample_.MayHold(hash)) sample_.Admit(event.customer_id, hash);
  }
  // The producer chose the partition by its own rule; the customer's own may be another one.
  if (base::PartitionOf(event.customer_id, shared_.options.partition_count) != id_.value()) {
    ++quality_.stray_records;
    if (customer->profile.empty()) shared_.strays.Add(hash, id_);
  }
  const profile::ApplyContext context = Intern(event, bench);
  Lesson lesson{&event, context, hash, bench->touches.size(), bench->touches.size()};
  if (context.item.value() != 0) AppendTouches(customer->profile, &bench->touches);
  lesson.touches_end = bench->touches.size();
  bench->lessons.push_back(lesson);
  CountAttribution(event, context, hash, /*undo=*/false);
  customer->profile.Apply(event, context);
  LinkIds(event, customer);
  customers_.MarkDirty(*customer);
  if (event.type == event::EventType::kPurchase && sample_.MayHold(hash)) {
    const bool own_currency =
        context.currency.value() == 0 || context.currency == context.default_currency;
    sample_.NotePurchase(event.customer_id, hash, event.event_time_ms,
                         event.has_amount && own_currency ? profile::ToMicros(event.amount) : 0,
                         context.category);
  }
}

bool Partition::ApplyRules(const stream::RawRecord& record, clean::CleanEvent* event, uint32_t line,
                           Workbench* bench) {
  // The rules stay the same for a record, and what they hold as long as the event.
  if (shared_.rules.generation() != bench->rules_generation) {
    bench->rules_generation = shared_.rules.generation();
    bench->rules = shared_.rules.rules();
  }
  if (bench->rules == nullptr || bench->rules->cleaning.empty()) return true;
  // What customers ask for themselves no rule may stop.
  if (event->type == event::EventType::kDelete || event->type == event::EventType::kConsent) {
    return true;
  }
  bench->rule_texts.clear();
  const Verdict verdict = ApplyCleaning(*bench->rules, event, &bench->rule_texts);
  for (uint64_t bits = verdict.matched; bits != 0; bits &= bits - 1) {
    bench->rules->cleaning_counts[static_cast<size_t>(std::countr_zero(bits))].fetch_add(
        1, std::memory_order_relaxed);
  }
  if (verdict.dropped_by == nullptr) return true;
  constexpr auto kReason = clean::RejectReason::kOperatorRule;
  CountRejected(kReason, event->channel);
  Reject(record, "clean", clean::RejectReasonName(kReason), verdict.dropped_by->name, line);
  return false;
}

absl::StatusOr<profile::Customer*> Partition::FindOrLoad(absl::string_view id, uint64_t hash,
                                                         const ColdReader& cold) {
  if (profile::Customer* customer = customers_.Find(id, hash); customer != nullptr) {
    return customer;
  }
  if (!customers_.MayBeStored(hash)) return nullptr;
  const absl::string_view ids[] = {id};
  absl::StatusOr<std::vector<std::optional<std::string>>> stored = cold.Read(id_, ids);
  if (!stored.ok()) return stored.status();
  if (!stored->front().has_value()) return nullptr;
  absl::StatusOr<profile::Profile> profile = profile::Profile::Decode(*stored->front());
  if (!profile.ok()) return profile.status();
  return customers_.Insert(id, hash, *std::move(profile));
}

profile::ApplyContext Partition::Intern(const clean::CleanEvent& event, Workbench* bench) {
  base::DictionaryCache& terms = bench->term_names;
  profile::ApplyContext context;
  context.affinity_decay = &shared_.affinity_decay;
  context.default_currency = shared_.default_currency;
  context.outlier_rules = &shared_.options.clean_rules.outliers;
  context.item = ItemId(bench->item_names.Intern(event.item_id));
  context.category = TermId(terms.Intern(event.category));
  context.brand = TermId(terms.Intern(event.brand));
  context.channel = TermId(terms.Intern(event.channel));
  context.device = TermId(terms.Intern(event.device));
  context.country = TermId(terms.Intern(event.country));
  context.region = TermId(terms.Intern(event.region));
  context.city = TermId(terms.Intern(event.city));
  context.currency = TermId(terms.Intern(event.currency));
  return context;
}

void Partition::FillFromCatalogue(clean::CleanEvent* event, Workbench* bench) const {
  if (event->item_id.empty() || shared_.catalogue.empty()) return;
  const ItemId item(shared_.items.names().Find(event->item_id));
  CatalogueItem& facts = bench->catalogue_item;
  if (item.value() == 0 || !shared_.catalogue.Find(item, &facts)) return;
  clean::Cleaner::Fill(
      {facts.category, facts.brand, facts.title, facts.currency, facts.has_price, facts.price},
      event);
}

void Partition::Reject(const stream::RawRecord& record, absl::string_view stage,
                       absl::string_view reason, absl::string_view detail, uint32_t line) {
  outbox_.push_back(
      {next_outbox_++, EncodeDeadLetter(MakeDeadLetter(record, stage, reason, detail, line))});
  outbox_bytes_ += outbox_.back().bytes.size();
}

void Partition::Post(const OutboxEntry& entry) {
  outbox_.push_back({next_outbox_++, EncodeOutboxEntry(entry)});
  outbox_bytes_ += outbox_.back().bytes.size();
}

bool Partition::IsSetAside(Offset offset) const {
  return !set_aside_.empty() &&
         std::binary_search(set_aside_.begin(), set_aside_.end(), offset.value());
}

void Partition::SetAside(std::vector<int64_t> offsets) {
  absl::MutexLock lock(&mutex_);
  set_aside_ = std::move(offsets);
}

void Partition::ResetBreaker() {
  absl::MutexLock lock(&mutex_);
  breaker_.Reset();
  halted_.store(false, std::memory_order_release);
}

std::vector<std::string> Partition::TakeChanged(size_t count) {
  std::vector<std::string> ids;
  absl::MutexLock lock(&mutex_);
  customers_.TakeChanged(
      count, [&ids](const profile::Customer& customer) { ids.emplace_back(customer.id()); });
  return ids;
}

size_t Partition::changed_waiting() const {
  absl::ReaderMutexLock lock(&mutex_);
  return customers_.changed_bound();
}

void Partition::Evict(size_t target_bytes) {
  if (checkpoint_pending_.load(std::memory_order_acquire)) return;
  absl::MutexLock lock(&mutex_);
  customers_.EvictClean(target_bytes);
}

}  // namespace kindred::node
