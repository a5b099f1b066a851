#include "cli/import_table.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/hash.h"
#include "event/event_time.h"

namespace kindred::cli {
namespace {

struct Guess {
  const char* field;
  std::vector<absl::string_view> names;  // canonical, best first
};

const std::vector<Guess>& Guesses() {
  static const auto* const guesses = new std::vector<Guess>{
      {"user",
       {"userid", "customerid", "customer", "user", "memberid", "householdid", "visitorid",
        "clientid", "用户id", "用户", "会员id", "客户id"}},
      {"anonymous", {"anonymousid", "deviceid", "cookieid"}},
      {"item",
       {"itemid", "productid", "stockcode", "sku", "item", "product", "movieid", "商品id", "商品",
        "产品id"}},
      {"time",
       {"eventtime", "timestamp", "transactiontimestamp", "time", "invoicedate", "purchasetime",
        "orderdate", "datetime", "date", "createdat", "购买时间", "时间", "下单时间", "日期"}},
      {"type", {"eventtype", "type", "event", "action", "behavior", "行为", "行为类型"}},
      {"quantity", {"quantity", "qty", "数量"}},
      {"price", {"unitprice", "price", "单价", "价格"}},
      {"amount",
       {"amount", "salesvalue", "total", "totalamount", "dollars", "revenue", "购买金额", "金额"}},
      {"order",
       {"orderid", "invoiceno", "invoice", "transactionid", "basketid", "订单id", "订单号"}},
      {"category", {"category", "productcategory", "categoryname", "类别", "品类"}},
      {"brand", {"brand", "品牌"}},
      {"title", {"title", "description", "productname", "name", "producttype", "商品名称", "标题"}},
      {"currency", {"currency", "币种"}},
      {"country", {"country", "国家"}},
      {"region", {"region", "state", "province", "省份"}},
      {"city", {"city", "城市"}},
      {"channel", {"channel", "渠道"}},
      {"device", {"device", "devicetype", "设备"}},
      {"session", {"sessionid", "session"}},
      {"rating", {"rating", "评分"}},
      {"query", {"query", "searchterm", "搜索词"}},
      {"event-id", {"eventid", "messageid"}},
      {"available", {"available", "availability", "instock", "库存"}}};
  return *guesses;
}

std::string Canonical(absl::string_view name) {
  std::string text;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0) {
      text.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  return text;
}

std::optional<size_t> FindColumn(const std::vector<std::string>& header, absl::string_view name) {
  for (size_t i = 0; i < header.size(); ++i) {
    if (Canonical(header[i]) == Canonical(name)) return i;
  }
  return std::nullopt;
}

std::optional<double> NumberOf(absl::string_view text) {
  double number = 0;
  if (text.empty() || !absl::SimpleAtod(text, &number)) return std::nullopt;
  return number;
}

}  // namespace

absl::StatusOr<ImportColumns> ImportColumns::Find(const std::vector<std::string>& header,
                                                  const ColumnNames& named,
                                                  const std::vector<std::string>& required) {
  ImportColumns columns;
  for (const auto& [field, name] : named) {
    const std::optional<size_t> column = FindColumn(header, name);
    if (!column.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", field, " names the column \"", name,
                       "\", but the file has: ", absl::StrJoin(header, ", ")));
    }
    columns.columns_[field] = *column;
  }
  for (const Guess& guess : Guesses()) {
    if (columns.columns_.contains(guess.field)) continue;
    for (const absl::string_view name : guess.names) {
      const std::optional<size_t> column = FindColumn(header, name);
      if (!column.has_value()) continue;
      columns.columns_[guess.field] = *column;
      break;
    }
  }
  for (const std::string& field : required) {
    if (!columns.columns_.contains(field)) {
      return absl::InvalidArgumentError(
          absl::StrCat("no column for the ", field, "; name it with --", field,
                       ". The file has: ", absl::StrJoin(header, ", ")));
    }
  }
  return columns;
}

absl::string_view ImportColumns::Get(const std::vector<std::string>& row,
                                     absl::string_view field) const {
  const auto it = columns_.find(field);
  if (it == columns_.end() || it->second >= row.size()) return {};
  return absl::StripAsciiWhitespace(row[it->second]);
}

bool ImportColumns::IsFree(size_t column) const {
  return std::none_of(columns_.begin(), columns_.end(),
                      [column](const auto& entry) { return entry.second == column; });
}

std::string ImportColumns::Describe(const std::vector<std::string>& header) const {
  std::vector<std::string> parts;
  for (const char* field : kImportFields) {
    const auto it = columns_.find(field);
    if (it != columns_.end()) parts.push_back(absl::StrCat(field, " <- ", header[it->second]));
  }
  return absl::StrJoin(parts, ", ");
}

char GuessDelimiter(absl::string_view header) {
  char best = ',';
  for (const char candidate : {'\t', ';'}) {
    if (std::count(header.begin(), header.end(), candidate) >
        std::count(header.begin(), header.end(), best)) {
      best = candidate;
    }
  }
  return best;
}

RowEvents::RowEvents(ImportColumns columns, event::EventType default_type, ColumnNames constants)
    : columns_(std::move(columns)), default_type_(default_type), constants_(std::move(constants)) {}

absl::string_view RowEvents::Field(const std::vector<std::string>& row,
                                   absl::string_view field) const {
  const absl::string_view text = columns_.Get(row, field);
  if (!text.empty()) return text;
  const auto it = constants_.find(std::string(field));
  return it == constants_.end() ? absl::string_view() : it->second;
}

const event::Event& RowEvents::Next(absl::string_view line, const std::vector<std::string>& row) {
  const uint64_t fingerprint = base::Fingerprint64(line);
  const uint32_t ordinal = seen_[fingerprint]++;
  event_ = event::Event();
  event_.event_id = Field(row, "event-id");
  if (event_.event_id.empty()) {
    // Two seeds make 128 bits: equal rows only, not rows that happen to collide.
    event_id_ = absl::StrFormat("row-%016x%016x-%d", fingerprint,
                                base::Fingerprint64(line, /*seed=*/1), ordinal);
    event_.event_id = event_id_;
  }
  event_.user_id = Field(row, "user");
  event_.anonymous_id = Field(row, "anonymous");
  const absl::string_view type = Field(row, "type");
  event_.type = type.empty() ? default_type_ : event::EventTypeFromName(type);
  if (event_.type == event::EventType::kCustom) event_.custom_type = type;
  event_.event_time_ms = ParseTableTime(Field(row, "time"));
  event_.item_id = Field(row, "item");
  event_.quantity = NumberOf(Field(row, "quantity"));
  event_.price = NumberOf(Field(row, "price"));
  event_.amount = NumberOf(Field(row, "amount"));
  event_.rating = NumberOf(Field(row, "rating"));
  event_.currency = Field(row, "currency");
  event_.order_id = Field(row, "order");
  event_.category = Field(row, "category");
  event_.brand = Field(row, "brand");
  event_.title = Field(row, "title");
  event_.query = Field(row, "query");
  event_.channel = Field(row, "channel");
  event_.device = Field(row, "device");
  event_.country = Field(row, "country");
  event_.region = Field(row, "region");
  event_.city = Field(row, "city");
  event_.session_id = Field(row, "session");
  return event_;
}

absl::string_view RowEvents::key() const {
  if (!event_.user_id.empty()) return event_.user_id;
  return event_.anonymous_id.empty() ? event_.event_id : event_.anonymous_id;
}

std::optional<int64_t> ParseTableTime(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  double number = 0;
  if (absl::SimpleAtod(text, &number) && std::isfinite(number)) {
    if (text.size() == 8 && number >= 19000101 && number <= 21001231) {
      absl::Time day;
      if (absl::ParseTime("%E4Y%m%d", text, &day, nullptr)) return absl::ToUnixMillis(day);
    }
    // 1e11 seconds is the year 5138; as milliseconds it is 1973.
    return std::llround(std::abs(number) < 1e11 ? number * 1000 : number);
  }
  if (const std::optional<int64_t> time = event::ParseTime(text); time.has_value()) return time;
  for (const char* format :
       {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M",
        "%m/%d/%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"}) {
    absl::Time time;
    if (absl::ParseTime(format, text, &time, nullptr)) return absl::ToUnixMillis(time);
  }
  return std::nullopt;
}

event::Item RowItem(const ImportColumns& columns, const std::vector<std::string>& header,
                    const std::vector<std::string>& row) {
  event::Item item;
  item.item_id = std::string(columns.Get(row, "item"));
  item.title = std::string(columns.Get(row, "title"));
  item.category = std::string(columns.Get(row, "category"));
  item.brand = std::string(columns.Get(row, "brand"));
  item.price = NumberOf(columns.Get(row, "price"));
  item.currency = std::string(columns.Get(row, "currency"));
  const std::string available = absl::AsciiStrToLower(columns.Get(row, "available"));
  item.available = !(available == "false" || available == "0" || available == "no");
  for (size_t i = 0; i < header.size() && i < row.size(); ++i) {
    if (!row[i].empty() && columns.IsFree(i)) item.attributes.emplace_back(header[i], row[i]);
  }
  return item;
}

}  // namespace kindred::cli
