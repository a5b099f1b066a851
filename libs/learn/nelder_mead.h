// Minimises a function of a few variables without derivatives.
// Source: Nelder, Mead: A Simplex Method for Function Minimization, The Computer Journal 7 (1965),
// with the usual coefficients 1, 2, 1/2, 1/2.
#ifndef KINDRED_LEARN_NELDER_MEAD_H_
#define KINDRED_LEARN_NELDER_MEAD_H_

#include <functional>
#include <vector>

#include "absl/types/span.h"

namespace kindred::learn {

struct NelderMeadOptions {
  double step = 0.5;           // size of the first simplex
  double tolerance = 1e-9;     // stop when the simplex and its values differ by less, relatively
  int max_evaluations = 4000;  // per restart
  int restarts = 2;            // fresh simplex at the best point, against false convergence
};

struct Minimum {
  std::vector<double> at;
  double value = 0;
  bool converged = false;  // false: max_evaluations was reached
};

// Starts at `start` (at least one variable). A value that is not finite counts as very large, so
// `f` may refuse arguments by returning infinity. Deterministic.
Minimum NelderMead(const std::function<double(absl::Span<const double>)>& f,
                   std::vector<double> start, const NelderMeadOptions& options = {});

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_NELDER_MEAD_H_
