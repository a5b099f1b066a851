#include "learn/arma_likelihood.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace kindred::learn {
namespace {

// The state at t holds what is known of w_t, and of the parts of w_(t+1) … that are decided
// already. Only the first `n` rows and columns are used.
struct Square {
  size_t n = 0;
  std::array<std::array<double, kMostArmaStates>, kMostArmaStates> at{};
};

constexpr int kMostDoublings = 40;
// A factor this near to its limit, twice, has reached it: from there on a step costs n products.
constexpr double kSteady = 1e-13;

Square Product(const Square& a, const Square& b) {
  Square result{a.n};
  for (size_t i = 0; i < a.n; ++i) {
    for (size_t k = 0; k < a.n; ++k) {
      if (a.at[i][k] == 0) continue;
      for (size_t j = 0; j < a.n; ++j) result.at[i][j] += a.at[i][k] * b.at[k][j];
    }
  }
  return result;
}

// a b a'.
Square Around(const Square& a, const Square& b) {
  const Square left = Product(a, b);
  Square result{a.n};
  for (size_t i = 0; i < a.n; ++i) {
    for (size_t j = 0; j < a.n; ++j) {
      for (size_t k = 0; k < a.n; ++k) result.at[i][j] += left.at[i][k] * a.at[j][k];
    }
  }
  return result;
}

// The covariance that a step leaves as it is: sum over k of T^k noise (T^k)'.
Square Stationary(Square power, const Square& noise) {
  Square sum = noise;
  for (int i = 0; i < kMostDoublings; ++i) {
    const Square more = Around(power, sum);
    double largest = 0;
    for (size_t row = 0; row < sum.n; ++row) {
      for (size_t column = 0; column < sum.n; ++column) {
        sum.at[row][column] += more.at[row][column];
        largest = std::max(largest, std::abs(more.at[row][column]));
      }
    }
    if (!(largest > 1e-14 * sum.at[0][0]) || !std::isfinite(largest)) break;
    power = Product(power, power);
  }
  return sum;
}

class Filter {
 public:
  Filter(absl::Span<const double> phi, absl::Span<const double> theta)
      : phi_(phi), n_(std::max(phi.size(), theta.size() + 1)) {
    Square step{n_};
    for (size_t i = 0; i < n_; ++i) {
      if (i < phi.size()) step.at[i][0] = phi[i];
      if (i + 1 < n_) step.at[i][i + 1] = 1;
    }
    noise_.n = n_;
    const auto share = [&theta](size_t i) {
      return i == 0 ? 1.0 : i <= theta.size() ? theta[i - 1] : 0.0;
    };
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) noise_.at[i][j] = share(i) * share(j);
    }
    covariance_ = Stationary(step, noise_);
    TakeGain();
  }

  double factor() const { return factor_; }
  double log_factor() const { return log_factor_; }
  const ArmaState& state() const { return state_; }

  // Takes a value in; returns its error.
  double Take(double value) {
    const double error = value - state_.at[0];
    state_.Advance(phi_);
    for (size_t i = 0; i < n_; ++i) state_.at[i] += gain_[i] * error;
    if (steady_ < 2) Narrow();
    return error;
  }

 private:
  void TakeGain() {
    factor_ = covariance_.at[0][0];
    for (size_t i = 0; i < n_; ++i) {
      gain_[i] = Moved(covariance_.at, i, 0) / factor_;
    }
    log_factor_ = std::log(factor_);
  }

  // Entry (i, j) of T times the matrix.
  template <typename Rows>
  double Moved(const Rows& at, size_t i, size_t j) const {
    const double phi = i < phi_.size() ? phi_[i] : 0.0;
    return phi * at[0][j] + (i + 1 < n_ ? at[i + 1][j] : 0.0);
  }

  // The covariance after a value: T (P - P e e' P / F) T' + noise.
  void Narrow() {
    Square moved{n_};
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) moved.at[i][j] = Moved(covariance_.at, i, j);
    }
    Square next{n_};
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) {
        const double phi = j < phi_.size() ? phi_[j] : 0.0;
        const double both = phi * moved.at[i][0] + (j + 1 < n_ ? moved.at[i][j + 1] : 0.0);
        next.at[i][j] = both - gain_[i] * gain_[j] * factor_ + noise_.at[i][j];
      }
    }
    const double before = factor_;
    covariance_ = next;
    TakeGain();
    steady_ = std::abs(factor_ - before) < kSteady ? steady_ + 1 : 0;
  }

  const absl::Span<const double> phi_;
  const size_t n_;
  Square noise_;
  Square covariance_;
  double factor_ = 1;
  double log_factor_ = 0;
  std::array<double, kMostArmaStates> gain_{};
  int steady_ = 0;
  ArmaState state_;
};

}  // namespace

void ArmaState::Advance(absl::Span<const double> phi) {
  const double first = at[0];
  for (size_t i = 0; i < at.size(); ++i) {
    at[i] = (i < phi.size() ? phi[i] * first : 0.0) + (i + 1 < at.size() ? at[i + 1] : 0.0);
  }
}

ArmaFilter FilterArma(absl::Span<const double> phi, absl::Span<const double> theta,
                      absl::Span<const double> values, std::vector<double>* errors) {
  KINDRED_CHECK(phi.size() <= kMostArmaLags && theta.size() <= kMostArmaLags) << "ARMA order";
  Filter filter(phi, theta);
  ArmaFilter result;
  if (errors != nullptr) errors->clear();
  for (const double value : values) {
    const double factor = filter.factor();
    const double log_factor = filter.log_factor();
    const double error = filter.Take(value);
    result.squares += error * error / factor;
    result.log_factors += log_factor;
    if (errors != nullptr) errors->push_back(error / std::sqrt(factor));
  }
  result.state = filter.state();
  return result;
}

}  // namespace kindred::learn
