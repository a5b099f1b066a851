// Event → CleanEvent | Rejection: limits, required fields, canonical forms, safe corrections,
// implausible times and numbers. Pure: the only time is the record's arrival.
#ifndef KINDRED_CLEAN_CLEANER_H_
#define KINDRED_CLEAN_CLEANER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "clean/clean_event.h"
#include "clean/outliers.h"
#include "event/event.h"

namespace kindred::clean {

enum class OutlierAction : uint8_t { kFlag, kQuarantine };

struct CleanRules {
  // An event may claim to happen this much after its arrival (clocks that run ahead, local time
  // sent as UTC), not more.
  int64_t future_skew_ms = 24 * 3600 * 1000LL;
  // Events that are older than this at arrival are rejected. 0: only the absolute bounds apply, so
  // that history can be imported.
  int64_t horizon_ms = 0;
  // Absolute bounds, whatever the arrival time says: 1990-01-01 and 2100-01-01 UTC.
  int64_t earliest_event_ms = 631152000000;
  int64_t latest_event_ms = 4102444800000;
  // Events this much older than their arrival are flagged as late.
  int64_t late_after_ms = 24 * 3600 * 1000LL;
  // Longer ids reject the event; longer optional ids (order, session, group) are dropped.
  size_t max_id_bytes = 256;
  size_t max_event_id_bytes = 128;
  // Longer text is cut at a character's edge.
  size_t max_title_bytes = 512;  // title, query
  size_t max_name_bytes = 256;   // category, brand, custom_type, region, city
  size_t max_label_bytes = 64;   // channel, device, country
  // Further traits or properties are dropped, and those with longer names or values.
  size_t max_fields = 64;
  size_t max_field_name_bytes = 128;
  size_t max_field_json_bytes = 4096;
  // Magnitudes above these are taken for garbage.
  double max_price = 1e9;
  double max_quantity = 1e9;
  double max_amount = 1e12;
  double max_rating = 1000;
  // Of events that name no currency; three capital letters.
  std::string default_currency = "USD";
  OutlierAction outlier_action = OutlierAction::kFlag;
  OutlierRules outliers;
};

// What the catalogue knows of an item; empty text and false mean that it does not.
struct ItemFacts {
  absl::string_view category;
  absl::string_view brand;
  absl::string_view title;
  absl::string_view currency;  // of the price; empty: the event's
  bool has_price = false;
  double price = 0;
};

// Exactly one of the two is set.
struct Outcome {
  CleanEvent* event = nullptr;
  const Rejection* rejection = nullptr;
  bool ok() const { return event != nullptr; }
};

// Threads: one at a time; make one for each worker.
// Owns:    the last outcome: it is valid until the next Clean(), and its text as long as the text
// of
//          the event it was made from. Nothing is allocated for an event that is accepted (unless
//          it carries traits or properties beyond the limits).
class Cleaner {
 public:
  explicit Cleaner(const CleanRules& rules = {});
  Cleaner(const Cleaner&) = delete;
  Cleaner& operator=(const Cleaner&) = delete;

  // `arrival_ms` is the log's time of the record.
  Outcome Clean(const event::Event& event, int64_t arrival_ms);

  // Fills what the event lacks from the catalogue: category, brand, title, and the price of a
  // purchase or refund (with its amount). Call before counting and before FlagOutliers().
  static void Fill(const ItemFacts& facts, CleanEvent* event);

  // Judges the event by the item's usual price and the customer's usual amounts and rate, and sets
  // its flags. The book learns the price; the customer's histories are for the profile to update
  // when it applies the event. False where outliers are quarantined and this is one:
  // `rejection()` then says why, and the event must not be applied.
  bool FlagOutliers(const AmountHistory& amounts, const RateHistory& rate, PriceBook* book,
                    CleanEvent* event);
  const Rejection& rejection() const { return rejection_; }
  const CleanRules& rules() const { return rules_; }

 private:
  bool CleanIds(const event::Event& in);
  bool CleanTime(const event::Event& in);
  bool CleanMoney(const event::Event& in);
  bool CleanRequired(const event::Event& in);
  void CleanText(const event::Event& in);
  void CleanFields(const event::Event& in);
  void SetFingerprint(const event::Event& in);
  void SetRejectionFingerprint(const event::Event& in);

  // `out` is empty before, and stays so for empty text.
  bool RequiredId(absl::string_view in, absl::string_view field, size_t limit,
                  absl::string_view* out);
  void OptionalId(absl::string_view in, absl::string_view* out);
  void Text(absl::string_view in, size_t limit, absl::string_view* out);
  // The same for what is not plain.
  bool TrimRequiredId(absl::string_view in, absl::string_view field, size_t limit,
                      absl::string_view* out);
  absl::string_view TrimOptionalId(absl::string_view in);
  absl::string_view TrimText(absl::string_view in, size_t limit);
  const std::vector<event::JsonField>* Fields(const std::vector<event::JsonField>& in,
                                              std::vector<event::JsonField>* kept);
  bool CleanQuantity(const event::Event& in);
  bool CleanPriceAndAmount(const event::Event& in);
  bool CleanCurrency(absl::string_view in);
  ABSL_ATTRIBUTE_COLD bool Reject(RejectReason reason, absl::string_view field,
                                  absl::string_view value, absl::string_view expected);
  void Correct(Correction correction) { event_.corrections |= static_cast<uint32_t>(correction); }

  const CleanRules rules_;
  CleanEvent event_;
  Rejection rejection_{RejectReason::kMissingCustomer, ""};
  // Only filled when something had to be left out.
  std::vector<event::JsonField> kept_traits_;
  std::vector<event::JsonField> kept_properties_;
  std::vector<event::ConsentChange> kept_consents_;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_CLEANER_H_
