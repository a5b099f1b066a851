#include "cli/load_generator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "event/encode.h"

namespace kindred::cli {
namespace {

using event::EventType;

constexpr size_t kRemembered = 1000;  // records that may come again
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kYear9999Ms = 253'370'764'800'000;
constexpr double kSameCategory = 0.7;
constexpr double kViewToCart = 0.15;
constexpr double kCartToOrder = 0.6;
constexpr double kPageOrSearch = 0.5;
constexpr double kViewsEnd = 0.2;  // after each view: five views a session on average
constexpr size_t kMaxCart = 10;

constexpr const char* kDevices[] = {"mobile", "desktop", "tablet"};
constexpr const char* kChannels[] = {"web", "app", "email", "store"};
constexpr const char* kCountries[] = {"US", "DE", "CN", "FR", "GB", "JP", "BR", "IN"};

// A number that depends on `value` alone.
uint64_t Mix(uint64_t value) { return learn::Random(value).Next(); }

}  // namespace

// With a = skew, H(x) = (x^(1-a) - 1) / (1 - a) and its limit log x at a = 1.
double ZipfRanks::Integral(double x) const {
  const double log_x = std::log(x);
  const double power = (1 - skew_) * log_x;
  return std::abs(power) < 1e-8 ? log_x : std::expm1(power) / (1 - skew_);
}

double ZipfRanks::Inverse(double y) const {
  const double power = y * (1 - skew_);
  if (std::abs(power) < 1e-8) return std::exp(y);
  return std::exp(std::log1p(std::max(power, -1.0)) / (1 - skew_));
}

double ZipfRanks::Mass(double x) const { return std::exp(-skew_ * std::log(x)); }

ZipfRanks::ZipfRanks(uint64_t n, double skew) : n_(static_cast<double>(n)), skew_(skew) {
  KINDRED_CHECK(n >= 1 && skew >= 0 && skew <= 10) << n << " ranks, skew " << skew;
  first_ = Integral(1.5) - 1;
  last_ = Integral(n_ + 0.5);
  accept_ = 2 - Inverse(Integral(2.5) - Mass(2));
}

uint64_t ZipfRanks::Next(learn::Random* random) const {
  while (true) {
    const double u = last_ + random->Uniform() * (first_ - last_);
    const double x = Inverse(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, n_);
    if (k - x <= accept_ || u >= Integral(k + 0.5) - Mass(k)) return static_cast<uint64_t>(k) - 1;
  }
}

absl::Status Validate(const LoadOptions& options) {
  const auto wrong = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (options.customers < 1 || options.items < 1) return wrong("customers and items: at least 1");
  if (options.categories < 1 || options.brands < 1) return wrong("categories and brands: >= 1");
  if (options.sessions < 1 || options.sessions > 10'000'000) {
    return wrong("sessions at once: 1 to 10,000,000");
  }
  for (const double skew : {options.customer_skew, options.item_skew}) {
    if (!(skew >= 0 && skew <= 10)) return wrong("a skew lies between 0 and 10");
  }
  double shares = 0;
  for (const double share : {options.duplicates, options.late, options.bad}) {
    if (!(share >= 0 && share <= 1)) return wrong("a share lies between 0 and 1");
    shares += share;
  }
  if (shares > 1) return wrong("duplicates, late and bad together: at most 1");
  return absl::OkStatus();
}

const char* LoadKindName(LoadKind kind) {
  switch (kind) {
    case LoadKind::kNormal:
      return "normal";
    case LoadKind::kDuplicate:
      return "duplicate";
    case LoadKind::kLate:
      return "late";
    case LoadKind::kBad:
      return "bad";
  }
  return "";
}

LoadGenerator::LoadGenerator(const LoadOptions& options)
    : options_(options),
      random_(options.seed),
      customers_(options.customers, options.customer_skew),
      items_(options.items, options.item_skew) {
  KINDRED_CHECK(Validate(options).ok()) << Validate(options);
  sessions_.resize(options.sessions);
  for (Session& session : sessions_) Begin(&session);
}

void LoadGenerator::Begin(Session* session) {
  session->customer = customers_.Next(&random_);
  session->number = begun_++;
  session->views_left = 1;
  while (random_.Uniform() > kViewsEnd && session->views_left < 50) ++session->views_left;
  session->home_category = Mix(items_.Next(&random_)) % options_.categories;
  session->opened = random_.Uniform() > kPageOrSearch;
  session->ordering = false;
  session->has_last_item = false;
  session->cart.clear();
}

// The most popular item that Zipf's law gives within a few draws in the session's category.
uint64_t LoadGenerator::PickItem(const Session& session) {
  const uint64_t item = items_.Next(&random_);
  if (random_.Uniform() > kSameCategory) return item;
  // Moves to the nearest number whose category is the session's.
  for (uint64_t i = 0; i < 4 * options_.categories; ++i) {
    const uint64_t candidate = (item + i) % options_.items;
    if (Mix(candidate) % options_.categories == session.home_category) return candidate;
  }
  return item;
}

void LoadGenerator::SetItem(uint64_t item, EventType type) {
  const uint64_t mixed = Mix(item);
  item_id_ = absl::StrFormat("sku-%06d", item);
  category_ = absl::StrCat("c-", mixed % options_.categories);
  brand_ = absl::StrCat("b-", (mixed >> 20) % options_.brands);
  event_.type = type;
  event_.item_id = item_id_;
  event_.category = category_;
  event_.brand = brand_;
  event_.price = static_cast<double>(100 + (mixed >> 32) % 20'000) / 100;
  if (type != EventType::kView) event_.quantity = 1;
}

void LoadGenerator::Step(Session* session) {
  session_id_ = absl::StrCat("s-", session->number);
  event_.session_id = session_id_;
  if (!session->opened) {
    session->opened = true;
    if (random_.Uniform() < 0.5) {
      event_.type = EventType::kSearch;
      query_ = absl::StrCat("something of c-", session->home_category);
      event_.query = query_;
    } else {
      event_.type = EventType::kPage;
      title_ = "Home";
      event_.title = title_;
    }
    return;
  }
  if (session->ordering) {
    SetItem(session->cart.back(), EventType::kPurchase);
    order_id_ = absl::StrCat("o-", session->number);
    event_.order_id = order_id_;
    event_.quantity = static_cast<double>(1 + random_.Below(3));
    session->cart.pop_back();
    if (session->cart.empty()) Begin(session);
    return;
  }
  if (session->has_last_item && session->cart.size() < kMaxCart &&
      random_.Uniform() < kViewToCart) {
    SetItem(session->last_item, EventType::kAddToCart);
    session->cart.push_back(session->last_item);
    session->has_last_item = false;
  } else {
    session->last_item = PickItem(*session);
    session->has_last_item = true;
    SetItem(session->last_item, EventType::kView);
    if (session->views_left > 0) --session->views_left;
  }
  if (session->views_left > 0) return;
  session->ordering = !session->cart.empty() && random_.Uniform() < kCartToOrder;
  if (!session->ordering) Begin(session);
}

void LoadGenerator::Encode(LoadRecord* record) {
  switch (options_.format) {
    case LoadFormat::kJson:
      record->value = event::EncodeJson(event_);
      return;
    case LoadFormat::kProtobuf:
      record->value = event::EncodeProto(event_);
      return;
    case LoadFormat::kSegmentJson: {
      absl::StatusOr<std::string> text = event::EncodeSegmentJson(event_);
      KINDRED_CHECK(text.ok()) << text.status();
      record->value = *std::move(text);
      return;
    }
  }
}

void LoadGenerator::Spoil(LoadRecord* record) {
  switch (random_.Below(4)) {
    case 0:
      event_.event_time_ms = kYear9999Ms;
      return Encode(record);
    case 1:
      Encode(record);
      record->value.resize(record->value.size() / 2);
      return;
    case 2:
      record->value.clear();
      return;
    default:
      record->value.resize(100);
      for (char& byte : record->value) byte = static_cast<char>(random_.Below(256));
      return;
  }
}

const LoadRecord& LoadGenerator::Next(int64_t time_ms) {
  const double draw = random_.Uniform();
  if (draw < options_.duplicates && !sent_.empty()) {
    record_ = sent_[random_.Below(sent_.size())];
    record_.kind = LoadKind::kDuplicate;
    return record_;
  }
  const bool late = draw >= options_.duplicates && draw < options_.duplicates + options_.late;
  const bool bad = !late && draw < options_.duplicates + options_.late + options_.bad &&
                   draw >= options_.duplicates;
  Session& session = sessions_[random_.Below(sessions_.size())];
  const uint64_t customer = session.customer;
  event_.Clear();
  user_id_ = absl::StrFormat("u-%07d", customer);
  event_id_ = absl::StrFormat("%016x", Mix(options_.seed * 0x9e3779b97f4a7c15 + sequence_++));
  event_.event_id = event_id_;
  event_.user_id = user_id_;
  if (options_.anonymous > 0 && random_.Uniform() < options_.anonymous) {
    anonymous_id_ = absl::StrFormat("b-%07d-%d", customer, session.number % 3);
    event_.anonymous_id = anonymous_id_;
  }
  const uint64_t mixed = Mix(customer ^ 0x5bd1e995);
  event_.device = kDevices[(mixed + session.number % 5 / 4) % 3];
  event_.channel = kChannels[(mixed >> 8) % 4];
  event_.event_time_ms = time_ms;
  if (late) {
    event_.event_time_ms = time_ms - kHourMs - static_cast<int64_t>(random_.Below(71 * kHourMs));
  }
  Step(&session);
  // Where people are is said when they come and when they buy.
  if (event_.type != EventType::kView) event_.country = kCountries[(mixed >> 16) % 8];
  record_.key = user_id_;
  record_.kind = bad ? LoadKind::kBad : late ? LoadKind::kLate : LoadKind::kNormal;
  if (bad) {
    Spoil(&record_);
    return record_;
  }
  Encode(&record_);
  if (options_.duplicates > 0) {
    if (sent_.size() == kRemembered) sent_.pop_front();
    sent_.push_back(record_);
  }
  return record_;
}

}  // namespace kindred::cli
