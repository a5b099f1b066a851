#include "clean/cleaner.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

using event::Event;
using event::EventType;
using ::testing::HasSubstr;

// Unclean data cannot reach a profile, by construction.
static_assert(!std::is_default_constructible_v<CleanEvent>);
static_assert(!std::is_aggregate_v<CleanEvent>);
static_assert(!std::is_constructible_v<CleanEvent, event::Event>);

constexpr int64_t kNow = 1763805600000;  // 2025-11-22T10:00:00Z
constexpr int64_t kDay = 24 * 3600 * 1000LL;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Event View() {
  Event event;
  event.event_id = "e-1";
  event.user_id = "u-1";
  event.type = EventType::kView;
  event.event_time_ms = kNow - 1000;
  event.item_id = "i-1";
  return event;
}

Event Purchase() {
  Event event = View();
  event.type = EventType::kPurchase;
  event.quantity = 2;
  event.price = 9.95;
  event.currency = "EUR";
  event.order_id = "o-1";
  return event;
}

class CleanerTest : public ::testing::Test {
 protected:
  const CleanEvent& Accepted(const Event& event, int64_t arrival_ms = kNow) {
    const Outcome outcome = cleaner_.Clean(event, arrival_ms);
    EXPECT_TRUE(outcome.ok()) << outcome.rejection->detail;
    return *outcome.event;
  }
  RejectReason Rejected(const Event& event, int64_t arrival_ms = kNow) {
    const Outcome outcome = cleaner_.Clean(event, arrival_ms);
    EXPECT_FALSE(outcome.ok());
    if (outcome.ok()) return RejectReason::kOutlier;
    EXPECT_LT(outcome.rejection->detail.size(), 400u);
    EXPECT_FALSE(outcome.rejection->detail.empty());
    return outcome.rejection->reason;
  }
  Cleaner cleaner_;
};

TEST_F(CleanerTest, PassesWhatIsInOrderUnchanged) {
  const Event in = Purchase();
  const CleanEvent& event = Accepted(in);
  EXPECT_EQ(event.corrections, 0u);
  EXPECT_EQ(event.flags, 0u);
  EXPECT_EQ(event.customer_id, "u-1");
  EXPECT_EQ(event.currency, "EUR");
  EXPECT_TRUE(event.has_amount);
  EXPECT_DOUBLE_EQ(event.amount, 19.9);
  EXPECT_EQ(event.arrival_ms, kNow);
  EXPECT_EQ(event.traits, &in.traits);
}

TEST_F(CleanerTest, TheCustomerIsTheUserElseTheDevice) {
  Event in = View();
  in.anonymous_id = "d-1";
  EXPECT_EQ(Accepted(in).customer_id, "u-1");
  in.user_id = "";
  EXPECT_EQ(Accepted(in).customer_id, "d-1");
  in.user_id = "  ";
  EXPECT_EQ(Accepted(in).customer_id, "d-1");
  in.anonymous_id = "\t";
  EXPECT_EQ(Rejected(in), RejectReason::kMissingCustomer);
}

TEST_F(CleanerTest, TrimsIds) {
  Event in = View();
  in.user_id = " u-1\n";
  in.item_id = "\xE3\x80\x80i-1\xC2\xA0";
  const CleanEvent& event = Accepted(in);
  EXPECT_EQ(event.user_id, "u-1");
  EXPECT_EQ(event.item_id, "i-1");
  EXPECT_EQ(event.corrections, static_cast<uint32_t>(Correction::kTrimmedId));
}

TEST_F(CleanerTest, NothingIsLeftOfTheEventBefore) {
  constexpr absl::string_view CleanEvent::*kTexts[] = {
      &CleanEvent::customer_id,  &CleanEvent::user_id,     &CleanEvent::anonymous_id,
      &CleanEvent::event_id,     &CleanEvent::custom_type, &CleanEvent::item_id,
      &CleanEvent::currency,     &CleanEvent::order_id,    &CleanEvent::category,
      &CleanEvent::brand,        &CleanEvent::title,       &CleanEvent::query,
      &CleanEvent::channel,      &CleanEvent::device,      &CleanEvent::country,
      &CleanEvent::region,       &CleanEvent::city,        &CleanEvent::session_id,
      &CleanEvent::previous_id,  &CleanEvent::group_id,    &CleanEvent::device_id,
      &CleanEvent::email_sha256, &CleanEvent::external_id};
  Event full = Purchase();
  for (absl::string_view Event::*text :
       {&Event::anonymous_id, &Event::category, &Event::brand, &Event::title, &Event::query,
        &Event::channel, &Event::device, &Event::country, &Event::region, &Event::city,
        &Event::session_id, &Event::previous_id, &Event::group_id, &Event::device_id,
        &Event::email_sha256, &Event::external_id}) {
    full.*text = " text ";
  }
  full.rating = 4;
  full.event_time_ms = kNow - 3 * kDay;
  Event bare;
  bare.event_id = "e-2";
  bare.anonymous_id = "a-1";
  bare.type = EventType::kPage;
  for (const bool rejected : {false, true}) {
    const CleanEvent& before = Accepted(full);
    for (const auto text : kTexts) {
      EXPECT_EQ((before.*text).empty(), text == &CleanEvent::custom_type);
    }
    if (rejected) {
      full.price = kNan;
      Rejected(full);
    }
    const CleanEvent& clean = Accepted(bare);
    Cleaner other;
    const CleanEvent& expected = *other.Clean(bare, kNow).event;
    for (const auto text : kTexts) EXPECT_EQ(clean.*text, expected.*text);
    EXPECT_EQ(clean.fingerprint, expected.fingerprint);
    EXPECT_EQ(clean.event_time_ms, kNow);
    EXPECT_EQ(clean.quantity, 1);
    EXPECT_FALSE(clean.has_price || clean.has_amount || clean.has_rating);
    EXPECT_EQ(clean.price + clean.amount + clean.rating, 0);
    EXPECT_EQ(clean.corrections, static_cast<uint32_t>(Correction::kMissingTime));
    EXPECT_EQ(clean.flags, 0u);
    EXPECT_EQ(clean.traits, &bare.traits);
  }
}

TEST_F(CleanerTest, RejectsIdsThatNobodyMeant) {
  const std::string long_id(65536, 'x');
  for (absl::string_view Event::*field :
       {&Event::user_id, &Event::anonymous_id, &Event::item_id, &Event::event_id}) {
    Event in = View();
    in.*field = long_id;
    EXPECT_EQ(Rejected(in), RejectReason::kIdTooLong);
    in.*field = absl::string_view("a\0b", 3);
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidId);
    in.*field = "long enough to be looked at in words\x7f";
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidId);
  }
  Event in = View();
  const std::string limit(256, 'x');
  in.user_id = limit;
  EXPECT_EQ(Accepted(in).user_id.size(), 256u);
  in.user_id = "Köln 用户";
  EXPECT_EQ(Accepted(in).user_id, "Köln 用户");
}

TEST_F(CleanerTest, DropsOptionalIdsThatCannotBeUsed) {
  Event in = Purchase();
  const std::string long_id(257, 'x');
  in.session_id = long_id;
  const CleanEvent& event = Accepted(in);
  EXPECT_EQ(event.session_id, "");
  EXPECT_EQ(event.order_id, "o-1");
  EXPECT_TRUE(event.Has(Correction::kDroppedField));
}

TEST_F(CleanerTest, RequiresWhatTheTypeCallsFor) {
  Event in = View();
  in.type = EventType::kUnspecified;
  EXPECT_EQ(Rejected(in), RejectReason::kMissingType);
  in.type = static_cast<EventType>(200);
  EXPECT_EQ(Rejected(in), RejectReason::kMissingType);
  in.type = EventType::kCustom;
  EXPECT_EQ(Rejected(in), RejectReason::kMissingType);
  in.custom_type = "watered_plants";
  EXPECT_EQ(Accepted(in).custom_type, "watered_plants");
  in.item_id = "";
  for (const EventType type :
       {EventType::kView, EventType::kClick, EventType::kAddToCart, EventType::kRemoveFromCart,
        EventType::kWishlist, EventType::kPurchase, EventType::kRefund, EventType::kRating}) {
    in.type = type;
    EXPECT_EQ(Rejected(in), RejectReason::kMissingItem);
  }
  in.type = EventType::kSearch;
  Accepted(in);
  in.type = EventType::kConsent;
  EXPECT_EQ(Rejected(in), RejectReason::kMissingConsent);
  in.consents = {{"", true}};
  EXPECT_EQ(Rejected(in), RejectReason::kMissingConsent);
  in.consents = {{"", true}, {"marketing", false}};
  EXPECT_EQ(Accepted(in).consents->size(), 1u);
  in.type = EventType::kAlias;
  EXPECT_EQ(Rejected(in), RejectReason::kMissingPreviousId);
  in = View();
  in.type = EventType::kRating;
  EXPECT_EQ(Rejected(in), RejectReason::kMissingRating);
  in.rating = kNan;
  EXPECT_EQ(Rejected(in), RejectReason::kInvalidRating);
  in.rating = 4.5;
  EXPECT_EQ(Accepted(in).rating, 4.5);
}

TEST_F(CleanerTest, TimesOutsideOfReason) {
  Event in = View();
  const auto reason = [&](int64_t time_ms) {
    in.event_time_ms = time_ms;
    return Rejected(in);
  };
  EXPECT_EQ(reason(0), RejectReason::kTimeTooOld);                  // 1970
  EXPECT_EQ(reason(-1), RejectReason::kTimeTooOld);                 // 1969
  EXPECT_EQ(reason(631151999999), RejectReason::kTimeTooOld);       // 1989
  EXPECT_EQ(reason(253370764800000), RejectReason::kTimeInFuture);  // 9999
  EXPECT_EQ(reason(kNow + kDay + 1), RejectReason::kTimeInFuture);  // tomorrow
  EXPECT_EQ(reason(std::numeric_limits<int64_t>::max()), RejectReason::kTimeInFuture);
  EXPECT_EQ(reason(std::numeric_limits<int64_t>::min()), RejectReason::kTimeTooOld);
  in.event_time_ms = kNow + kDay;
  EXPECT_EQ(Accepted(in).event_time_ms, kNow + kDay);
  // History is welcome.
  in.event_time_ms = 867715200000;  // 1997-07-01
  EXPECT_TRUE(Accepted(in).Has(Flag::kLate));
  in.event_time_ms = 4102444800001;  // 2100, from a broker that lives there too
  EXPECT_EQ(Rejected(in, std::numeric_limits<int64_t>::max()), RejectReason::kTimeInFuture);
}

TEST_F(CleanerTest, TheHorizonIsRelativeToArrival) {
  CleanRules rules;
  rules.horizon_ms = 30 * kDay;
  Cleaner cleaner(rules);
  Event in = View();
  in.event_time_ms = kNow - 30 * kDay;
  EXPECT_TRUE(cleaner.Clean(in, kNow).ok());
  in.event_time_ms = kNow - 30 * kDay - 1;
  EXPECT_EQ(cleaner.Clean(in, kNow).rejection->reason, RejectReason::kTimeTooOld);
}

TEST_F(CleanerTest, CorrectsUnitsOfTime) {
  Event in = View();
  in.event_time_ms = kNow / 1000;
  EXPECT_EQ(Accepted(in).event_time_ms, kNow);
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kSecondsToMillis));
  in.event_time_ms = kNow * 1000 + 999;
  EXPECT_EQ(Accepted(in).event_time_ms, kNow);
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kMicrosToMillis));
  in.event_time_ms.reset();
  EXPECT_EQ(Accepted(in).event_time_ms, kNow);
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kMissingTime));
  EXPECT_EQ(Rejected(in, -1), RejectReason::kTimeTooOld);
}

TEST_F(CleanerTest, LateIsADayOrMore) {
  Event in = View();
  in.event_time_ms = kNow - kDay + 1;
  EXPECT_FALSE(Accepted(in).Has(Flag::kLate));
  in.event_time_ms = kNow - kDay;
  EXPECT_TRUE(Accepted(in).Has(Flag::kLate));
}

TEST_F(CleanerTest, PricesAndAmountsThatCannotBe) {
  for (const double price : {-0.01, kNan, kInf, -kInf, 1e10}) {
    Event in = Purchase();
    in.price = price;
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidPrice) << price;
    in.type = EventType::kView;
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidPrice) << price;
  }
  for (const double quantity : {0.0, kNan, kInf, -kInf, 1e10, 1e-9}) {
    Event in = Purchase();
    in.quantity = quantity;
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidQuantity) << quantity;
  }
  for (const double amount : {-1.0, kNan, kInf, 1e13}) {
    Event in = Purchase();
    in.amount = amount;
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidAmount) << amount;
  }
  Event in = Purchase();
  in.price = 0;
  EXPECT_EQ(Rejected(in), RejectReason::kZeroPrice);
  in.type = EventType::kRefund;
  EXPECT_EQ(Rejected(in), RejectReason::kZeroPrice);
  in.price.reset();
  in.amount = 0;
  EXPECT_EQ(Rejected(in), RejectReason::kZeroPrice);
  in.amount = std::numeric_limits<double>::denorm_min();
  in.quantity = 1e9;
  Accepted(in);
  in = Purchase();
  in.price = 1e9;
  in.quantity = 1e9;
  EXPECT_EQ(Rejected(in), RejectReason::kInvalidAmount);
  in = View();
  in.price = 0;
  EXPECT_FALSE(Accepted(in).has_price);
  EXPECT_TRUE(Accepted(in).Has(Correction::kDroppedField));
}

TEST_F(CleanerTest, ANegativePurchaseIsARefund) {
  Event in = Purchase();
  in.quantity = -3;
  in.amount = -29.85;
  const CleanEvent& event = Accepted(in);
  EXPECT_EQ(event.type, EventType::kRefund);
  EXPECT_EQ(event.quantity, 3);
  EXPECT_DOUBLE_EQ(event.amount, 29.85);
  EXPECT_EQ(event.corrections, static_cast<uint32_t>(Correction::kNegativeToRefund));
  in.type = EventType::kRefund;
  EXPECT_DOUBLE_EQ(Accepted(in).amount, 29.85);
  EXPECT_EQ(cleaner_.Clean(in, kNow).event->corrections,
            static_cast<uint32_t>(Correction::kMadePositive));
}

TEST_F(CleanerTest, AmountIsQuantityTimesPrice) {
  Event in = Purchase();
  in.amount = 19.9;
  EXPECT_EQ(Accepted(in).corrections, 0u);
  in.amount = 19.91;  // rounded
  EXPECT_DOUBLE_EQ(Accepted(in).amount, 19.91);
  EXPECT_EQ(Accepted(in).corrections, 0u);
  in.amount = 9.95;
  EXPECT_DOUBLE_EQ(Accepted(in).amount, 19.9);
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kAmountFromPrice));
  in.price.reset();
  EXPECT_DOUBLE_EQ(Accepted(in).price, 4.975);
  EXPECT_DOUBLE_EQ(Accepted(in).amount, 9.95);
  EXPECT_EQ(Accepted(in).corrections, 0u);
}

TEST_F(CleanerTest, AQuantityThatIsMissing) {
  Event in = Purchase();
  in.quantity.reset();
  EXPECT_EQ(Accepted(in).quantity, 1);
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kDefaultedQuantity));
  in.amount = 29.86;
  EXPECT_EQ(Accepted(in).quantity, 3);
  EXPECT_EQ(Accepted(in).amount, 29.86);
  in.amount = 4.975;  // half a kilogram
  EXPECT_DOUBLE_EQ(Accepted(in).quantity, 0.5);
  EXPECT_EQ(Accepted(View()).corrections, 0u);
}

TEST_F(CleanerTest, Currencies) {
  Event in = Purchase();
  in.currency = " eur ";
  EXPECT_EQ(Accepted(in).currency, "EUR");
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kUppercasedCurrency));
  in.currency = "";
  EXPECT_EQ(Accepted(in).currency, "USD");
  for (const absl::string_view currency : {"EURO", "E1R", "$", "€"}) {
    in.currency = currency;
    EXPECT_EQ(Rejected(in), RejectReason::kInvalidCurrency);
  }
  in.type = EventType::kView;
  EXPECT_EQ(Accepted(in).currency, "USD");
  EXPECT_TRUE(Accepted(in).Has(Correction::kDroppedField));
}

TEST_F(CleanerTest, CountriesKeepTheProducersName) {
  Event in = View();
  in.country = "United Kingdom ";
  EXPECT_EQ(Accepted(in).country, "United Kingdom");
  EXPECT_EQ(Accepted(in).corrections, 0u);
  in.country = "de";
  EXPECT_EQ(Accepted(in).country, "DE");
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kNormalizedCountry));
}

TEST_F(CleanerTest, TextIsCutAtACharactersEdge) {
  Event in = View();
  std::string title(511, 'x');
  title += "äöü";
  in.title = title;
  EXPECT_EQ(Accepted(in).title, std::string(511, 'x'));
  EXPECT_EQ(Accepted(in).corrections, static_cast<uint32_t>(Correction::kTruncatedText));
  const std::string broken(2000, '\x80');
  in.title = broken;
  EXPECT_EQ(Accepted(in).title, "");
}

TEST_F(CleanerTest, FieldsAreBounded) {
  Event in = View();
  const std::string long_json(5000, '1');
  in.traits = {{"", "1"}, {"name", "\"Ann\""}, {"blob", long_json}};
  for (int i = 0; i < 1000; ++i) in.properties.push_back({"k", "1"});
  const CleanEvent& event = Accepted(in);
  ASSERT_EQ(event.traits->size(), 1u);
  EXPECT_EQ((*event.traits)[0].name, "name");
  EXPECT_EQ(event.properties->size(), 64u);
  EXPECT_EQ(event.corrections, static_cast<uint32_t>(Correction::kDroppedField));
}

TEST_F(CleanerTest, FingerprintsAreOfTheIdAndTheLine) {
  Event in = Purchase();
  const uint64_t first = Accepted(in).fingerprint;
  in.event_id = " e-1 ";
  in.item_id = "other";
  EXPECT_EQ(Accepted(in).fingerprint, first);
  in.line = 1;
  in.lines = 3;
  const uint64_t second = Accepted(in).fingerprint;
  EXPECT_NE(second, first);
  EXPECT_EQ(Accepted(in).fingerprint, second);
}

TEST_F(CleanerTest, WithoutAnIdTheContentCounts) {
  Event in = Purchase();
  in.event_id = "";
  const uint64_t first = Accepted(in).fingerprint;
  EXPECT_TRUE(Accepted(in).Has(Correction::kDerivedEventId));
  EXPECT_EQ(Accepted(in, kNow + 5).fingerprint, first);
  std::vector<Event> others(10, in);
  others[0].user_id = "u-2";
  others[1].item_id = "i-2";
  others[2].event_time_ms = kNow;
  others[3].order_id = "o-2";
  others[4].quantity = 3;
  others[5].price = 1;
  others[6].line = 1;
  others[7].type = EventType::kView;
  others[8].properties = {{"url", "\"/a\""}};
  others[9].session_id = "s";
  std::vector<uint64_t> seen = {first};
  for (const Event& other : others) {
    const uint64_t fingerprint = Accepted(other).fingerprint;
    EXPECT_THAT(seen, ::testing::Not(::testing::Contains(fingerprint)));
    seen.push_back(fingerprint);
  }
}

TEST_F(CleanerTest, TheCatalogueFillsGaps) {
  Event in = Purchase();
  in.price.reset();
  in.brand = "own";
  const Outcome outcome = cleaner_.Clean(in, kNow);
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome.event->has_price);
  EXPECT_FALSE(outcome.event->has_amount);
  Cleaner::Fill({"tea", "other", "Green tea", "USD", true, 5}, outcome.event);
  EXPECT_FALSE(outcome.event->has_price) << "another currency";
  EXPECT_EQ(outcome.event->category, "tea");
  EXPECT_EQ(outcome.event->brand, "own");
  Cleaner::Fill({"", "", "", "EUR", true, 5}, outcome.event);
  EXPECT_EQ(outcome.event->amount, 10);
  EXPECT_EQ(outcome.event->category, "tea");
}

TEST_F(CleanerTest, DetailsNameTheFieldAndShowAHarmlessPieceOfIt) {
  Event in = View();
  const std::string hostile = "\x01\n" + std::string(100000, 'A');
  in.item_id = hostile;
  const Outcome outcome = cleaner_.Clean(in, kNow);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.rejection->detail, HasSubstr("item_id"));
  EXPECT_THAT(outcome.rejection->detail, HasSubstr("at most 256 bytes"));
  EXPECT_LT(outcome.rejection->detail.size(), 200u);
  for (const char c : outcome.rejection->detail) EXPECT_TRUE(c < 0 || c >= ' ');
}

TEST_F(CleanerTest, OutliersAreQuarantinedOnlyIfAsked) {
  AmountHistory amounts;
  for (int i = 0; i < 20; ++i) amounts.Update(20);
  const RateHistory rate;
  for (const OutlierAction action : {OutlierAction::kFlag, OutlierAction::kQuarantine}) {
    CleanRules rules;
    rules.outlier_action = action;
    Cleaner cleaner(rules);
    PriceBook book;
    Event in = Purchase();
    for (int i = 0; i < 20; ++i) {
      const Outcome usual = cleaner.Clean(in, kNow);
      EXPECT_TRUE(cleaner.FlagOutliers(amounts, rate, &book, usual.event));
      EXPECT_EQ(usual.event->flags, 0u);
    }
    in.price = 995;
    const Outcome odd = cleaner.Clean(in, kNow);
    const bool kept = cleaner.FlagOutliers(amounts, rate, &book, odd.event);
    EXPECT_TRUE(odd.event->Has(Flag::kOutlierPrice));
    EXPECT_TRUE(odd.event->Has(Flag::kOutlierAmount));
    EXPECT_EQ(kept, action == OutlierAction::kFlag);
    if (!kept) {
      EXPECT_EQ(cleaner.rejection().reason, RejectReason::kOutlier);
      EXPECT_THAT(cleaner.rejection().detail, HasSubstr("1990"));
    }
  }
}

}  // namespace
}  // namespace kindred::clean
