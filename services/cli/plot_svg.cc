#include "cli/plot_svg.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace kindred::cli {
namespace {

constexpr char kFont[] = "'Helvetica Neue',Helvetica,Arial,'Noto Sans',sans-serif";
// Above and below the base line, in parts of the size.
constexpr double kAscent = 0.78;
constexpr double kDescent = 0.22;

// The bytes of the UTF-8 sequence that `text` begins with; 0 when it is none.
size_t SequenceBytes(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  size_t size = 0;
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xC2 && byte(0) < 0xE0) size = 2;
  if (byte(0) >= 0xE0 && byte(0) < 0xF0) size = 3;
  if (byte(0) >= 0xF0 && byte(0) < 0xF5) size = 4;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is above the last character.
  if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) >= 0xA0) ||
      (byte(0) == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE) ||
      (byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) >= 0x90)) {
    return 0;
  }
  return size;
}

std::string Escape(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = SequenceBytes(text);
    const char c = text[0];
    if (size == 0 || (size == 1 && static_cast<unsigned char>(c) < 0x20) || c == 0x7F) {
      absl::StrAppend(&out, size == 0 ? "\xEF\xBF\xBD" : " ");
    } else if (c == '&') {
      absl::StrAppend(&out, "&amp;");
    } else if (c == '<') {
      absl::StrAppend(&out, "&lt;");
    } else if (c == '>') {
      absl::StrAppend(&out, "&gt;");
    } else if (c == '"') {
      absl::StrAppend(&out, "&quot;");
    } else {
      absl::StrAppend(&out, text.substr(0, size));
    }
    text.remove_prefix(std::max<size_t>(1, size));
  }
  return out;
}

// A coordinate: a tenth of a pixel is enough, and half the bytes.
std::string Number(double value) {
  if (!std::isfinite(value)) value = 0;
  std::string out = absl::StrFormat("%.1f", std::clamp(value, -1e6, 1e6));
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out == "-0" ? "0" : out;
}

std::string Attributes(const PlotPaint& paint) {
  std::string out =
      absl::StrCat(" fill=\"", paint.fill.empty() ? "none" : Escape(paint.fill), "\"");
  if (!paint.stroke.empty()) {
    absl::StrAppend(&out, " stroke=\"", Escape(paint.stroke), "\"");
    if (paint.width != 1) absl::StrAppend(&out, " stroke-width=\"", Number(paint.width), "\"");
    if (!paint.dashes.empty()) {
      absl::StrAppend(&out, " stroke-dasharray=\"", Escape(paint.dashes), "\"");
    }
  }
  if (paint.opacity < 1) absl::StrAppendFormat(&out, " opacity=\"%.2f\"", paint.opacity);
  return out;
}

// In parts of the size.
double CharacterWidth(absl::string_view sequence) {
  if (sequence.size() >= 3) return sequence[0] == '\xE2' ? 0.7 : 1.0;  // dashes; ideographs
  if (sequence.size() == 2) return 0.65;
  const char c = sequence[0];
  if (absl::StrContains("ijl.,:;'|!()[] tfI/", c)) return 0.33;
  if (absl::StrContains("mwMW@%", c)) return 0.92;
  if (c >= 'A' && c <= 'Z') return 0.72;
  return 0.57;
}

}  // namespace

double PlotTextWidth(absl::string_view text, const PlotText& style) {
  double width = 0;
  while (!text.empty()) {
    const size_t size = std::max<size_t>(1, SequenceBytes(text));
    width += CharacterWidth(text.substr(0, size));
    text.remove_prefix(size);
  }
  return width * style.size * (style.bold ? 1.08 : 1.0);
}

std::vector<std::string> PlotWrap(absl::string_view text, double width, const PlotText& style) {
  std::vector<std::string> lines;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!lines.empty() && PlotTextWidth(absl::StrCat(lines.back(), " ", word), style) <= width) {
      absl::StrAppend(&lines.back(), " ", word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

std::string PlotShorten(absl::string_view text, double width, const PlotText& style) {
  if (PlotTextWidth(text, style) <= width) return std::string(text);
  std::string kept;
  while (!text.empty()) {
    const size_t size = std::max<size_t>(1, SequenceBytes(text));
    if (PlotTextWidth(absl::StrCat(kept, text.substr(0, size), "…"), style) > width) break;
    absl::StrAppend(&kept, text.substr(0, size));
    text.remove_prefix(size);
  }
  while (kept.ends_with(' ') || kept.ends_with(',')) kept.pop_back();
  return kept + "…";
}

PlotBox PlotTextBox(PlotPoint at, absl::string_view text, const PlotText& style) {
  const double width = PlotTextWidth(text, style);
  const double before = style.anchor == PlotAnchor::kStart    ? 0
                        : style.anchor == PlotAnchor::kMiddle ? width / 2
                                                              : width;
  const double above = kAscent * style.size;
  const double below = kDescent * style.size;
  if (style.upwards) return {at.x - above, at.y + before - width, at.x + below, at.y + before};
  return {at.x - before, at.y - above, at.x - before + width, at.y + below};
}

PlotSvg::PlotSvg(double width, double height, absl::string_view title,
                 absl::string_view description)
    : width_(width), height_(height) {
  head_ = absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", Number(width),
                       "\" height=\"", Number(height), "\" viewBox=\"0 0 ", Number(width), " ",
                       Number(height), "\" role=\"img\" font-family=\"", kFont, "\">\n<title>",
                       Escape(title), "</title>\n<desc>", Escape(description), "</desc>\n");
  Rect({0, 0, width, height}, {.fill = "#ffffff", .stroke = ""});
}

void PlotSvg::Rect(const PlotBox& box, const PlotPaint& paint, double corner) {
  absl::StrAppend(
      &body_, "<rect x=\"", Number(box.left), "\" y=\"", Number(box.top), "\" width=\"",
      Number(std::max(0.0, box.width())), "\" height=\"", Number(std::max(0.0, box.height())), "\"",
      corner > 0 ? absl::StrCat(" rx=\"", Number(corner), "\"") : "", Attributes(paint), "/>\n");
}

void PlotSvg::Line(PlotPoint from, PlotPoint to, const PlotPaint& paint) {
  absl::StrAppend(&body_, "<line x1=\"", Number(from.x), "\" y1=\"", Number(from.y), "\" x2=\"",
                  Number(to.x), "\" y2=\"", Number(to.y), "\"", Attributes(paint), "/>\n");
}

void PlotSvg::Path(absl::Span<const PlotPoint> points, bool closed, const PlotPaint& paint) {
  if (points.empty()) return;
  absl::StrAppend(&body_, "<path d=\"");
  char letter = 'M';
  for (const PlotPoint& point : points) {
    absl::StrAppend(&body_, std::string(1, letter), Number(point.x), " ", Number(point.y));
    letter = 'L';
  }
  absl::StrAppend(&body_, closed ? "Z\"" : "\"", Attributes(paint),
                  paint.stroke.empty() ? "" : " stroke-linejoin=\"round\"", "/>\n");
}

void PlotSvg::Circle(PlotPoint center, double radius, const PlotPaint& paint) {
  absl::StrAppend(&body_, "<circle cx=\"", Number(center.x), "\" cy=\"", Number(center.y),
                  "\" r=\"", Number(radius), "\"", Attributes(paint), "/>\n");
}

void PlotSvg::Dots(absl::Span<const PlotPoint> centers, double radius, const PlotPaint& paint) {
  PlotPaint group = paint;
  group.opacity = 1;
  absl::StrAppend(&body_, "<g", Attributes(group));
  // Of each dot, so that a crowd looks darker than one.
  if (paint.opacity < 1) absl::StrAppendFormat(&body_, " fill-opacity=\"%.2f\"", paint.opacity);
  absl::StrAppend(&body_, ">\n");
  const std::string size = Number(radius);
  for (const PlotPoint& center : centers) {
    absl::StrAppend(&body_, "<circle cx=\"", Number(center.x), "\" cy=\"", Number(center.y),
                    "\" r=\"", size, "\"/>\n");
  }
  absl::StrAppend(&body_, "</g>\n");
}

void PlotSvg::Text(PlotPoint at, absl::string_view text, const PlotText& style) {
  if (text.empty()) return;
  text_boxes_.push_back(PlotTextBox(at, text, style));
  absl::StrAppend(&body_, "<text x=\"", Number(at.x), "\" y=\"", Number(at.y), "\" font-size=\"",
                  Number(style.size), "\" fill=\"", Escape(style.color), "\"");
  if (style.anchor == PlotAnchor::kMiddle) absl::StrAppend(&body_, " text-anchor=\"middle\"");
  if (style.anchor == PlotAnchor::kEnd) absl::StrAppend(&body_, " text-anchor=\"end\"");
  if (style.bold) absl::StrAppend(&body_, " font-weight=\"600\"");
  if (style.upwards) {
    absl::StrAppend(&body_, " transform=\"rotate(-90 ", Number(at.x), " ", Number(at.y), ")\"");
  }
  absl::StrAppend(&body_, ">", Escape(text), "</text>\n");
}

std::string PlotSvg::Finish() const { return absl::StrCat(head_, body_, "</svg>\n"); }

absl::string_view PlotColor(size_t index) {
  static constexpr absl::string_view kColors[] = {"#2b6cb0", "#dd6b20", "#2f855a", "#c53030",
                                                  "#6b46c1", "#8c5a2b", "#d53f8c", "#4a5568",
                                                  "#b7910c", "#0f8a9d"};
  return kColors[index % 10];
}

}  // namespace kindred::cli
