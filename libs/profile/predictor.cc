#include "profile/predictor.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace kindred::profile {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kMaxDrivers = 3;
// Share of what is known about amounts and their errors that survives a grid time.
constexpr double kAmountKeep = 0.92;
// Weight of examples before amounts are told: about twice as many as there are inputs.
constexpr double kLeastAmounts = 50;
constexpr double kAmountRidge = 0.01;
constexpr double kWeekDays = 7;
// The fit groups times by half weeks, so that it costs the same however many customers there are.
constexpr double kGroupDays = 3.5;
// Who was first seen days ago says nothing about a year: before, nothing is told.
constexpr double kLeastHistoryWeeks = 4;

std::vector<double> ToDoubles(const InputVector& inputs) { return {inputs.begin(), inputs.end()}; }

std::vector<double> WithCategory(const InputVector& inputs, const CategoryInput& category) {
  std::vector<double> x = ToDoubles(inputs);
  x.insert(x.end(), category.values.begin(), category.values.end());
  return x;
}

double Seen(const InputVector& inputs, InputId id) { return inputs[static_cast<size_t>(id)]; }

bool Bought(const InputVector& inputs) { return Seen(inputs, InputId::kPurchaseFrequency) > 0; }

bool Within(int64_t bought_ms, const Snapshot& snapshot, int64_t horizon_ms) {
  return bought_ms != 0 && bought_ms - snapshot.time_ms() < horizon_ms;
}

absl::string_view InputName(size_t input) {
  static constexpr absl::string_view kCategoryNames[kCategoryInputs] = {
      "category_weight", "category_share", "category_rank"};
  return input < kInputCount ? GetInputInfo(input).name : kCategoryNames[input - kInputCount];
}

learn::RepeatHistory InWeeks(const PurchaseHistory& history) {
  return {history.x, history.t_x / kWeekDays, history.T / kWeekDays, 1};
}

}  // namespace

PurchaseHistory HistoryOf(const Profile& profile, int64_t as_of_ms) {
  const Purchases& purchases = profile.purchases();
  PurchaseHistory history;
  if (purchases.frequency() == 0) return history;
  const auto days = [](int64_t from_ms, int64_t to_ms) {
    return static_cast<double>(std::max<int64_t>(0, to_ms - from_ms)) / static_cast<double>(kDayMs);
  };
  history.x = static_cast<double>(purchases.frequency() - 1);
  history.t_x = history.x > 0 ? days(purchases.first_ms, purchases.last_ms()) : 0;
  history.T = std::max(days(purchases.first_ms, as_of_ms), history.t_x);
  history.mean_amount = static_cast<double>(purchases.total_micros) / kMicros /
                        static_cast<double>(purchases.frequency());
  return history;
}

Predictor::Predictor(PredictorOptions options) : options_(options), amounts_(kInputCount) {
  options_.churn_days = std::clamp(options_.churn_days, 1, 180);
  for (size_t head = 0; head < kClassifiers; ++head) {
    const bool category = head == kCategory7 || head == kCategory30;
    classifiers_.emplace_back(kInputCount + (category ? kCategoryInputs : 0), options_.classifier);
  }
}

int64_t Predictor::HorizonMs(size_t head) const {
  switch (head) {
    case kBuy7:
    case kCategory7:
      return 7 * kDayMs;
    case kBuy30:
    case kCategory30:
    case kAmount:  // the sooner outcomes are known, the closer the level follows a season
      return 30 * kDayMs;
    default:
      return options_.churn_days * kDayMs;
  }
}

uint64_t Predictor::examples() const {
  uint64_t sum = 0;
  for (const learn::OnlineClassifier& classifier : classifiers_) sum += classifier.count();
  return sum + static_cast<uint64_t>(amounts_.weight());
}

void Predictor::Gather(int32_t partition, const OutcomeSample& sample) {
  const int64_t known_ms = sample.known_until_ms();
  Cursors& cursors = cursors_.try_emplace(partition, Cursors{}).first->second;
  for (size_t head = 0; head < kHeads; ++head) {
    const int64_t newest = (known_ms - HorizonMs(head)) / kGridMs;
    if (known_ms < HorizonMs(head) || newest <= cursors[head]) continue;
    for (const auto& [rank, member] : sample.members()) {
      for (const Snapshot& snapshot : member.snapshots) {
        if (snapshot.boundary <= cursors[head] || snapshot.boundary > newest) continue;
        if (head >= kBuyAgain && !Bought(snapshot.inputs) && head != kCategory7 &&
            head != kCategory30) {
          continue;
        }
        gathered_[head].push_back({snapshot.boundary, rank, snapshot});
      }
    }
    cursors[head] = newest;
  }
}

size_t Predictor::LearnGathered() {
  size_t learned = 0;
  for (size_t head = 0; head < kHeads; ++head) {
    std::vector<Example>& examples = gathered_[head];
    std::sort(examples.begin(), examples.end(), [](const Example& a, const Example& b) {
      return std::tie(a.boundary, a.rank) < std::tie(b.boundary, b.rank);
    });
    for (size_t begin = 0; begin < examples.size();) {
      size_t end = begin;
      while (end < examples.size() && examples[end].boundary == examples[begin].boundary) ++end;
      LearnBatch(head, absl::MakeConstSpan(examples).subspan(begin, end - begin));
      learned_until_ms_ = std::max(learned_until_ms_, examples[begin].boundary * kGridMs);
      begin = end;
    }
    learned += examples.size();
    examples.clear();
  }
  if (learned > 0) ++version_;
  return learned;
}

void Predictor::LearnBatch(size_t head, absl::Span<const Example> batch) {
  if (head == kAmount) {
    LearnAmounts(batch);
    return;
  }
  const int64_t horizon_ms = HorizonMs(head);
  std::vector<learn::Labelled> rows;
  for (const Example& example : batch) {
    const Snapshot& snapshot = example.snapshot;
    if (head != kCategory7 && head != kCategory30) {
      rows.push_back(
          {ToDoubles(snapshot.inputs), Within(snapshot.bought_ms, snapshot, horizon_ms)});
      continue;
    }
    for (const Snapshot::Category& category : snapshot.categories) {
      rows.push_back({WithCategory(snapshot.inputs, category.input),
                      Within(category.bought_ms, snapshot, horizon_ms)});
    }
  }
  classifiers_[head].LearnBatch(rows);
}

void Predictor::LearnAmounts(absl::Span<const Example> batch) {
  const bool answers = HasAmounts();
  const double population = amount_errors_.seen > 0 ? amount_errors_.sum / amount_errors_.seen : 0;
  amounts_.Forget(kAmountKeep);
  for (double* value : {&amount_errors_.weight, &amount_errors_.model, &amount_errors_.own_mean,
                        &amount_errors_.population, &amount_errors_.seen, &amount_errors_.sum}) {
    *value *= kAmountKeep;
  }
  for (const Example& example : batch) {
    const Snapshot& snapshot = example.snapshot;
    if (!Within(snapshot.bought_ms, snapshot, HorizonMs(kAmount)) || snapshot.bought_micros <= 0) {
      continue;
    }
    const double amount = static_cast<double>(snapshot.bought_micros) / kMicros;
    amount_errors_.seen += 1;
    amount_errors_.sum += amount;
    if (answers) {
      const double predicted = AmountOf(snapshot.inputs);
      const double own = std::expm1(Seen(snapshot.inputs, InputId::kAverageAmount));
      amount_errors_.weight += 1;
      amount_errors_.model += std::abs(predicted - amount);
      amount_errors_.own_mean += std::abs(own - amount);
      amount_errors_.population += std::abs(population - amount);
    }
    amounts_.Add(ToDoubles(snapshot.inputs), std::log1p(amount));
  }
  if (amounts_.weight() > 0) amount_model_ = amounts_.Solve(kAmountRidge);
}

void Predictor::FitPurchaseModels(absl::Span<const PurchaseHistory> histories) {
  std::vector<learn::RepeatHistory> repeats;
  std::vector<learn::SpendHistory> spends;
  for (const PurchaseHistory& history : histories) {
    if (!(history.x >= 0)) continue;
    learn::RepeatHistory& repeat = repeats.emplace_back(InWeeks(history));
    const auto rounded = [](double weeks) {
      return std::ceil(weeks * kWeekDays / kGroupDays) * kGroupDays / kWeekDays;
    };
    repeat.t_x = rounded(repeat.t_x);
    repeat.T = std::max(rounded(repeat.T), kGroupDays / kWeekDays);
    if (history.x > 0 && history.mean_amount > 0) {
      spends.push_back({history.x + 1, history.mean_amount});
    }
  }
  double longest = 0;
  for (const learn::RepeatHistory& repeat : repeats) longest = std::max(longest, repeat.T);
  if (longest < kLeastHistoryWeeks) return;
  const double buyers = static_cast<double>(repeats.size());
  const absl::StatusOr<learn::BgNbdFit> fit =
      learn::FitBgNbd(learn::GroupHistories(std::move(repeats)));
  if (!fit.ok()) return;
  bgnbd_ = fit->parameters;
  fitted_on_ = buyers;
  const absl::StatusOr<learn::GammaGammaParameters> spend = learn::FitGammaGamma(spends);
  gamma_gamma_ = spend.ok() ? *spend : learn::GammaGammaParameters{};
  ++version_;
}

absl::StatusOr<double> Predictor::BuysAgain(const InputVector& inputs) const {
  if (classifiers_[kBuyAgain].count() < options_.least_examples) {
    return absl::FailedPreconditionError("too few outcomes are known yet");
  }
  return classifiers_[kBuyAgain].Predict(ToDoubles(inputs));
}

absl::StatusOr<double> Predictor::NextAmount(const InputVector& inputs) const {
  if (!HasAmounts()) return absl::FailedPreconditionError("too few outcomes are known yet");
  return AmountOf(inputs);
}

double Predictor::AmountOf(const InputVector& inputs) const {
  const double log_amount =
      amount_model_.Predict(ToDoubles(inputs)) + amount_model_.residual_variance / 2;
  return std::expm1(std::clamp(log_amount, 0.0, 30.0));
}

bool Predictor::HasAmounts() const {
  return amounts_.weight() >= kLeastAmounts && amount_model_.coefficients.size() == kInputCount;
}

Reliability Predictor::ReliabilityOf(size_t head) const {
  Reliability reliability;
  if (head == kAmount) {
    reliability.measure = "mean_absolute_error";
    reliability.examples = amount_errors_.weight;
    if (amount_errors_.weight > 0) {
      reliability.value = amount_errors_.model / amount_errors_.weight;
      reliability.baseline = amount_errors_.own_mean / amount_errors_.weight;
    }
    return reliability;
  }
  const learn::Calibration& past = classifiers_[head].reliability();
  reliability.measure = "auc";
  reliability.value = past.Auc();
  reliability.baseline = 0.5;
  reliability.base_rate = past.BaseRate();
  reliability.brier = past.Brier();
  reliability.examples = past.weight();
  return reliability;
}

std::vector<PredictionDriver> Predictor::DriversOf(size_t head, absl::Span<const double> x) const {
  std::vector<double> effects;
  if (head == kAmount) {
    for (size_t i = 0; i < x.size(); ++i) {
      effects.push_back(amount_model_.coefficients[i] * (x[i] - amounts_.Mean(i)));
    }
  } else {
    effects = classifiers_[head].Contributions(x);
  }
  std::vector<size_t> order(effects.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&effects](size_t a, size_t b) {
    return std::abs(effects[a]) > std::abs(effects[b]);
  });
  std::vector<PredictionDriver> drivers;
  for (size_t i : order) {
    if (drivers.size() == kMaxDrivers || effects[i] == 0) break;
    drivers.push_back({std::string(InputName(i)),
                       i < kInputCount ? InputValue(i, static_cast<float>(x[i])) : x[i],
                       effects[i]});
  }
  return drivers;
}

std::vector<Prediction> Predictor::Predict(const Profile& profile, const learn::ForwardDecay& decay,
                                           int64_t as_of_ms) const {
  std::vector<Prediction> predictions;
  if (profile.empty()) return predictions;
  const InputVector inputs = PredictionInputs(profile, as_of_ms);
  const std::vector<double> x = ToDoubles(inputs);
  const auto add = [&](size_t head, absl::string_view name, absl::Span<const double> seen,
                       TermId category) {
    Prediction& prediction = predictions.emplace_back();
    prediction.name = std::string(name);
    prediction.category = category;
    prediction.horizon_days = static_cast<int>(HorizonMs(head) / kDayMs);
    prediction.unit = "probability";
    prediction.value = classifiers_[head].Predict(seen);
    prediction.drivers = DriversOf(head, seen);
    prediction.reliability = ReliabilityOf(head);
    return &prediction;
  };
  const auto answers = [this](size_t head) {
    return classifiers_[head].count() >= options_.least_examples;
  };
  if (answers(kBuyAgain) && Bought(inputs)) {
    Prediction* churn = add(kBuyAgain, "churn", x, TermId());
    churn->value = 1 - churn->value;
    for (PredictionDriver& driver : churn->drivers) driver.effect = -driver.effect;
    churn->reliability.base_rate = 1 - churn->reliability.base_rate;
  }
  if (answers(kBuy7)) add(kBuy7, "buy", x, TermId());
  if (answers(kBuy30)) add(kBuy30, "buy", x, TermId());
  for (const CategoryInput& category : CategoryInputs(profile, decay, as_of_ms)) {
    const std::vector<double> seen = WithCategory(inputs, category);
    for (const size_t head : {kCategory7, kCategory30}) {
      if (answers(head)) add(head, "buy_category", seen, category.term);
    }
  }
  if (const absl::StatusOr<double> amount = NextAmount(inputs); Bought(inputs) && amount.ok()) {
    Prediction& prediction = predictions.emplace_back();
    prediction.name = "next_purchase_amount";
    prediction.horizon_days = static_cast<int>(HorizonMs(kAmount) / kDayMs);
    prediction.value = *amount;
    prediction.unit = "currency";
    prediction.drivers = DriversOf(kAmount, x);
    prediction.reliability = ReliabilityOf(kAmount);
  }
  PredictPurchases(profile, as_of_ms, &predictions);
  return predictions;
}

void Predictor::PredictPurchases(const Profile& profile, int64_t as_of_ms,
                                 std::vector<Prediction>* out) const {
  const PurchaseHistory history = HistoryOf(profile, std::max(as_of_ms, profile.last_seen_ms()));
  if (!has_purchase_model() || history.x < 0) return;
  const std::vector<PredictionDriver> drivers = {{"repeat_purchases", history.x, 0},
                                                 {"days_first_to_last", history.t_x, 0},
                                                 {"days_since_first_purchase", history.T, 0}};
  const auto add = [&](absl::string_view name, double value, absl::string_view unit) {
    Prediction& prediction = out->emplace_back();
    prediction.name = std::string(name);
    prediction.horizon_days = options_.value_days;
    prediction.value = std::isfinite(value) ? value : 0;
    prediction.unit = std::string(unit);
    prediction.drivers = drivers;
    prediction.reliability.examples = fitted_on_;
  };
  const double purchases =
      learn::ExpectedPurchases(bgnbd_, InWeeks(history), options_.value_days / kWeekDays);
  add("expected_purchases", purchases, "purchases");
  if (gamma_gamma_.p <= 0) return;
  const double spend = learn::ExpectedSpend(
      gamma_gamma_, {history.mean_amount > 0 ? history.x + 1 : 0, history.mean_amount});
  add("lifetime_value", purchases * spend, "currency");
}

}  // namespace kindred::profile
