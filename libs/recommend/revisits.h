// How often customers come back to what they touched s touches ago, against how often the strongest
// pair of their last item foretells what comes next. Learnt from every fourth event; it places
// reminders among the other candidates: in a shop where people go to and fro, reminders lead; where
// the next item is easily foretold, they follow.
#ifndef KINDRED_RECOMMEND_REVISITS_H_
#define KINDRED_RECOMMEND_REVISITS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/types/span.h"
#include "base/bytes.h"
#include "recommend/interaction.h"

namespace kindred::recommend {

// Sums in forward weights; sums of partitions add.
struct RevisitSums {
  static constexpr size_t kSteps = 20;
  // By step, 1 = the newest touch; distinct items at their newest touch, purchases left out.
  std::array<double, kSteps + 1> offered{}, revisited{};
  double asked = 0, foretold = 0;  // the strongest pair of the newest item, items touched left out

  // Shares, pulled to what is usual in shops by `prior` observations' worth of weight.
  double RevisitShare(size_t step, double prior) const;
  double ForetoldShare(double prior) const;
};

// Threads: one writer, any readers.
class Revisits {
 public:
  // `strongest`: the neighbour the newest touch's item is most often followed by, without the items
  // in `recent`; 0 if none.
  void Observe(ItemId item, absl::Span<const Touch> recent, uint32_t strongest, double weight);
  // Adds to `sums`; for readers.
  void AddTo(RevisitSums* sums) const;

  double asked() const { return sums_.asked; }
  // Sums are multiplied by `factor`.
  void Encode(base::ByteWriter* writer, double factor) const;
  // False if what was read cannot have been encoded. Sums are multiplied by `factor`.
  bool Decode(base::ByteReader* reader, double factor);

 private:
  RevisitSums sums_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_REVISITS_H_
