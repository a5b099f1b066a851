#include "node/recommendation_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace kindred::node {
namespace {

using ::kindred::v1::Contribution;
using ::kindred::v1::Recommendation;

constexpr size_t kUsualCauses = 16;

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
  causes_.reserve(kUsualCauses);
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
  uint8_t& hint = hints_[item.value() % hints_.size()];
  if (hint < causes_.size() && causes_[hint].item == item) return causes_[hint];
  size_t place = 0;
  while (place < causes_.size() && causes_[place].item != item) ++place;
  if (place == causes_.size()) {
    Cause& cause = causes_.emplace_back();
    cause.item = item;
    cause.id = shared_.items.names().Name(item.value());
    cause.title = shared_.index.Title(item);
  }
  hint = static_cast<uint8_t>(place);  // of a place beyond 255 a wrong one, which is noticed
  return causes_[place];
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
  for (const uint64_t place : order_) WriteContribution(parts[static_cast<uint32_t>(place)]);
}

void RecommendationWriter::WriteContribution(const recommend::Contribution& part) {
  Cause* const cause = part.seed.value() == 0 ? nullptr : &CauseOf(part.seed);
  const bool known = cause == nullptr || (cause->kind == part.seed_kind && cause->fields_size > 0);
  if (!known || part.amount == 0) {
    const size_t begin = out_.BeginShort(Recommendation::kContributionsFieldNumber);
    out_.Int(Contribution::kSourceFieldNumber, SourceOf(part.source));
    out_.Double(Contribution::kAmountFieldNumber, part.amount);
    if (cause != nullptr) WriteCause(cause, part.seed_kind);
    out_.EndShort(begin);
    return;
  }
  // The same bytes, in one piece: nearly every contribution is written here.
  constexpr char kVarint = 0, kFixed64 = 1, kBytes = 2;
  constexpr size_t kHead = 4;  // tag and length of the message, tag and value of the source
  const double amount = part.amount;
  char* at = out_.Open(kHead + 1 + sizeof(amount) + kShortFields);
  const size_t fields = cause == nullptr ? 0 : cause->fields_size;
  at[0] = Recommendation::kContributionsFieldNumber << 3 | kBytes;
  at[1] = static_cast<char>(kHead - 2 + 1 + sizeof(amount) + fields);
  at[2] = Contribution::kSourceFieldNumber << 3 | kVarint;
  at[3] = static_cast<char>(SourceOf(part.source));
  at[4] = Contribution::kAmountFieldNumber << 3 | kFixed64;
  std::memcpy(at + kHead + 1, &amount, sizeof(amount));
  at += kHead + 1 + sizeof(amount);
  // All of them, so that the length is known to the compiler.
  if (fields > 0) std::memcpy(at, cause->fields.data(), kShortFields);
  out_.Close(at + fields);
}

void RecommendationWriter::WriteCause(Cause* cause, recommend::SeedKind kind) {
  const size_t begin = out_.size();
  out_.String(Contribution::kBecauseItemIdFieldNumber, cause->id);
  out_.String(Contribution::kBecauseTitleFieldNumber, cause->title);
  out_.Int(Contribution::kBecauseTypeFieldNumber, TypeOf(kind));
  const absl::string_view fields = out_.bytes().substr(begin);
  cause->kind = kind;
  cause->fields_size = fields.size() > kShortFields ? 0 : static_cast<uint8_t>(fields.size());
  if (cause->fields_size > 0) std::memcpy(cause->fields.data(), fields.data(), fields.size());
}

}  // namespace kindred::node
