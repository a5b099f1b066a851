#include "learn/online_classifier.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "learn/calibration.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

double Sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

TEST(AreaUnderCurve, CountsPairsAndHalvesTies) {
  const std::vector<double> scores = {0.1, 0.4, 0.35, 0.8};
  const std::vector<uint8_t> positive = {0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(AreaUnderCurve(scores, positive), 0.75);  // 3 of 4 pairs
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.5, 0.5}, std::vector<uint8_t>{0, 1}), 0.5);
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.5, 0.6}, std::vector<uint8_t>{1, 1}), 0.5);
}

TEST(Calibration, PutsOverconfidenceRight) {
  // What is said to be 0.9 happens in 7 of 10 cases, what is said to be 0.1 in 3 of 10.
  Calibration calibration;
  EXPECT_DOUBLE_EQ(calibration.MakeCurve()(0.37), 0.37);
  for (int i = 0; i < 10000; ++i) {
    calibration.Add(0.9, i % 10 < 7);
    calibration.Add(0.1, i % 10 < 3);
  }
  const Calibration::Curve curve = calibration.MakeCurve();
  EXPECT_NEAR(curve(0.9), 0.7, 0.002);
  EXPECT_NEAR(curve(0.1), 0.3, 0.002);
  double before = -1;
  for (int i = 0; i <= 100; ++i) {
    EXPECT_GE(curve(i / 100.0), before);
    before = curve(i / 100.0);
    EXPECT_GE(before, 0);
    EXPECT_LE(before, 1);
  }
  EXPECT_DOUBLE_EQ(calibration.BaseRate(), 0.5);
  // 0.7 of the positives and 0.3 of the negatives are in the upper bin.
  EXPECT_NEAR(calibration.Auc(), 0.7 * 0.7 + 0.5 * (0.7 * 0.3 + 0.3 * 0.7), 1e-9);
  EXPECT_NEAR(calibration.Brier(), 0.7 * 0.01 + 0.3 * 0.81, 1e-9);
}

TEST(Calibration, PoolsWhatIsOutOfOrder) {
  Calibration calibration;
  for (int i = 0; i < 1000; ++i) {
    calibration.Add(0.2, i % 10 < 6);
    calibration.Add(0.8, i % 10 < 4);
  }
  const Calibration::Curve curve = calibration.MakeCurve();
  EXPECT_NEAR(curve(0.5), 0.5, 0.01);
}

std::vector<Labelled> Drawn(Random& random, int count, double slope) {
  std::vector<Labelled> batch;
  for (int i = 0; i < count; ++i) {
    const double x = 3 * random.Normal() + 10;  // not standardised
    const double noise = random.Normal();
    batch.push_back({{x, noise}, random.Uniform() < Sigmoid(slope * (x - 10))});
  }
  return batch;
}

TEST(OnlineClassifier, LearnsIsCalibratedAndSaysHowGoodItIs) {
  OnlineClassifier classifier(2, {});
  Random random(7);
  for (int batch = 0; batch < 40; ++batch) classifier.LearnBatch(Drawn(random, 200, 0.5));
  for (double x : {4.0, 8.0, 10.0, 13.0, 16.0}) {
    EXPECT_NEAR(classifier.Predict({x, 0.0}), Sigmoid(0.5 * (x - 10)), 0.05) << x;
  }
  EXPECT_EQ(classifier.count(), 8000u);
  EXPECT_GT(classifier.reliability().Auc(), 0.8);
  const std::vector<double> drivers = classifier.Contributions({16.0, 1.0});
  EXPECT_GT(drivers[0], 1.0);
  EXPECT_LT(std::abs(drivers[1]), 0.2);
}

TEST(OnlineClassifier, ASharedShockMovesTheLevelNotTheWeights) {
  // Every other batch nearly all are positive, and more of them at large x by chance of the
  // calendar: a model without levels would take the season for an effect of x.
  OnlineClassifier classifier(2, {});
  Random random(10);
  for (int batch = 0; batch < 60; ++batch) {
    const double shock = batch % 2 == 0 ? 1.5 : -1.5;
    std::vector<Labelled> rows;
    for (int i = 0; i < (batch % 2 == 0 ? 400 : 100); ++i) {
      const double x = random.Normal() + shock;
      rows.push_back({{x, random.Normal()}, random.Uniform() < Sigmoid(shock)});
    }
    classifier.LearnBatch(rows);
  }
  // Nothing but the season: x tells nothing, and a batch to come is as likely of either kind,
  // although four of five rows were of one.
  EXPECT_LT(std::abs(classifier.Contributions({1.5, 0.0})[0]), 0.25);
  EXPECT_GT(classifier.Predict({0.0, 0.0}), 0.4);
  EXPECT_LT(classifier.Predict({0.0, 0.0}), 0.85);
}

TEST(OnlineClassifier, ReliabilityIsMeasuredBeforeLearning) {
  // Outcomes are coins: whatever fits them in hindsight, nothing foretells them.
  OnlineClassifier classifier(2, {});
  Random random(8);
  for (int batch = 0; batch < 40; ++batch) classifier.LearnBatch(Drawn(random, 100, 0.0));
  EXPECT_NEAR(classifier.reliability().Auc(), 0.5, 0.05);
}

TEST(OnlineClassifier, BytesComeBackAndBadBytesAreRefused) {
  OnlineClassifier classifier(2, {});
  Random random(9);
  for (int batch = 0; batch < 5; ++batch) classifier.LearnBatch(Drawn(random, 50, 0.5));
  std::string bytes;
  classifier.Append(&bytes);
  auto again = OnlineClassifier::Parse(bytes, 2, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Predict({12.0, 1.0}), classifier.Predict({12.0, 1.0}));
  const std::vector<Labelled> next = Drawn(random, 50, 0.5);
  classifier.LearnBatch(next);
  again->LearnBatch(next);
  std::string a;
  std::string b;
  classifier.Append(&a);
  again->Append(&b);
  EXPECT_EQ(a, b);
  EXPECT_FALSE(OnlineClassifier::Parse(bytes, 3, {}).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(OnlineClassifier::Parse(bytes.substr(0, size), 2, {}).ok());
  }
}

TEST(OnlineClassifier, HostileValuesDoNoHarm) {
  OnlineClassifier classifier(1, {});
  classifier.LearnBatch({});
  classifier.LearnBatch(std::vector<Labelled>{{{NAN}, true}, {{INFINITY}, false}, {{1e308}, true}});
  classifier.LearnBatch(std::vector<Labelled>{{{1.0}, true}, {{-1e308}, false}});
  const double p = classifier.Predict({NAN});
  EXPECT_GE(p, 0);
  EXPECT_LE(p, 1);
}

}  // namespace
}  // namespace kindred::learn
