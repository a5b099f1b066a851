// Partition: events that take others back, and what recommendations led to.
#include <cmath>

#include "node/partition.h"

namespace kindred::node {
namespace {

// Tells an event's undo from the event, among the fingerprints.
constexpr uint64_t kUndoMark = 0x9E3779B97F4A7C15;

}  // namespace

// An undo repeats the event, id and all. Its id among the fingerprints says that the event was
// applied; an undo that came first takes its place, so that the event is a copy when it comes.
void Partition::UndoEvent(const stream::RawRecord& record, clean::CleanEvent* event, uint64_t hash,
                          profile::Customer* customer, Workbench* bench) {
  const bool applied = !duplicates_.Insert(event->fingerprint, record.timestamp_ms());
  if (!duplicates_.Insert(event->fingerprint ^ kUndoMark, record.timestamp_ms())) {
    CountDuplicate(event->channel);
    return;
  }
  FillFromCatalogue(event, bench);
  CountAccepted(*event);
  if (!applied || customer == nullptr || event->type == event::EventType::kDelete) return;
  const profile::ApplyContext context = Intern(*event, bench);
  CountAttribution(*event, context, hash, /*undo=*/true);
  CountInSeries(*event, context, hash, /*undo=*/true);
  if (event->type == event::EventType::kRating) {
    rating_table_.Take(hash, context.item, event->event_time_ms);
  }
  UnlearnItems(*event, context, customer->profile, bench);
  if (!customer->profile.Undo(*event, context)) return;
  if (customer->profile.empty()) {
    customers_.Remove(event->customer_id, hash);
    --customer_count_;
  } else {
    customers_.MarkDirty(*customer);
  }
}

// As if the event had never been: what it added in its context goes, and what later events added in
// theirs is added again without it, as far back as the recent items tell.
void Partition::UnlearnItems(const clean::CleanEvent& event, const profile::ApplyContext& context,
                             const profile::Profile& profile, Workbench* bench) {
  const std::optional<recommend::Interaction> kind = InteractionOf(event.type);
  if (context.item.value() == 0 || !kind.has_value()) return;
  TouchesOf(profile, &bench->recent);
  std::vector<recommend::Touch>& touches = bench->recent;
  size_t at = 0;
  while (at < touches.size() && !(touches[at].item == context.item && touches[at].kind == *kind &&
                                  touches[at].time_ms == event.event_time_ms)) {
    ++at;
  }
  const auto before = [&touches](size_t i) { return absl::MakeConstSpan(touches).subspan(i + 1); };
  if (at == touches.size()) {
    // Longer ago than the recent items reach: its pairs stay, its popularity goes.
    pairs_->AddEvent({context.item, *kind, event.event_time_ms}, {}, -1.0f);
    return;
  }
  for (size_t i = 0; i <= at; ++i) pairs_->AddEvent(touches[i], before(i), -1.0f);
  touches.erase(touches.begin() + static_cast<std::ptrdiff_t>(at));
  for (size_t i = at; i-- > 0;) pairs_->AddEvent(touches[i], before(i));
}

void Partition::CountAttribution(const clean::CleanEvent& event,
                                 const profile::ApplyContext& context, uint64_t hash, bool undo) {
  const bool in_default =
      context.currency.value() == 0 || context.currency == shared_.default_currency;
  const int64_t revenue =
      event.has_amount && in_default ? std::llround(event.amount * profile::kMicros) : 0;
  attribution_.Apply(event, hash, context.item, revenue, undo);
}

}  // namespace kindred::node
