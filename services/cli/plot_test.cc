// What every picture must be: well-formed XML, all text inside the page, and no text on another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/plot_dendrogram.h"
#include "cli/plot_lines.h"
#include "cli/plot_scatter.h"
#include "cli/plot_segments.h"
#include "cli/text_chart.h"
#include "learn/agglomerative.h"
#include "learn/random.h"

namespace kindred::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// A parser for the little XML that is written here: tags nest, attributes are quoted, and text
// holds no bare "<" or "&". Returns what is wrong, or "".
std::string XmlFault(absl::string_view xml) {
  std::vector<std::string> open;
  size_t at = 0;
  const auto entity = [&xml](size_t i) {
    for (const absl::string_view name : {"&amp;", "&lt;", "&gt;", "&quot;"}) {
      if (xml.substr(i, name.size()) == name) return true;
    }
    return false;
  };
  bool rooted = false;
  while (at < xml.size()) {
    if (xml[at] == '&' && !entity(at)) return absl::StrCat("bare & at ", at);
    if (xml[at] != '<') {
      if (open.empty() && xml[at] != '\n') return absl::StrCat("text outside the root at ", at);
      ++at;
      continue;
    }
    const size_t end = xml.find('>', at);
    if (end == absl::string_view::npos) return "a tag is not closed";
    absl::string_view tag = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag.empty() || tag.find('<') != absl::string_view::npos) return "a tag within a tag";
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return absl::StrCat("stray </", tag, ">");
      open.pop_back();
      continue;
    }
    const bool single = tag.back() == '/';
    if (single) tag.remove_suffix(1);
    const std::string name(tag.substr(0, tag.find(' ')));
    bool quoted = false;
    for (size_t i = 0; i < tag.size(); ++i) {
      if (tag[i] == '"') quoted = !quoted;
      if (tag[i] == '&' && !entity(static_cast<size_t>(tag.data() - xml.data()) + i)) {
        return absl::StrCat("bare & in <", name, ">");
      }
    }
    if (quoted) return absl::StrCat("a quote is open in <", name, ">");
    if (open.empty() && rooted) return "two roots";
    rooted = true;
    if (!single) open.push_back(name);
  }
  return open.empty() && rooted ? "" : "the root is not closed";
}

void ExpectGoodPicture(const PlotSvg& svg) {
  const std::string xml = svg.Finish();
  EXPECT_EQ(XmlFault(xml), "");
  EXPECT_THAT(xml, Not(HasSubstr("nan")));
  EXPECT_THAT(xml, Not(HasSubstr("inf")));
  const std::vector<PlotBox>& boxes = svg.text_boxes();
  EXPECT_FALSE(boxes.empty());
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].left, 0) << i;
    EXPECT_GE(boxes[i].top, 0) << i;
    EXPECT_LE(boxes[i].right, svg.width()) << i;
    EXPECT_LE(boxes[i].bottom, svg.height()) << i;
    for (size_t j = i + 1; j < boxes.size(); ++j) {
      EXPECT_FALSE(boxes[i].Overlaps(boxes[j]))
          << "texts " << i << " and " << j << " overlap at " << boxes[i].left << "," << boxes[i].top
          << " and " << boxes[j].left << "," << boxes[j].top << "\n"
          << xml;
    }
  }
}

constexpr char kHostile[] =
    "<b>&\"quoted\"' \xff\xfe \x01 用户 — a very long name, very high spend";

ScatterChart Scatter(size_t groups, size_t points, double spread, uint64_t seed) {
  learn::Random random(seed);
  ScatterChart chart;
  chart.caption = {"Customers by purchase frequency and total spend",
                   "Each dot is a customer, each number the centre of a segment.", "a source"};
  chart.x_title = "purchase frequency (times)";
  chart.y_title = "total spend";
  chart.log_x = chart.log_y = true;
  for (size_t g = 0; g < groups; ++g) {
    ScatterGroup& group = chart.groups.emplace_back();
    group.name = absl::StrCat("high spend, very frequent, rather recent, number ", g);
    group.size = static_cast<double>(points);
    group.has_center = true;
    group.center = {1 + spread * static_cast<double>(g), 10 + 50 * spread * static_cast<double>(g)};
    for (size_t i = 0; i < points; ++i) {
      group.points.push_back({std::exp(random.Normal()), std::exp(5 + 2 * random.Normal())});
    }
  }
  return chart;
}

TEST(PlotSvg, EscapesWhateverTheTextIs) {
  PlotSvg svg(200, 100, kHostile, kHostile);
  svg.Text({10, 20}, kHostile, {});
  const std::string xml = svg.Finish();
  EXPECT_EQ(XmlFault(xml), "");
  EXPECT_THAT(xml, HasSubstr("&lt;b&gt;&amp;&quot;quoted&quot;"));
  EXPECT_THAT(xml, HasSubstr("用户"));
  EXPECT_THAT(xml, Not(HasSubstr("\xff")));
  EXPECT_THAT(xml, Not(HasSubstr("\x01")));
}

TEST(PlotSvg, TheParserOfThisTestFindsFaults) {
  EXPECT_EQ(XmlFault("<svg><a b=\"c\"/>x &amp; y</svg>"), "");
  EXPECT_NE(XmlFault("<svg><g></svg>"), "");
  EXPECT_NE(XmlFault("<svg>a & b</svg>"), "");
  EXPECT_NE(XmlFault("<svg a=\"b></svg>"), "");
  EXPECT_NE(XmlFault("<svg>"), "");
  EXPECT_NE(XmlFault("<svg/><svg/>"), "");
}

TEST(PlotSvg, NumbersThatAreNotFiniteAreDrawnAsZero) {
  PlotSvg svg(100, 100, "t", "d");
  svg.Circle({std::nan(""), std::numeric_limits<double>::infinity()}, 1, {.fill = "#000000"});
  EXPECT_THAT(svg.Finish(), HasSubstr("cx=\"0\" cy=\"0\""));
}

TEST(PlotSvg, TextIsCutAndWrappedToItsWidth) {
  const PlotText style{.size = 12};
  const std::string text = "high spend, frequent, recent purchase";
  EXPECT_EQ(PlotShorten(text, 1000, style), text);
  const std::string cut = PlotShorten(text, 100, style);
  EXPECT_LE(PlotTextWidth(cut, style), 100);
  EXPECT_TRUE(cut.ends_with("…"));
  for (const std::string& line : PlotWrap(text, 100, style)) {
    EXPECT_LE(PlotTextWidth(line, style), 100) << line;
  }
  EXPECT_THAT(PlotWrap("", 100, style), SizeIs(0));
}

TEST(PlotAxis, NumbersArePlain) {
  EXPECT_EQ(PlotNumber(0), "0");
  EXPECT_EQ(PlotNumber(0.25), "0.25");
  EXPECT_EQ(PlotNumber(1234), "1,234");
  EXPECT_EQ(PlotNumber(9999.4), "9,999");
  EXPECT_EQ(PlotNumber(12500), "12.5k");
  EXPECT_EQ(PlotNumber(999'499), "999k");
  EXPECT_EQ(PlotNumber(999'999), "1M");
  EXPECT_EQ(PlotNumber(3.2e6), "3.2M");
  EXPECT_EQ(PlotNumber(-1234), "−1,234");
  EXPECT_EQ(PlotNumber(std::nan("")), "–");
}

TEST(PlotAxis, TicksAreRoundAndInOrder) {
  const auto labels = [](const PlotAxis& axis, size_t most) {
    std::vector<std::string> result;
    double last = -std::numeric_limits<double>::infinity();
    for (const PlotTick& tick : axis.Ticks(most)) {
      EXPECT_GT(tick.value, last);
      last = tick.value;
      if (!tick.label.empty()) result.push_back(tick.label);
    }
    return result;
  };
  EXPECT_THAT(labels(PlotAxis::Linear({0, 97}, true), 5), ElementsAre("0", "20", "40", "60", "80"));
  EXPECT_THAT(labels(PlotAxis::Log({1, 1000}), 5), ElementsAre("1", "10", "100", "1,000"));
  EXPECT_THAT(labels(PlotAxis::Log({1, 5}), 6), ElementsAre("1", "2", "5"));
  const int64_t day = 86'400'000;
  const int64_t start = 1'291'161'600'000;  // 2010-12-01
  EXPECT_THAT(labels(PlotAxis::Time(start, start + 374 * day), 7),
              ElementsAre("Jan 2011", "Mar 2011", "May 2011", "Jul 2011", "Sep 2011", "Nov 2011"));
  EXPECT_THAT(labels(PlotAxis::Time(start, start + 2 * day), 4),
              ElementsAre("01 Dec", "12:00", "02 Dec", "12:00", "03 Dec"));
}

TEST(PlotAxis, PlacesAreWithinTheAxisForAnyValue) {
  const double huge = std::numeric_limits<double>::max();
  const double inf = std::numeric_limits<double>::infinity();
  for (const PlotAxis& axis :
       {PlotAxis::Linear({-huge, huge}, false), PlotAxis::Linear({5, 5}, false),
        PlotAxis::Linear({}, true), PlotAxis::Log({}), PlotAxis::Log({1e-300, 1e300}),
        PlotAxis::Log({-5, 0}), PlotAxis::Log({7, 7}), PlotAxis::Time(5, 5)}) {
    for (const double value : {-inf, -huge, -1.0, 0.0, 1e-9, 5.0, huge, inf, std::nan("")}) {
      EXPECT_GE(axis.At(value), 0);
      EXPECT_LE(axis.At(value), 1);
    }
    EXPECT_LE(axis.Ticks(6).size(), 200u);
  }
}

TEST(PlotScatter, LabelsNeverOverlap) {
  ExpectGoodPicture(DrawScatter(Scatter(3, 300, 3, 1)));
  ExpectGoodPicture(DrawScatter(Scatter(8, 50, 0.3, 2)));
  // All centres at one place.
  ExpectGoodPicture(DrawScatter(Scatter(8, 5, 0, 3)));
  ExpectGoodPicture(DrawScatter(Scatter(40, 2, 0.1, 4)));
  ExpectGoodPicture(DrawScatter(Scatter(1, 0, 1, 5)));
  ScatterChart hostile = Scatter(3, 10, 1, 6);
  hostile.caption = {kHostile, kHostile, kHostile};
  hostile.x_title = hostile.y_title = absl::StrCat(kHostile, kHostile, kHostile);
  hostile.groups[1].name = absl::StrCat(kHostile, kHostile, kHostile);
  hostile.groups[2].points.push_back({std::nan(""), -3});
  ExpectGoodPicture(DrawScatter(hostile));
}

TEST(PlotScatter, EveryPointAndCentreIsDrawn) {
  const std::string xml = DrawScatter(Scatter(3, 100, 3, 1)).Finish();
  size_t circles = 0;
  for (size_t at = xml.find("<circle"); at != std::string::npos; at = xml.find("<circle", at + 1)) {
    ++circles;
  }
  // Points; a mark of two circles for each centre and each line of the legend.
  EXPECT_GE(circles, 300u + 12u);
  EXPECT_LE(circles, 300u + 15u);
}

TEST(PlotLines, LabelsNeverOverlap) {
  learn::Random random(1);
  for (const size_t steps : {1u, 2u, 30u, 400u, 3000u}) {
    for (const int64_t step_ms : {3'600'000LL, 86'400'000LL}) {
      LineChart chart;
      chart.caption = {"Forecast: daily amount", "by Holt-Winters", "a source"};
      chart.y_title = "amount";
      ChartLine line{"observed", "#4a5568", false, {}};
      ChartBand band{"80 % interval", "#dd6b20", {}};
      for (size_t i = 0; i < steps; ++i) {
        const int64_t time = 1'291'161'600'000 + static_cast<int64_t>(i) * step_ms;
        const double value = std::exp(8 + random.Normal());
        line.values.emplace_back(time, value);
        band.edges.push_back({time, value / 2, value * 2});
      }
      chart.lines = {line, {"forecast", "#dd6b20", true, line.values}};
      chart.bands = {band};
      chart.mark_ms = line.values[steps / 2].first;
      chart.mark_name = steps > 2 ? "forecast from here" : "";
      ExpectGoodPicture(DrawLines(chart));
    }
  }
}

TEST(PlotSegments, LabelsNeverOverlap) {
  for (const size_t count : {1u, 3u, 8u, 12u, 20u}) {
    SegmentsChart chart;
    chart.caption = {"Customer segments", "Groups of customers who behave alike.", kHostile};
    for (size_t r = 0; r < 16; ++r) chart.rows.push_back(absl::StrCat("feature_", r, " (units)"));
    for (size_t i = 0; i < count; ++i) {
      SegmentColumn& column = chart.columns.emplace_back();
      column.name = "very high spend, frequent, many items an order, broad interests";
      column.size = 12345.0 / static_cast<double>(i + 1);
      column.share = 0.5;
      for (size_t r = 0; r < 16; ++r) {
        column.values.push_back(std::pow(10.0, static_cast<double>(r) - 3));
        column.standardized.push_back(static_cast<double>(r) - 8);
      }
    }
    ExpectGoodPicture(DrawSegments(chart));
  }
}

TEST(PlotDendrogram, LabelsNeverOverlapAndLeavesAreBounded) {
  learn::Random random(3);
  for (const size_t points : {1u, 2u, 5u, 300u}) {
    learn::Matrix matrix;
    for (size_t i = 0; i < points; ++i) {
      matrix.AppendRow({random.Normal() + (i % 3 == 0 ? 8 : 0), random.Normal()});
    }
    DendrogramChart chart;
    chart.caption = {"How customers group together", "By Ward's criterion.", "a source"};
    chart.tree = learn::Ward(matrix);
    size_t named = 0;
    size_t total = 0;
    chart.name = [&](absl::Span<const size_t> leaf) {
      ++named;
      total += leaf.size();
      return absl::StrCat(leaf.size(), " customers: 12 purchases, 1,234 spent in all of the year");
    };
    ExpectGoodPicture(DrawDendrogram(chart));
    EXPECT_EQ(named, std::min<size_t>(points, 24));
    EXPECT_EQ(total, points) << "every point is in one leaf";
  }
  ExpectGoodPicture(DrawDendrogram({.caption = {"nothing", "", ""}, .tree = {}, .name = {}}));
}

TEST(TextChart, LinesHaveTheAskedSize) {
  TextChart chart;
  for (int i = 0; i < 200; ++i) chart.values.push_back(100 + 50 * std::sin(i / 5.0));
  chart.forecast.assign(20, 100);
  chart.lower.assign(20, 60);
  chart.upper.assign(20, 140);
  chart.from_label = "2011-01-01";
  chart.to_label = "2011-08-08";
  const std::string text = TextChartLines(chart);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 13);
  EXPECT_THAT(text, HasSubstr("░"));
  EXPECT_THAT(text, HasSubstr("⣀"));
  EXPECT_THAT(text, HasSubstr("100 ┤"));
  EXPECT_EQ(TextChartLines({}), "");
  TextChart one;
  one.values = {3};
  EXPECT_NE(TextChartLines(one), "");
}

}  // namespace
}  // namespace kindred::cli
