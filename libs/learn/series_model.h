// A model fitted to an evenly spaced series, and what it says of the next steps.
#ifndef KINDRED_LEARN_SERIES_MODEL_H_
#define KINDRED_LEARN_SERIES_MODEL_H_

#include <string>
#include <utility>
#include <vector>

namespace kindred::learn {

struct SeriesModel {
  std::string name;  // "Holt-Winters", "ARIMA(1,1,0)" …
  std::vector<std::pair<std::string, double>> parameters;
  std::vector<double> residuals;  // one-step errors on the series, oldest first
  double sigma = 0;               // their root mean square
  std::vector<double> mean;       // forecast of step 1, 2 … horizon
  std::vector<double> deviation;  // its standard error at each step, as the model has it
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_SERIES_MODEL_H_
