// Ranked items, in numbers, as the bytes of messages, in words.
#ifndef KINDRED_NODE_RECOMMENDATION_WRITER_H_
#define KINDRED_NODE_RECOMMENDATION_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kindred/v1/recommendation.pb.h"
#include "node/shared_state.h"
#include "node/wire_buffer.h"
#include "recommend/control.h"
#include "recommend/recommender.h"

namespace kindred::node {

v1::Source SourceOf(recommend::Source source);

// An answer of twenty items has hundreds of contributions, so a kindred.v1.Recommendation is
// written as bytes at once. What the contributions of one cause share is put together once.
// Lives for one answer. Threads: one.
class RecommendationWriter {
 public:
  // Both must outlive it.
  RecommendationWriter(const SharedState* shared, WireBuffer* out) : shared_(*shared), out_(*out) {}

  // Appends each item as a message in `field`; a note each.
  void Write(const recommend::Answer& answer, absl::Span<const recommend::ControlNote> notes,
             int field);

 private:
  static constexpr size_t kShortFields = 64;
  // An item that was a cause: there are few, and they are named again and again.
  struct Cause {
    ItemId item;
    absl::string_view id;
    std::string title;
    recommend::SeedKind kind = recommend::SeedKind::kNone;  // that `fields` tells
    // because_… of a Contribution, when they are few bytes; size 0: not known yet, or too many.
    uint8_t fields_size = 0;
    std::array<char, kShortFields> fields{};
  };

  Cause& CauseOf(ItemId item);
  absl::string_view Words(ItemId item);
  void WriteOne(const recommend::Answer& answer, const recommend::RankedItem& item);
  void WriteContributions(absl::Span<const recommend::Contribution> parts);
  void WriteContribution(const recommend::Contribution& part);
  void WriteCause(Cause* cause, recommend::SeedKind kind);

  const SharedState& shared_;
  WireBuffer& out_;
  std::vector<Cause> causes_;
  std::array<uint8_t, 64> hints_{};  // by the last bits of an item: its place among causes_, maybe
  std::vector<uint64_t> order_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_RECOMMENDATION_WRITER_H_
