#include "cli/evaluate_input.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/text_lines.h"
#include "event/decoder.h"
#include "event/event_time.h"
#include "event/item_decoder.h"

namespace kindred::cli {
namespace {

using recommend::Interaction;
using recommend::LogEvent;

absl::Status AppendItems(absl::string_view text, InputNames* names, recommend::Session* items) {
  for (absl::string_view name : absl::StrSplit(text, absl::ByAnyChar(" ,"), absl::SkipEmpty())) {
    const uint32_t item = names->items.Intern(name);
    if (item == 0) return absl::ResourceExhaustedError("too many items");
    items->push_back(item);
  }
  return absl::OkStatus();
}

// Nothing for events that relations are not learnt from.
std::optional<Interaction> InteractionOf(event::EventType type) {
  switch (type) {
    case event::EventType::kView:
    case event::EventType::kPage:
      return Interaction::kView;
    case event::EventType::kClick:
      return Interaction::kClick;
    case event::EventType::kWishlist:
      return Interaction::kWishlist;
    case event::EventType::kAddToCart:
      return Interaction::kCart;
    case event::EventType::kPurchase:
      return Interaction::kPurchase;
    case event::EventType::kRating:
      return Interaction::kRating;
    default:
      return std::nullopt;
  }
}

// Which column holds what; -1 = none.
struct Columns {
  int customer = -1, session = -1, item = -1, time = -1, order = -1, type = -1, quantity = -1,
      price = -1;
};

std::string Canonical(absl::string_view name) {
  std::string text;
  for (char c : name) {
    if (absl::ascii_isalnum(c) || (c & 0x80) != 0) text.push_back(absl::ascii_tolower(c));
  }
  return text;
}

Columns GuessColumns(const std::vector<std::string>& header) {
  const auto find = [&](std::initializer_list<absl::string_view> candidates) {
    for (absl::string_view candidate : candidates) {
      for (size_t i = 0; i < header.size(); ++i) {
        if (Canonical(header[i]) == candidate) return static_cast<int>(i);
      }
    }
    return -1;
  };
  return {
      .customer = find({"customerid", "userid", "visitorid", "customer", "user", "memberid",
                        "anonymousid", "用户id"}),
      .session = find({"sessionid", "session"}),
      .item =
          find({"itemid", "productid", "stockcode", "sku", "item", "product", "movieid", "商品id"}),
      .time = find({"eventtime", "timestamp", "time", "invoicedate", "datetime", "date",
                    "createdat", "购买时间"}),
      .order = find({"orderid", "invoiceno", "invoice", "transactionid", "basketid", "order"}),
      .type = find({"type", "eventtype", "event", "action", "behavior"}),
      .quantity = find({"quantity", "qty"}),
      .price = find({"unitprice", "price"}),
  };
}

// RFC 3339, or a number: seconds with or without a fraction, or milliseconds.
std::optional<int64_t> TimeOf(absl::string_view text) {
  double number = 0;
  if (absl::SimpleAtod(text, &number) && std::isfinite(number)) {
    // 1e11 seconds is the year 5138; as milliseconds it is 1973.
    return std::llround(std::abs(number) < 1e11 ? number * 1000 : number);
  }
  return event::ParseTime(text);
}

class LogReader {
 public:
  LogReader(InputNames* names, EventLog* log) : names_(*names), log_(*log) {}

  absl::Status Read(const std::string& path) {
    KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
    std::string line;
    bool first = true, json = false;
    std::string header;
    while (lines.Next(&line)) {
      if (first) {
        absl::string_view text = line;
        absl::ConsumePrefix(&text, "\xef\xbb\xbf");
        json = absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "{");
        if (!json) {
          KINDRED_RETURN_IF_ERROR(StartTable(path, text));
          header = line;
        }
        first = false;
        if (!json) continue;
      }
      if (absl::StripAsciiWhitespace(line).empty() || (!json && line == header)) continue;
      ++log_.rows;
      const bool used = json ? AddJson(line) : AddRow(line);
      if (!used) ++log_.skipped;
    }
    return lines.status();
  }

 private:
  absl::Status StartTable(const std::string& path, absl::string_view header) {
    delimiter_ = ',';
    for (char candidate : {'\t', ';'}) {
      if (std::count(header.begin(), header.end(), candidate) >
          std::count(header.begin(), header.end(), delimiter_)) {
        delimiter_ = candidate;
      }
    }
    SplitDelimited(header, delimiter_, &fields_);
    columns_ = GuessColumns(fields_);
    if (columns_.customer < 0) columns_.customer = columns_.session;
    const char* missing = columns_.customer < 0 ? "customer or session"
                          : columns_.item < 0   ? "item"
                          : columns_.time < 0   ? "time"
                                                : nullptr;
    if (missing == nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":1: no column for the ", missing, " in \"", header, "\""));
  }

  absl::string_view Field(int column) const {
    if (column < 0 || static_cast<size_t>(column) >= fields_.size()) return {};
    return absl::StripAsciiWhitespace(fields_[column]);
  }
  bool PositiveOrAbsent(int column) const {
    double value = 0;
    return column < 0 || (absl::SimpleAtod(Field(column), &value) && value > 0);
  }

  bool AddRow(const std::string& line) {
    SplitDelimited(line, delimiter_, &fields_);
    const std::optional<int64_t> time_ms = TimeOf(Field(columns_.time));
    if (!time_ms || !PositiveOrAbsent(columns_.quantity) || !PositiveOrAbsent(columns_.price)) {
      return false;
    }
    const absl::string_view order = Field(columns_.order);
    std::optional<Interaction> kind = order.empty() ? Interaction::kView : Interaction::kPurchase;
    if (columns_.type >= 0) kind = InteractionOf(event::EventTypeFromName(Field(columns_.type)));
    if (!kind) return false;
    return Add(Field(columns_.customer), Field(columns_.item), order, *kind, *time_ms);
  }

  bool AddJson(const std::string& line) {
    if (!decoder_.Decode({.key = {}, .value = line, .headers = {}, .arrival_ms = 0}, &decoded_)
             .ok()) {
      return false;
    }
    bool used = false;
    for (const event::Event& event : decoded_) {
      const std::optional<Interaction> kind = InteractionOf(event.type);
      if (!kind || !event.event_time_ms) continue;
      const absl::string_view customer = event.user_id.empty() ? event.anonymous_id : event.user_id;
      used |= Add(customer, event.item_id, event.order_id, *kind, *event.event_time_ms);
    }
    return used;
  }

  bool Add(absl::string_view customer, absl::string_view item, absl::string_view order,
           Interaction kind, int64_t time_ms) {
    if (customer.empty() || item.empty()) return false;
    LogEvent event;
    event.customer = names_.customers.Intern(customer);
    event.touch = {.item = ItemId(names_.items.Intern(item)), .kind = kind, .time_ms = time_ms};
    if (!order.empty() && kind == Interaction::kPurchase) {
      event.order = names_.orders.Intern(order);
    }
    if (event.customer == 0 || event.touch.item.value() == 0) return false;
    log_.events.push_back(event);
    return true;
  }

  InputNames& names_;
  EventLog& log_;
  char delimiter_ = ',';
  Columns columns_;
  std::vector<std::string> fields_;
  event::Decoder decoder_;
  std::vector<event::Event> decoded_;
};

}  // namespace

absl::StatusOr<std::vector<recommend::Session>> ReadSessions(const std::string& path,
                                                             InputNames* names) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  std::vector<recommend::Session> sessions;
  std::string line;
  while (lines.Next(&line)) {
    recommend::Session session;
    KINDRED_RETURN_IF_ERROR(AppendItems(line, names, &session));
    if (!session.empty()) sessions.push_back(std::move(session));
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  return sessions;
}

absl::StatusOr<std::vector<recommend::PrefixTarget>> ReadPrefixTargets(const std::string& path,
                                                                       InputNames* names) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  std::vector<recommend::PrefixTarget> queries;
  std::string line;
  while (lines.Next(&line)) {
    if (line.empty()) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    recommend::PrefixTarget query;
    recommend::Session target;
    KINDRED_RETURN_IF_ERROR(AppendItems(parts.first, names, &query.prefix));
    KINDRED_RETURN_IF_ERROR(AppendItems(parts.second, names, &target));
    if (query.prefix.empty() || target.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", lines.line_number(), ": expected items, a tab and one item"));
    }
    query.target = target[0];
    queries.push_back(std::move(query));
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  return queries;
}

absl::StatusOr<EventLog> ReadEventLog(const std::vector<std::string>& paths, InputNames* names) {
  EventLog log;
  for (const std::string& path : paths) KINDRED_RETURN_IF_ERROR(LogReader(names, &log).Read(path));
  std::stable_sort(log.events.begin(), log.events.end(), [](const LogEvent& a, const LogEvent& b) {
    return a.touch.time_ms < b.touch.time_ms;
  });
  return log;
}

absl::StatusOr<ItemFile> ReadItems(const std::string& path, InputNames* names) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  event::ItemDecoder decoder;
  ItemFile file;
  std::string line;
  while (lines.Next(&line)) {
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    event::EncodedRecord record;
    record.value = line;
    event::Item item;
    const event::DecodeResult result = decoder.Decode(record, &item);
    const uint32_t number = result.ok() ? names->items.Intern(item.item_id) : 0;
    if (number == 0) {
      ++file.skipped;
    } else {
      file.items.emplace_back(number, std::move(item));
    }
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  return file;
}

}  // namespace kindred::cli
