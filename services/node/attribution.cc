#include "node/attribution.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace kindred::node {
namespace {

using event::EventType;

constexpr uint8_t kVersion = 1;          // of the cells
constexpr uint8_t kCustomerVersion = 2;  // 1: clicks without revenue
constexpr absl::string_view kCellsKey = "cells";
constexpr absl::string_view kOther = "(other)";
constexpr uint64_t kAnswerSeed = 0x616e73776572;
constexpr size_t kMaxCellLabel = AttributionToken::kMaxLabelBytes;

// The text of a JSON string without escapes, as tokens are.
absl::string_view Unquote(absl::string_view json) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return {};
  return json.substr(1, json.size() - 2);
}

absl::string_view TokenText(const clean::CleanEvent& event) {
  for (const event::JsonField& field : *event.properties) {
    if (field.name == Attribution::kProperty) return Unquote(field.json);
  }
  return {};
}

// At least 0 and at most kMost, so that no sum of these overflows.
constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 4;
int64_t Sum(int64_t sum, int64_t value) {
  return std::clamp<int64_t>(sum + std::clamp<int64_t>(value, -kMost, kMost), 0, kMost);
}
void Add(int64_t* sum, int64_t value) { *sum = Sum(*sum, value); }

void WriteCell(const AttributionCell& cell, base::ByteWriter* out) {
  out->Bytes(cell.variant);
  out->Bytes(cell.placement);
  out->U8(cell.source);
}

bool ReadCell(base::ByteReader* in, AttributionCell* cell) {
  cell->variant = std::string(in->Bytes());
  cell->placement = std::string(in->Bytes());
  cell->source = in->U8();
  return cell->variant.size() <= kMaxCellLabel && cell->placement.size() <= kMaxCellLabel;
}

}  // namespace

AttributionCounts& AttributionCounts::operator+=(const AttributionCounts& other) {
  impressions += other.impressions;
  clicks += other.clicks;
  converted += other.converted;
  purchases += other.purchases;
  revenue_micros += other.revenue_micros;
  return *this;
}

Attribution::Attribution(const AttributionOptions& options) : options_(options) {}

void Attribution::Apply(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
                        int64_t revenue_micros, bool undo) {
  const EventType type = event.type;
  if (type != EventType::kImpression && type != EventType::kClick && type != EventType::kView &&
      type != EventType::kPurchase && type != EventType::kRefund) {
    return;
  }
  const bool sale = type == EventType::kPurchase || type == EventType::kRefund;
  const absl::string_view text = TokenText(event);
  if (text.empty() && (!sale || !customers_.contains(customer_hash))) return;
  std::optional<AttributionToken> token;
  if (!text.empty()) {
    absl::StatusOr<AttributionToken> decoded = DecodeAttributionToken(text);
    if (decoded.ok()) token = *std::move(decoded);
  }
  if (type == EventType::kPurchase) {
    CountPurchase(event, customer_hash, item, token ? &*token : nullptr, revenue_micros, undo);
    return;
  }
  if (type == EventType::kRefund) {
    CountRefund(event, customer_hash, item, token ? &*token : nullptr, revenue_micros, undo);
    return;
  }
  if (!token) return;
  const int64_t sign = undo ? -1 : 1;
  const auto cell = [&token](uint8_t source) {
    return AttributionCell{token->variant, token->placement, source};
  };
  if (type == EventType::kImpression) {
    if (!event.item_id.empty()) {
      Add(&CountsOf(cell(token->SourceOf(event.item_id))).impressions, sign);
    } else {
      // The list was shown as a whole.
      for (const AttributionToken::Item& shown : token->items) {
        Add(&CountsOf(cell(shown.source)).impressions, sign);
      }
    }
    return;
  }
  const auto answer = static_cast<uint32_t>(base::Fingerprint64(text, kAnswerSeed));
  const auto found = customers_.find(customer_hash);
  if (found != customers_.end()) {
    std::vector<Click>& clicks = found->second.clicks;
    const auto same = std::find_if(clicks.begin(), clicks.end(), [&](const Click& click) {
      return click.item == item && click.answer == answer;
    });
    if (same != clicks.end()) {
      if (!undo) return;  // told twice: as a click and as the view of the item's page
      Add(&CountsOf(same->cell).clicks, -1);
      clicks.erase(same);
      dirty_.insert(customer_hash);
      return;
    }
  }
  if (undo) return;
  Click click{.item = item,
              .answer = answer,
              .time_ms = event.event_time_ms,
              .cell = cell(token->SourceOf(event.item_id))};
  Add(&CountsOf(click.cell).clicks, 1);
  AddClick(customer_hash, std::move(click));
}

void Attribution::CountPurchase(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
                                const AttributionToken* token, int64_t revenue_micros, bool undo) {
  Click* newest = nullptr;
  if (const auto found = customers_.find(customer_hash); found != customers_.end()) {
    for (Click& click : found->second.clicks) {
      const int64_t age = event.event_time_ms - click.time_ms;
      if (click.item != item || age < 0 || age > options_.window_ms) continue;
      if (newest == nullptr || click.time_ms >= newest->time_ms) newest = &click;
    }
  }
  std::optional<AttributionCell> cell;
  if (token != nullptr && token->SourceOf(event.item_id) != 0) {
    cell = AttributionCell{token->variant, token->placement, token->SourceOf(event.item_id)};
  } else if (newest != nullptr) {
    cell = newest->cell;
  }
  if (!cell) return;
  const int64_t sign = undo ? -1 : 1;
  Add(&CountsOf(*cell).purchases, sign);
  if (newest == nullptr || newest->cell != *cell) {
    Add(&CountsOf(*cell).revenue_micros, sign * revenue_micros);
  } else if (revenue_micros != 0) {
    const int64_t before = newest->Net();
    newest->sold_micros = Sum(newest->sold_micros, sign * revenue_micros);
    Add(&CountsOf(*cell).revenue_micros, newest->Net() - before);
    dirty_.insert(customer_hash);
  }
  if (newest == nullptr) return;
  if (newest->converted == !undo) return;
  Add(&CountsOf(newest->cell).converted, sign);
  newest->converted = !undo;
  dirty_.insert(customer_hash);
}

// A click answers for max(0, sold - given back): undoing a refund restores exactly what it took,
// also of one that gave back more than was sold.
void Attribution::CountRefund(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
                              const AttributionToken* token, int64_t micros, bool undo) {
  Click* sold = nullptr;
  if (const auto found = customers_.find(customer_hash); found != customers_.end()) {
    for (Click& click : found->second.clicks) {
      if (click.item != item || click.time_ms > event.event_time_ms || !click.converted) continue;
      // What was given back in full may only come back.
      if (undo ? click.refunded_micros == 0 : click.Net() == 0) continue;
      if (sold == nullptr || click.time_ms >= sold->time_ms) sold = &click;
    }
  }
  if (sold != nullptr) {
    const int64_t before = sold->Net();
    sold->refunded_micros = Sum(sold->refunded_micros, undo ? -micros : micros);
    Add(&CountsOf(sold->cell).revenue_micros, sold->Net() - before);
    dirty_.insert(customer_hash);
  } else if (token != nullptr && token->SourceOf(event.item_id) != 0) {
    const AttributionCell cell{token->variant, token->placement, token->SourceOf(event.item_id)};
    if (cells_.contains(cell)) Add(&CountsOf(cell).revenue_micros, undo ? micros : -micros);
  }
}

AttributionCounts& Attribution::CountsOf(AttributionCell cell) {
  cells_dirty_ = true;
  auto found = cells_.find(cell);
  if (found != cells_.end()) return found->second;
  if (cells_.size() >= kMaxCells) cell = {std::string(kOther), std::string(kOther), 0};
  return cells_[std::move(cell)];
}

void Attribution::AddClick(uint64_t customer_hash, Click click) {
  Customer& customer = customers_[customer_hash];
  if (customer.turn != 0) by_turn_.erase(customer.turn);
  customer.turn = next_turn_++;
  by_turn_.emplace(customer.turn, customer_hash);
  if (customer.clicks.size() == kMaxClicks) customer.clicks.erase(customer.clicks.begin());
  customer.clicks.push_back(std::move(click));
  dirty_.insert(customer_hash);
  while (customers_.size() > options_.max_customers) Forget(by_turn_.begin()->second);
}

void Attribution::Forget(uint64_t customer_hash) {
  const auto found = customers_.find(customer_hash);
  if (found == customers_.end()) return;
  by_turn_.erase(found->second.turn);
  customers_.erase(found);
  dirty_.insert(customer_hash);
}

void Attribution::TakeChanges(
    const std::function<void(absl::string_view key, absl::string_view value)>& put) {
  for (const uint64_t hash : dirty_) {
    const auto found = customers_.find(hash);
    put(absl::StrFormat("%016x", hash),
        found == customers_.end() ? std::string() : EncodeCustomer(found->second));
  }
  if (cells_dirty_ || !dirty_.empty()) put(kCellsKey, EncodeCells());
  dirty_.clear();
  cells_dirty_ = false;
}

std::string Attribution::EncodeCustomer(const Customer& customer) const {
  std::string bytes;
  base::ByteWriter out(&bytes);
  out.U8(kCustomerVersion);
  out.Varint(customer.turn);
  out.Varint(customer.clicks.size());
  for (const Click& click : customer.clicks) {
    out.Varint(click.item.value());
    out.U32(click.answer);
    out.Signed(click.time_ms);
    out.U8(click.converted ? 1 : 0);
    out.Varint(static_cast<uint64_t>(click.sold_micros));
    out.Varint(static_cast<uint64_t>(click.refunded_micros));
    WriteCell(click.cell, &out);
  }
  return bytes;
}

std::string Attribution::EncodeCells() const {
  std::string bytes;
  base::ByteWriter out(&bytes);
  out.U8(kVersion);
  out.Varint(next_turn_);
  out.Varint(cells_.size());
  for (const auto& [cell, counts] : cells_) {
    WriteCell(cell, &out);
    for (const int64_t count : {counts.impressions, counts.clicks, counts.converted,
                                counts.purchases, counts.revenue_micros}) {
      out.Varint(static_cast<uint64_t>(count));
    }
  }
  return bytes;
}

absl::Status Attribution::RestoreRow(absl::string_view key, absl::string_view value) {
  if (key == kCellsKey) return RestoreCells(value);
  uint64_t hash = 0;
  if (key.size() != 16 || !absl::SimpleHexAtoi(key, &hash)) {
    return absl::DataLossError("attribution row of an unknown name");
  }
  return RestoreCustomer(hash, value);
}

absl::Status Attribution::RestoreCustomer(uint64_t hash, absl::string_view value) {
  const absl::Status damaged = absl::DataLossError("attribution row of a customer is damaged");
  base::ByteReader in(value);
  const uint8_t version = in.U8();
  if (version < 1 || version > kCustomerVersion) return damaged;
  Customer customer;
  customer.turn = in.Varint();
  const size_t size = in.Count();
  if (size > kMaxClicks) return damaged;
  for (size_t i = 0; i < size; ++i) {
    Click click;
    const uint64_t item = in.Varint();
    if (item > UINT32_MAX) return damaged;
    click.item = ItemId(static_cast<uint32_t>(item));
    click.answer = in.U32();
    click.time_ms = in.Signed();
    const uint8_t converted = in.U8();
    const uint64_t sold = version > 1 ? in.Varint() : 0;
    const uint64_t refunded = version > 1 ? in.Varint() : 0;
    if (converted > 1 || sold > kMost || refunded > kMost || !ReadCell(&in, &click.cell)) {
      return damaged;
    }
    click.sold_micros = static_cast<int64_t>(sold);
    click.refunded_micros = static_cast<int64_t>(refunded);
    click.converted = converted == 1;
    customer.clicks.push_back(std::move(click));
  }
  if (!in.Done() || customer.turn == 0 || customers_.contains(hash) ||
      !by_turn_.emplace(customer.turn, hash).second) {
    return damaged;
  }
  customers_.emplace(hash, std::move(customer));
  return absl::OkStatus();
}

absl::Status Attribution::RestoreCells(absl::string_view value) {
  const absl::Status damaged = absl::DataLossError("attribution counts are damaged");
  base::ByteReader in(value);
  if (in.U8() != kVersion) return damaged;
  next_turn_ = in.Varint();
  const size_t size = in.Count();
  if (size > kMaxCells + 1) return damaged;
  for (size_t i = 0; i < size; ++i) {
    AttributionCell cell;
    if (!ReadCell(&in, &cell)) return damaged;
    AttributionCounts counts;
    for (int64_t* count : {&counts.impressions, &counts.clicks, &counts.converted,
                           &counts.purchases, &counts.revenue_micros}) {
      *count = static_cast<int64_t>(in.Varint());
      if (*count < 0 || *count > kMost) return damaged;
    }
    if (!cells_.emplace(std::move(cell), counts).second) return damaged;
  }
  return in.Done() ? absl::OkStatus() : damaged;
}

}  // namespace kindred::node
