#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recommend/evaluate.h"

namespace kindred::recommend {

std::string ReportAsJson(const EvaluationReport& report) {
  const auto metrics = [](absl::string_view name, const Metrics& m) {
    return absl::StrFormat(
        "\"%s\":{\"queries\":%d,\"p_at_20\":%.6f,\"mrr_at_20\":%.6f,\"ndcg_at_20\":%.6f,"
        "\"recall_at_20\":%.6f}",
        name, m.queries, m.p, m.mrr, m.ndcg, m.recall);
  };
  return absl::StrFormat(
      "{\"queries\":%d,\"p_at_20\":%.6f,\"mrr_at_20\":%.6f,\"ndcg_at_20\":%.6f,"
      "\"recall_at_20\":%.6f,\"micros_mean\":%.1f,\"micros_p50\":%.1f,\"micros_p99\":%.1f,"
      "\"coverage\":%.6f,\"popular_share\":%.6f,\"unknown_targets\":%d,\"items\":%d,"
      "\"events\":%d,\"memory_bytes\":%d,\"relation_bytes\":%d,%s,%s,%s,%s,%s}",
      report.queries, report.all.p, report.all.mrr, report.all.ndcg, report.all.recall,
      report.micros_mean, report.micros_p50, report.micros_p99, report.coverage,
      report.popular_share, report.unknown_targets, report.items, report.events,
      report.memory_bytes, report.relation_bytes, metrics("repeats", report.repeats),
      metrics("new_items", report.new_items), metrics("cold", report.cold),
      metrics("warm", report.warm), metrics("rare", report.rare));
}

std::string ReportAsTable(const EvaluationReport& report) {
  std::string text = absl::StrFormat("%-22s %9s %8s %8s %8s %8s\n", "", "queries", "P@20", "MRR@20",
                                     "NDCG@20", "recall");
  const auto row = [&](absl::string_view name, const Metrics& m) {
    if (m.queries == 0) return;
    absl::StrAppendFormat(&text, "%-22s %9d %8.2f %8.2f %8.2f %8.2f\n", name, m.queries, 100 * m.p,
                          100 * m.mrr, 100 * m.ndcg, 100 * m.recall);
  };
  row("all", report.all);
  row("seen before", report.repeats);
  row("new to the customer", report.new_items);
  row("cold customers (< 3)", report.cold);
  row("warm customers", report.warm);
  row("items of < 5 sessions", report.rare);
  absl::StrAppendFormat(
      &text,
      "microseconds a query     mean %.1f, p50 %.1f, p99 %.1f\n"
      "catalogue coverage       %.1f %% of %d items\n"
      "the 1 %% most popular     %.1f %% of the places\n"
      "targets never met        %d queries\n"
      "memory of the index      %.2f MiB after %d events, relations %.2f MiB of it\n",
      report.micros_mean, report.micros_p50, report.micros_p99, 100 * report.coverage, report.items,
      100 * report.popular_share, report.unknown_targets,
      static_cast<double>(report.memory_bytes) / 1048576, report.events,
      static_cast<double>(report.relation_bytes) / 1048576);
  return text;
}

std::string ReportAsSvg(const EvaluationReport& report) {
  constexpr double kWidth = 720, kHeight = 320, kLeft = 48, kTop = 24, kPlotWidth = 600,
                   kPlotHeight = 250;
  double highest = 0.01;
  uint64_t last = 1;
  for (const EvaluationReport::Point& point : report.course) {
    highest = std::max({highest, point.p, point.mrr});
    last = std::max(last, point.queries);
  }
  std::string text = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, kHeight);
  for (int i = 0; i <= 4; ++i) {
    const double y = kTop + kPlotHeight * (4 - i) / 4;
    absl::StrAppendFormat(&text,
                          "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" "
                          "stroke=\"#ddd\"/><text x=\"6\" y=\"%.1f\">%.1f</text>\n",
                          kLeft, kLeft + kPlotWidth, y, y, y + 4, 100 * highest * i / 4);
  }
  const auto line = [&](absl::string_view name, absl::string_view colour, double label_y,
                        double EvaluationReport::Point::*value) {
    absl::StrAppend(&text, "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"", colour,
                    "\" points=\"");
    for (const EvaluationReport::Point& point : report.course) {
      absl::StrAppendFormat(
          &text, "%.1f,%.1f ",
          kLeft + kPlotWidth * static_cast<double>(point.queries) / static_cast<double>(last),
          kTop + kPlotHeight * (1 - point.*value / highest));
    }
    absl::StrAppendFormat(&text, "\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n",
                          kLeft + kPlotWidth + 8, label_y, colour, name);
  };
  line("P@20 %", "#1f77b4", kTop + 14, &EvaluationReport::Point::p);
  line("MRR@20 %", "#d62728", kTop + 32, &EvaluationReport::Point::mrr);
  absl::StrAppendFormat(&text, "<text x=\"%.1f\" y=\"%.1f\">%d queries, in order</text>\n</svg>\n",
                        kLeft, kTop + kPlotHeight + 24, report.queries);
  return text;
}

}  // namespace kindred::recommend
