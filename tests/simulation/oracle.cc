#include "simulation/oracle.h"

#include <algorithm>

namespace kindred::simulation {
namespace {

constexpr int64_t kDayMs = 86'400'000;

// Why a record is no event; empty when it is one.
std::string ReasonAgainst(const Sent& sent) {
  switch (sent.flaw) {
    case Flaw::kNone:
      return "";
    case Flaw::kNotJson:
      return "malformed";
    case Flaw::kNoCustomer:
      return "missing_customer";
    case Flaw::kNoItem:
      return "missing_item";
    case Flaw::kFuture:
      return "time_in_future";
    case Flaw::kNegativePrice:
      return "invalid_price";
    case Flaw::kFreePurchase:
      return "zero_price";
  }
  return "?";
}

void Count(const Sent& sent, bool late, OracleCustomer* customer) {
  if (customer->by_type.empty()) {
    customer->first_seen_ms = customer->last_seen_ms = sent.time_ms;
  }
  customer->first_seen_ms = std::min(customer->first_seen_ms, sent.time_ms);
  customer->last_seen_ms = std::max(customer->last_seen_ms, sent.time_ms);
  ++customer->by_type[sent.type];
  if (late) ++customer->late;
  if (!sent.item.empty()) customer->items.emplace(sent.time_ms, sent.item);
  const int64_t cents = sent.quantity * sent.price_cents;
  if (sent.type == "purchase") {
    ++customer->purchase_lines;
    customer->purchase_cents += cents;
    customer->units += sent.quantity;
    customer->purchase_times.insert(sent.time_ms);
  } else if (sent.type == "refund") {
    ++customer->refund_lines;
    customer->refund_cents += cents;
  }
}

}  // namespace

std::map<std::pair<std::string, std::string>, bool> Linked(const std::vector<PartitionLog>& logs) {
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, bool>> newest;
  for (const PartitionLog& log : logs) {
    for (const LogRecord& record : log) {
      const Sent& sent = record.sent;
      if (sent.other.empty() || sent.flaw != Flaw::kNone) continue;
      const std::pair<int64_t, bool> word(sent.time_ms, sent.type == "unlink");
      auto& word_before = newest[std::minmax(sent.customer, sent.other)];
      word_before = std::max(word_before, word);
    }
  }
  std::map<std::pair<std::string, std::string>, bool> linked;
  for (const auto& [ids, word] : newest) linked[ids] = !word.second;
  return linked;
}

OracleState Fold(const PartitionLog& log, int64_t next) {
  OracleState state;
  std::map<std::string, int64_t> seen;  // event id and reason against it → when it was taken
  // The greatest arrival; one more than a window ahead of it is believed when so many in a row say
  // so.
  constexpr int kBelieved = 64;
  int64_t now = 0;
  int ahead = 0;
  int64_t expected = log.front().offset;
  for (const LogRecord& record : log) {
    if (record.offset >= next) break;
    const Sent& sent = record.sent;
    // Where the log begins is no gap; the very first offset is not known before.
    if (expected > 0) state.skipped_offsets += record.offset - expected;
    expected = record.offset + 1;
    ++state.read;
    const std::string reason = ReasonAgainst(sent);
    // A rejection is told once, too, if the event could be read.
    if (sent.flaw != Flaw::kNotJson) {
      const std::string id = sent.event_id + " " + reason;
      const bool far = now > 0 && record.arrival_ms - now > kDayMs;
      ahead = far ? ahead + 1 : 0;
      if (!far || ahead == kBelieved) now = std::max(now, record.arrival_ms);
      const auto former = seen.find(id);
      if (former != seen.end() && now - former->second <= kDayMs) {
        ++state.duplicates;
        continue;
      }
      seen[id] = now;
    }
    if (!reason.empty()) {
      ++state.rejected[reason];
      state.dead_letters.emplace_back(record.offset, reason);
      continue;
    }
    ++state.accepted;
    const bool late = record.arrival_ms - sent.time_ms >= kDayMs;
    if (late) ++state.late;
    // About a customer, not of one.
    if (sent.type == "unlink" || sent.type == "message") continue;
    state.newest_event_ms = std::max(state.newest_event_ms, sent.time_ms);
    if (sent.type == "delete") {
      state.customers.erase(sent.customer);
    } else {
      Count(sent, late, &state.customers[sent.customer]);
    }
  }
  return state;
}

}  // namespace kindred::simulation
