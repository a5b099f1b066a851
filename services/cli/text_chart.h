// A line chart for terminals, of Braille dots.
#ifndef KINDRED_CLI_TEXT_CHART_H_
#define KINDRED_CLI_TEXT_CHART_H_

#include <cstddef>
#include <string>
#include <vector>

namespace kindred::cli {

struct TextChart {
  std::vector<double> values;  // history, oldest first
  // What follows it, of one length; may be empty.
  std::vector<double> forecast;
  std::vector<double> lower;
  std::vector<double> upper;
  std::string from_label;  // below the left and the right end
  std::string to_label;
  size_t width = 72;   // characters of the plot area
  size_t height = 12;  // lines
};

// Lines of text, each with a line break. History is a line of dots; the forecast a line of dots on
// the shaded interval. A long series is averaged so that it fits.
std::string TextChartLines(const TextChart& chart);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_TEXT_CHART_H_
