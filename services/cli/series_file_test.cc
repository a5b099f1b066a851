#include "cli/series_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/forecast_report.h"

namespace kindred::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string FileOf(const std::string& text) {
  // Tests of one file run at the same time.
  static int count = 0;
  const std::string path = absl::StrCat(
      ::testing::TempDir(), "/series-",
      ::testing::UnitTest::GetInstance()->current_test_info()->name(), "-", ++count, ".csv");
  std::ofstream(path) << text;
  return path;
}

TEST(SeriesFile, TimesAndValuesWithAndWithoutAHeader) {
  for (const char* header : {"", "date,sales\n", "\xef\xbb\xbf日期,金额\n"}) {
    const auto series =
        ReadSeriesFile(FileOf(absl::StrCat(header,
                                           "2011-01-03,5\n2011-01-01,1.5\n2011-01-03,-2\n"
                                           "nonsense,3\n2011-01-04,\n")),
                       {});
    ASSERT_TRUE(series.ok()) << series.status();
    EXPECT_THAT(series->values, ElementsAre(1.5, 0, 3)) << header;
    EXPECT_EQ(series->rows, 5u);
    EXPECT_EQ(series->skipped, 2u);
    EXPECT_EQ(StepLabel(series->TimeOf(2), series->step_ms), "2011-01-03");
  }
}

TEST(SeriesFile, PurchasesAreMeasuredAsAsked) {
  const std::string path = FileOf(
      "CustomerID,StockCode,InvoiceDate,Quantity,UnitPrice\n"
      "1,a,2011-01-01 10:00,2,5\n1,b,2011-01-01 10:00,1,1\n2,a,2011-01-01 12:30,1,5\n"
      "1,a,2011-01-02 09:00,-2,5\n,a,2011-01-02 09:30,4,5\n2,a,2011-01-02 10:00,1,0\n"
      "2,a,2011-01-03 10:00,1,4\n");
  SeriesFileOptions options;
  auto series = ReadSeriesFile(path, options);
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_THAT(series->values, ElementsAre(16, -10, 4)) << "no gift, no stranger";
  EXPECT_EQ(series->skipped, 2u);
  options.measure = SeriesMeasure::kEvents;
  EXPECT_THAT(ReadSeriesFile(path, options)->values, ElementsAre(3, 0, 1));
  options.measure = SeriesMeasure::kCustomers;
  EXPECT_THAT(ReadSeriesFile(path, options)->values, ElementsAre(2, 0, 1));
  options.step_ms = 3'600'000;
  series = ReadSeriesFile(path, options);
  ASSERT_TRUE(series.ok());
  EXPECT_EQ(series->values.size(), 49u);
  EXPECT_EQ(StepLabel(series->start_ms, series->step_ms), "2011-01-01 10:00");
}

TEST(SeriesFile, RefusesWhatIsNoSeries) {
  EXPECT_TRUE(absl::IsNotFound(ReadSeriesFile("no such file", {}).status()));
  EXPECT_FALSE(ReadSeriesFile(FileOf(""), {}).ok());
  EXPECT_FALSE(ReadSeriesFile(FileOf("date,sales\n"), {}).ok());
  EXPECT_FALSE(ReadSeriesFile(FileOf("date\n2011-01-01\n"), {}).ok());
  const auto wide = ReadSeriesFile(FileOf("1700-01-01,1\n2200-01-01,1\n"), {});
  EXPECT_THAT(std::string(wide.status().message()), HasSubstr("100000 steps"));
}

EvenSeries Weekly(size_t n) {
  EvenSeries series;
  series.step_ms = 86'400'000;
  for (size_t t = 0; t < n; ++t) {
    const double x = static_cast<double>(t);
    series.values.push_back(100 + x / 3 + 30 * std::sin(x * 6.283185307 / 7) +
                            3 * std::sin(x * 12.9898));
  }
  return series;
}

TEST(ForecastReport, WhatIsHeldBackIsComparedAndNotLearnedFrom) {
  ForecastRequest request;
  request.holdback = 14;
  request.arima = learn::ArimaOrder{1, 0, 1, true};
  const auto report = MakeForecastReport("sales", Weekly(200), request);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->history.values.size(), 186u);
  EXPECT_EQ(report->forecast.model.mean.size(), 14u);
  EXPECT_LT(report->mase, 0.8);
  EXPECT_GE(report->inside, 9u);
  EXPECT_EQ(StepLabel(report->TimeOf(0), report->history.step_ms), "1970-07-06");
  // The future does not reach the forecast.
  EvenSeries other = Weekly(200);
  for (size_t i = 186; i < 200; ++i) other.values[i] = -1e6;
  const auto blind = MakeForecastReport("sales", other, request);
  ASSERT_TRUE(blind.ok());
  EXPECT_EQ(blind->forecast.model.mean, report->forecast.model.mean);
  EXPECT_EQ(blind->inside, 0u);
  const std::string json = ForecastJson(*report);
  for (const char* part : {"\"method\":", "\"holdback\":", "\"inside_share\":", "\"phi1\":",
                           "\"backtest\":", "\"actual\":"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_THAT(ForecastText(*report), HasSubstr("held back  14 values"));
  EXPECT_EQ(ForecastChart(*report, 60).lines.size(), 3u);
  request.holdback = 200;
  EXPECT_FALSE(MakeForecastReport("sales", Weekly(200), request).ok());
}

}  // namespace
}  // namespace kindred::cli
