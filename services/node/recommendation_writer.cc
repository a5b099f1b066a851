#include "node/recommendation_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace kindred::node {
namespace {

using ::kindred::v1::Contribution;
using ::kindred::v1::Recommendation;

event::v1::EventType TypeOf(recommend::SeedKind kind) {
  switch (kind) {
    case recommend::SeedKind::kViewed:
    case recommend::SeedKind::kPage:
      return event::v1::EVENT_TYPE_VIEW;
    case recommend::SeedKind::kCart:
      return event::v1::EVENT_TYPE_ADD_TO_CART;
    case recommend::SeedKind::kBought:
      return event::v1::EVENT_TYPE_PURCHASE;
    case recommend::SeedKind::kNone:
      break;
  }
  return event::v1::EVENT_TYPE_UNSPECIFIED;
}

}  // namespace

v1::Source SourceOf(recommend::Source source) {
  switch (source) {
    case recommend::Source::kSimilar:
      return v1::SOURCE_TOGETHER;
    case recommend::Source::kNext:
      return v1::SOURCE_NEXT;
    case recommend::Source::kReminder:
      return v1::SOURCE_REMINDER;
    case recommend::Source::kRepeat:
      return v1::SOURCE_REPEAT_PURCHASE;
    case recommend::Source::kPopular:
      return v1::SOURCE_POPULAR;
    case recommend::Source::kRule:
      return v1::SOURCE_RULE;
    case recommend::Source::kContent:
      return v1::SOURCE_CONTENT;
  }
  return v1::SOURCE_UNSPECIFIED;
}

void RecommendationWriter::Write(const recommend::Answer& answer,
                                 absl::Span<const recommend::ControlNote> notes, int field) {
  for (size_t i = 0; i < answer.items.size(); ++i) {
    const size_t begin = out_.Begin(field);
    WriteOne(answer, answer.items[i]);
    out_.Bool(Recommendation::kPinnedFieldNumber, notes[i].pinned);
    out_.Bool(Recommendation::kBuriedFieldNumber, notes[i].buried);
    out_.Bool(Recommendation::kOutsideFilterFieldNumber, notes[i].outside_filter);
    out_.End(begin);
  }
}

RecommendationWriter::Cause& RecommendationWriter::CauseOf(ItemId item) {
  for (Cause& cause : causes_) {
    if (cause.item == item) return cause;
  }
  return causes_.emplace_back(Cause{.item = item,
                                    .id = shared_.items.names().Name(item.value()),
                                    .title = shared_.index.Title(item),
                                    .fields = {}});
}

absl::string_view RecommendationWriter::Words(ItemId item) {
  const Cause& cause = CauseOf(item);
  return cause.title.empty() ? cause.id : absl::string_view(cause.title);
}

void RecommendationWriter::WriteOne(const recommend::Answer& answer,
                                    const recommend::RankedItem& item) {
  const base::Dictionary& terms = shared_.terms.names();
  const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(item.item.value());
  out_.String(Recommendation::kItemIdFieldNumber, shared_.items.names().Name(item.item.value()));
  out_.String(Recommendation::kTitleFieldNumber, shared_.index.Title(item.item));
  out_.String(Recommendation::kCategoryFieldNumber, terms.Name(facts.category.value()));
  if (facts.price > 0) out_.PresentDouble(Recommendation::kPriceFieldNumber, facts.price);
  out_.Double(Recommendation::kScoreFieldNumber, item.score);
  out_.Int(Recommendation::kSourceFieldNumber, SourceOf(item.source));
  out_.String(Recommendation::kReasonFieldNumber,
              recommend::Sentence(
                  item.reason, [this](ItemId id) { return std::string(Words(id)); },
                  [&terms](TermId id) { return std::string(terms.Name(id.value())); }));
  WriteContributions(answer.ContributionsOf(item));
}

// Largest first, of equally large ones the first.
void RecommendationWriter::WriteContributions(absl::Span<const recommend::Contribution> parts) {
  order_.clear();
  for (size_t i = 0; i < parts.size(); ++i) {
    // Amounts that are not negative are ordered as their bits are.
    const uint32_t size = std::bit_cast<uint32_t>(std::abs(parts[i].amount));
    order_.push_back(uint64_t{~size} << 32 | i);
  }
  std::sort(order_.begin(), order_.end());
  for (const uint64_t place : order_) {
    const recommend::Contribution& part = parts[static_cast<uint32_t>(place)];
    const size_t begin = out_.BeginShort(Recommendation::kContributionsFieldNumber);
    out_.Int(Contribution::kSourceFieldNumber, SourceOf(part.source));
    out_.Double(Contribution::kAmountFieldNumber, part.amount);
    if (part.seed.value() != 0) WriteCause(part.seed, part.seed_kind);
    out_.EndShort(begin);
  }
}

void RecommendationWriter::WriteCause(ItemId item, recommend::SeedKind kind) {
  Cause& cause = CauseOf(item);
  if (cause.kind == kind && !cause.fields.empty()) {
    out_.Raw(cause.fields);
    return;
  }
  const size_t begin = out_.size();
  out_.String(Contribution::kBecauseItemIdFieldNumber, cause.id);
  out_.String(Contribution::kBecauseTitleFieldNumber, cause.title);
  out_.Int(Contribution::kBecauseTypeFieldNumber, TypeOf(kind));
  cause.kind = kind;
  cause.fields = std::string(out_.bytes().substr(begin));
}

}  // namespace kindred::node
