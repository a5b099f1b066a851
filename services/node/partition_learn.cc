// What accepted events teach besides the profile: series, ratings, items and their relations.
#include <optional>

#include "absl/types/span.h"
#include "node/partition.h"
#include "node/workbench.h"

namespace kindred::node {
namespace {

// Events whose rows are being loaded while one is learned.
constexpr size_t kRowsAhead = 2;

}  // namespace

void Partition::Learn(Workbench* bench) {
  CountLessons(*bench);
  LearnRelations(bench);
}

void Partition::CountLessons(const Workbench& bench) {
  for (const Lesson& lesson : bench.lessons) {
    const clean::CleanEvent& event = *lesson.event;
    CountInSeries(event, lesson.context, lesson.customer_hash, /*undo=*/false);
    if (event.type == event::EventType::kRating && event.has_rating &&
        lesson.context.item.value() != 0) {
      rating_table_.Rate(lesson.customer_hash, event.customer_id, lesson.context.item,
                         static_cast<float>(event.rating), event.event_time_ms);
    }
  }
}

void Partition::LearnRelations(Workbench* bench) {
  const auto touches = [bench](const Lesson& lesson) {
    return absl::MakeConstSpan(bench->touches)
        .subspan(lesson.touches_begin, lesson.touches_end - lesson.touches_begin);
  };
  // Rows lie anywhere in memory: while one event is learned the next one's are on their way.
  const size_t count = bench->lessons.size();
  for (size_t i = 0; i < count + kRowsAhead && count > 0; ++i) {
    if (i + 1 < count) {
      const Lesson& next = bench->lessons[i + 1];
      pairs_->PrefetchSlots(next.context.item, touches(next));
    }
    if (i < count) pairs_->PrefetchRows(bench->lessons[i].context.item, touches(bench->lessons[i]));
    if (i < kRowsAhead) continue;
    const Lesson& lesson = bench->lessons[i - kRowsAhead];
    if (lesson.context.item.value() == 0) continue;
    NoteItem(*lesson.event, lesson.context);
    const std::optional<recommend::Interaction> kind = InteractionOf(lesson.event->type);
    if (!kind.has_value()) continue;
    pairs_->AddEvent({lesson.context.item, *kind, lesson.event->event_time_ms}, touches(lesson));
  }
  bench->lessons.clear();
  bench->touches.clear();
}

void Partition::NoteItem(const clean::CleanEvent& event, const profile::ApplyContext& context) {
  const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(context.item.value());
  const bool news = (context.category.value() != 0 && facts.category != context.category) ||
                    (context.brand.value() != 0 && facts.brand != context.brand) ||
                    (event.has_price && !(facts.price > 0));
  bool noted = false;
  if (news || !facts.eligible) {
    shared_.index.SetAttributesFromEvent(context.item, context.category, context.brand,
                                         event.has_price ? static_cast<float>(event.price) : 0.0f);
    noted = news;
  }
  if (!event.title.empty() &&
      shared_.index.SetTitleFromEvent(context.item, event.title, event.event_time_ms)) {
    noted = true;
  }
  if (noted) noted_items_.push_back(context.item);
}

}  // namespace kindred::node
