#include "node/catalogue_follower.h"

#include <limits>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "event/item_decoder.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kOpenTimeout = absl::Seconds(10);
constexpr absl::Duration kPollWait = absl::Milliseconds(100);
constexpr size_t kPollRecords = 1000;

telemetry::Counter& Updates(telemetry::Registry* registry, const char* outcome) {
  return registry->GetCounter("kindred_catalogue_updates_total",
                              "Records of the items topic, by what became of them.",
                              {{"outcome", outcome}});
}

// Puts one item into the catalogue, which fills events, and into the index, which answers.
void Put(const event::Item& item, ItemId id, SharedState* shared) {
  base::Dictionary& terms = shared->terms.names();
  CatalogueItem facts;
  facts.title = item.title;
  facts.category = item.category;
  facts.brand = item.brand;
  facts.currency = item.currency;
  facts.has_price = item.price.has_value();
  facts.price = item.price.value_or(0);
  facts.available = item.available;
  facts.hidden = item.hidden;
  for (const auto& [name, value] : item.attributes) facts.attributes[name] = value;
  recommend::ItemAttributes attributes;
  attributes.category = TermId(terms.Intern(item.category));
  attributes.brand = TermId(terms.Intern(item.brand));
  attributes.currency = TermId(terms.Intern(item.currency));
  attributes.price = item.price.has_value() ? static_cast<float>(*item.price)
                                            : std::numeric_limits<float>::quiet_NaN();
  attributes.available = facts.available;
  attributes.hidden = facts.hidden;
  attributes.title = facts.title;
  shared->index.SetAttributes(id, attributes);
  shared->catalogue.Set(id, std::move(facts));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CatalogueFollower>> CatalogueFollower::Start(
    const stream::Connection& connection, const std::string& topic, SharedState* shared,
    telemetry::Registry* registry) {
  KINDRED_ASSIGN_OR_RETURN(std::unique_ptr<stream::CompactedTopicReader> reader,
                           stream::CompactedTopicReader::Open(connection, topic, kOpenTimeout));
  auto follower = absl::WrapUnique(new CatalogueFollower(std::move(reader), shared, registry));
  follower->thread_ = std::thread([raw = follower.get()] { raw->Run(); });
  return follower;
}

CatalogueFollower::CatalogueFollower(std::unique_ptr<stream::CompactedTopicReader> reader,
                                     SharedState* shared, telemetry::Registry* registry)
    : reader_(std::move(reader)),
      shared_(*shared),
      set_(Updates(registry, "set")),
      removed_(Updates(registry, "removed")),
      rejected_(Updates(registry, "rejected")) {}

CatalogueFollower::~CatalogueFollower() { Stop(); }

void CatalogueFollower::Stop() {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  if (reader_ != nullptr) reader_->Close(absl::Seconds(5)).IgnoreError();
  reader_.reset();
}

bool CatalogueFollower::SetHidden(const stream::RawRecord& record) {
  absl::string_view item = record.key();
  if (!absl::ConsumePrefix(&item, kHiddenKeyPrefix)) return false;
  const ItemId id(item.empty() ? 0 : shared_.items.names().Intern(item));
  if (id.value() != 0) shared_.index.SetHidden(id, !record.tombstone());
  return true;
}

void CatalogueFollower::Run() {
  event::ItemDecoder decoder;
  std::vector<stream::RawRecord> records;
  std::vector<event::Header> headers;
  base::LogLimiter limiter(absl::Seconds(10));
  while (!stopping_.load(std::memory_order_acquire)) {
    records.clear();
    const absl::Status status = reader_->Poll(kPollRecords, kPollWait, records);
    if (!status.ok()) {
      base::LogError("catalogue", "the items topic cannot be read any more", {{"error", status}});
      return;
    }
    for (const stream::RawRecord& record : records) {
      if (SetHidden(record)) {
        set_.Increment();
        continue;
      }
      if (record.tombstone()) {
        const ItemId id(shared_.items.names().Intern(record.key()));
        if (id.value() == 0) continue;
        shared_.catalogue.Remove(id);
        shared_.index.RemoveFromCatalogue(id);
        removed_.Increment();
        continue;
      }
      headers.clear();
      for (const auto& [name, value] : record.Headers()) headers.push_back({name, value});
      event::EncodedRecord encoded;
      encoded.key = record.key();
      encoded.value = record.value();
      encoded.headers = headers;
      encoded.arrival_ms = record.timestamp_ms();
      event::Item item;
      const event::DecodeResult result = decoder.Decode(encoded, &item);
      const ItemId id(result.ok() ? shared_.items.names().Intern(item.item_id) : 0);
      if (id.value() == 0) {
        rejected_.Increment();
        if (limiter.Allow(absl::Now())) {
          base::LogWarning("catalogue", "an item could not be read",
                           {{"offset", record.offset().value()},
                            {"reason", event::DecodeFailureName(result.failure)},
                            {"detail", result.detail}});
        }
        continue;
      }
      Put(item, id, &shared_);
      set_.Increment();
    }
    if (reader_->caught_up()) caught_up_.store(true, std::memory_order_release);
  }
}

}  // namespace kindred::node
