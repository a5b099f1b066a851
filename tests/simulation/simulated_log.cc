#include "simulation/simulated_log.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred::simulation {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kStartMs = 1'760'000'000'000;  // 2025-10-09
constexpr int kCustomers = 9;
constexpr int kItems = 7;
constexpr int kCategories = 3;
constexpr int kLinkedIds = 6;

std::string Category(const std::string& item) {
  return absl::StrCat("category-", (item.back() - '0') % kCategories);
}

std::string Encode(const Sent& sent) {
  if (sent.flaw == Flaw::kNotJson) return absl::StrCat("{\"event_id\":\"", sent.event_id, "\",");
  std::string json = absl::StrCat("{\"event_id\":\"", sent.event_id, "\",\"type\":\"", sent.type,
                                  "\",\"event_time\":", sent.time_ms);
  if (sent.flaw != Flaw::kNoCustomer)
    absl::StrAppend(&json, ",\"user_id\":\"", sent.customer, "\"");
  if (!sent.other.empty()) absl::StrAppend(&json, ",\"previous_id\":\"", sent.other, "\"");
  if (!sent.item.empty() && sent.flaw != Flaw::kNoItem) {
    absl::StrAppend(&json, ",\"item_id\":\"", sent.item, "\",\"category\":\"", Category(sent.item),
                    "\"");
  }
  if (sent.type == "purchase" || sent.type == "refund") {
    absl::StrAppend(&json, ",\"quantity\":", sent.quantity,
                    ",\"price\":", static_cast<double>(sent.price_cents) / 100,
                    ",\"currency\":\"USD\"");
  }
  return json + "}";
}

class Maker {
 public:
  Maker(uint64_t seed, int partition) : dice_(seed * 64 + static_cast<uint64_t>(partition)) {
    prefix_ = absl::StrCat("e-", partition, "-");
    arrival_ms_ = kStartMs + dice_.Below(kHourMs);
  }

  PartitionLog Make(int partitions, int partition) {
    PartitionLog log;
    int64_t offset = dice_.Percent(30) ? dice_.Below(1000) : 0;
    const int64_t count = 40 + dice_.Below(160);
    for (int64_t i = 0; i < count; ++i) {
      arrival_ms_ += dice_.Percent(4) ? 2 * kHourMs : dice_.Below(20 * kMinuteMs);
      LogRecord record;
      record.offset = offset;
      record.arrival_ms = arrival_ms_;
      if (dice_.Percent(10)) record.arrival_ms -= dice_.Below(10 * kMinuteMs);
      if (!Repeat(log, record.arrival_ms, &record.sent)) {
        record.sent = New(i, partitions, partition, record.arrival_ms);
      }
      seen_[record.sent.event_id].push_back(record.arrival_ms);
      record.key = record.sent.customer;
      record.value = Encode(record.sent);
      log.push_back(std::move(record));
      offset += dice_.Percent(6) ? 2 + dice_.Below(4) : 1;
    }
    return log;
  }

 private:
  // An event that was sent before, sent again.
  bool Repeat(const PartitionLog& log, int64_t arrival_ms, Sent* sent) {
    if (log.empty() || !dice_.Percent(15)) return false;
    const int64_t back = dice_.Percent(70) ? 30 : static_cast<int64_t>(log.size());
    const int64_t size = static_cast<int64_t>(log.size());
    const Sent& former =
        log[static_cast<size_t>(size - 1 - dice_.Below(std::min(back, size)))].sent;
    for (const int64_t seen : seen_[former.event_id]) {
      const int64_t age = arrival_ms - seen;
      if (age > 22 * kHourMs && age < 26 * kHourMs) return false;
    }
    *sent = former;
    return true;
  }

  Sent New(int64_t number, int partitions, int partition, int64_t arrival_ms) {
    Sent sent;
    sent.event_id = absl::StrCat(prefix_, number);
    // The customers of a partition; sometimes one that belongs to another.
    const int64_t step = dice_.Percent(5) ? 0 : partition;
    sent.customer =
        absl::StrCat("u-", (dice_.Below(kCustomers / 3) * partitions + step) % kCustomers);
    const int64_t kind = dice_.Below(100);
    sent.type = kind < 45   ? "view"
                : kind < 80 ? "purchase"
                : kind < 88 ? "refund"
                : kind < 97 ? "identify"
                            : "delete";
    if (kind < 88) sent.item = absl::StrCat("item-", dice_.Below(kItems));
    sent.quantity = 1 + dice_.Below(3);
    sent.price_cents = 100 * (1 + dice_.Below(50)) + 99;
    sent.time_ms = arrival_ms - dice_.Below(5 * kMinuteMs);
    if (dice_.Percent(8)) sent.time_ms -= 24 * kHourMs + dice_.Below(200 * kHourMs);
    if (dice_.Percent(10)) {
      Link(partitions, partition, &sent);
    } else if (dice_.Percent(12)) {
      AddFlaw(arrival_ms, &sent);
    }
    return sent;
  }

  void Link(int partitions, int partition, Sent* sent) {
    const int64_t own = partition + partitions * dice_.Below(kLinkedIds / partitions);
    sent->customer = absl::StrCat("l-", own);
    sent->other = absl::StrCat("l-", (own + 1 + dice_.Below(kLinkedIds - 1)) % kLinkedIds);
    sent->type = dice_.Percent(60) ? "alias" : "unlink";
    sent->item.clear();
  }

  void AddFlaw(int64_t arrival_ms, Sent* sent) {
    sent->flaw = static_cast<Flaw>(1 + dice_.Below(6));
    if (sent->flaw == Flaw::kNotJson || sent->flaw == Flaw::kNoCustomer) return;
    if (sent->flaw == Flaw::kFuture) {
      // Days ahead, so that no repetition brings it within bounds.
      sent->time_ms = arrival_ms + 100'000 * kHourMs;
      return;
    }
    sent->type = "purchase";
    sent->item = "item-0";
    if (sent->flaw == Flaw::kNegativePrice) sent->price_cents = -500;
    if (sent->flaw == Flaw::kFreePurchase) sent->price_cents = 0;
  }

  Dice dice_;
  std::string prefix_;
  int64_t arrival_ms_ = 0;
  std::map<std::string, std::vector<int64_t>> seen_;
};

}  // namespace

std::vector<PartitionLog> MakeLogs(uint64_t seed) {
  const int partitions = 1 + static_cast<int>(Dice(seed).Below(3));
  std::vector<PartitionLog> logs;
  for (int i = 0; i < partitions; ++i) logs.push_back(Maker(seed, i).Make(partitions, i));
  return logs;
}

LogRecord Message(const PartitionLog& log, std::string id, std::string key, std::string value,
                  int64_t time_ms) {
  LogRecord record;
  record.offset = log.back().offset + 1;
  record.arrival_ms = std::max(log.back().arrival_ms, time_ms);
  // Whether one that is a window old is still known depends on buckets that the oracle does not
  // have.
  for (const LogRecord& former : log) {
    const int64_t age = record.arrival_ms - former.arrival_ms;
    if (former.sent.event_id == id && age > 22 * kHourMs && age < 26 * kHourMs) {
      record.arrival_ms = former.arrival_ms + 26 * kHourMs;
    }
  }
  record.sent.event_id = std::move(id);
  record.sent.customer = key;
  record.sent.type = "message";
  record.sent.time_ms = time_ms;
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

std::vector<std::string> AllLinkedIds() {
  std::vector<std::string> ids;
  for (int i = 0; i < kLinkedIds; ++i) ids.push_back(absl::StrCat("l-", i));
  return ids;
}

size_t PartitionOfLinkedId(const std::string& id, size_t partitions) {
  return static_cast<size_t>(id.back() - '0') % partitions;
}

std::vector<std::string> AllItems() {
  std::vector<std::string> items;
  for (int i = 0; i < kItems; ++i) items.push_back(absl::StrCat("item-", i));
  return items;
}

std::vector<std::string> AllTerms() {
  std::vector<std::string> terms = {"USD"};
  for (int i = 0; i < kCategories; ++i) terms.push_back(absl::StrCat("category-", i));
  return terms;
}

std::vector<std::string> AllCustomers() {
  std::vector<std::string> customers;
  for (int i = 0; i < kCustomers; ++i) customers.push_back(absl::StrCat("u-", i));
  for (std::string& id : AllLinkedIds()) customers.push_back(std::move(id));
  return customers;
}

}  // namespace kindred::simulation
