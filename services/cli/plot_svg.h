// A picture as SVG: shapes and text in pixels, x to the right, y downwards. It remembers where its
// text lies, so that a layout can keep labels apart and a test can see that it did.
#ifndef KINDRED_CLI_PLOT_SVG_H_
#define KINDRED_CLI_PLOT_SVG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::cli {

struct PlotPoint {
  double x = 0;
  double y = 0;
};

struct PlotBox {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
  bool Overlaps(const PlotBox& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Colours are CSS ("#2b6cb0"); an empty one is not drawn. Opacity is of both.
struct PlotPaint {
  std::string fill = {};
  std::string stroke = {};
  double width = 1;  // of the stroke
  double opacity = 1;
  std::string dashes = {};  // "4 3"; empty: a solid line
};

enum class PlotAnchor { kStart, kMiddle, kEnd };

struct PlotText {
  double size = 12;
  std::string color = "#2d3748";
  PlotAnchor anchor = PlotAnchor::kStart;
  bool bold = false;
  bool upwards = false;  // turned by a quarter, reads from below
};

// The width of a text in the sans-serif fonts that viewers use, on the wide side.
double PlotTextWidth(absl::string_view text, const PlotText& style);
// The text cut into lines of at most `width`, at spaces; a word that is too long has its own line.
std::vector<std::string> PlotWrap(absl::string_view text, double width, const PlotText& style);
// The text, or its beginning and "…" where it is wider than `width`.
std::string PlotShorten(absl::string_view text, double width, const PlotText& style);

// Numbers that are not finite are drawn as 0. Text may be anything: it is escaped, and bytes that
// are not UTF-8 are replaced.
class PlotSvg {
 public:
  // `title` and `description` are for people who do not see the picture.
  PlotSvg(double width, double height, absl::string_view title, absl::string_view description);

  void Rect(const PlotBox& box, const PlotPaint& paint, double corner = 0);
  void Line(PlotPoint from, PlotPoint to, const PlotPaint& paint);
  void Path(absl::Span<const PlotPoint> points, bool closed, const PlotPaint& paint);
  void Circle(PlotPoint center, double radius, const PlotPaint& paint);
  // Many circles of one look, in half the bytes.
  void Dots(absl::Span<const PlotPoint> centers, double radius, const PlotPaint& paint);
  // `at`: the anchor on the base line.
  void Text(PlotPoint at, absl::string_view text, const PlotText& style);

  double width() const { return width_; }
  double height() const { return height_; }
  // Where the text so far lies.
  const std::vector<PlotBox>& text_boxes() const { return text_boxes_; }
  // The whole file.
  std::string Finish() const;

 private:
  const double width_;
  const double height_;
  std::string head_;
  std::string body_;
  std::vector<PlotBox> text_boxes_;
};

// The box that Text() covers.
PlotBox PlotTextBox(PlotPoint at, absl::string_view text, const PlotText& style);

// Ten colours that are told apart by most people, also with a colour weakness; further ones repeat.
absl::string_view PlotColor(size_t index);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_SVG_H_
