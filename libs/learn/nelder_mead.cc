#include "learn/nelder_mead.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace kindred::learn {
namespace {

using Function = std::function<double(absl::Span<const double>)>;

struct Vertex {
  std::vector<double> at;
  double value = 0;
};

// The simplex of one run, best vertex first after every Sort().
class Simplex {
 public:
  Simplex(const Function& f, const std::vector<double>& start, double step) : f_(f) {
    vertices_.push_back(Evaluate(start));
    for (size_t d = 0; d < start.size(); ++d) {
      std::vector<double> at = start;
      at[d] += step;
      vertices_.push_back(Evaluate(at));
    }
    Sort();
  }

  int evaluations() const { return evaluations_; }
  const Vertex& best() const { return vertices_.front(); }

  bool Converged(double tolerance) const {
    double widest = 0;
    for (const Vertex& vertex : vertices_) {
      for (size_t d = 0; d < vertex.at.size(); ++d) {
        widest = std::max(
            widest, std::abs(vertex.at[d] - best().at[d]) / std::max(1.0, std::abs(best().at[d])));
      }
    }
    const double spread = vertices_.back().value - best().value;
    return widest <= std::sqrt(tolerance) &&
           spread <= tolerance * std::max(1.0, std::abs(best().value));
  }

  void Step() {
    Vertex& worst = vertices_.back();
    const double second = vertices_[vertices_.size() - 2].value;
    Vertex reflected = Towards(1.0);
    if (reflected.value < best().value) {
      Vertex expanded = Towards(2.0);
      worst = expanded.value < reflected.value ? std::move(expanded) : std::move(reflected);
    } else if (reflected.value < second) {
      worst = std::move(reflected);
    } else {
      const bool outside = reflected.value < worst.value;
      Vertex contracted = Towards(outside ? 0.5 : -0.5);
      if (contracted.value < std::min(reflected.value, worst.value)) {
        worst = std::move(contracted);
      } else {
        Shrink();
      }
    }
    Sort();
  }

 private:
  Vertex Evaluate(std::vector<double> at) {
    ++evaluations_;
    const double value = f_(at);
    return {std::move(at), std::isfinite(value) ? value : std::numeric_limits<double>::max()};
  }

  // The point at `factor` times the way from the worst vertex through the centre of the others,
  // measured from that centre.
  Vertex Towards(double factor) {
    const size_t n = vertices_.size() - 1;
    std::vector<double> at(n, 0.0);
    for (size_t d = 0; d < n; ++d) {
      double centre = 0;
      for (size_t v = 0; v < n; ++v) centre += vertices_[v].at[d] / static_cast<double>(n);
      at[d] = centre + factor * (centre - vertices_[n].at[d]);
    }
    return Evaluate(std::move(at));
  }

  void Shrink() {
    for (size_t v = 1; v < vertices_.size(); ++v) {
      std::vector<double> at = vertices_[v].at;
      for (size_t d = 0; d < at.size(); ++d) at[d] = 0.5 * (at[d] + best().at[d]);
      vertices_[v] = Evaluate(std::move(at));
    }
  }

  void Sort() {
    std::stable_sort(vertices_.begin(), vertices_.end(),
                     [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
  }

  const Function& f_;
  std::vector<Vertex> vertices_;
  int evaluations_ = 0;
};

}  // namespace

Minimum NelderMead(const Function& f, std::vector<double> start, const NelderMeadOptions& options) {
  Minimum result{std::move(start), std::numeric_limits<double>::max(), false};
  for (int run = 0; run <= options.restarts; ++run) {
    Simplex simplex(f, result.at, run == 0 ? options.step : options.step / 5);
    result.converged = simplex.Converged(options.tolerance);
    while (!result.converged && simplex.evaluations() < options.max_evaluations) {
      simplex.Step();
      result.converged = simplex.Converged(options.tolerance);
    }
    result.at = simplex.best().at;
    result.value = simplex.best().value;
  }
  return result;
}

}  // namespace kindred::learn
