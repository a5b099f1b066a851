#include "node/catalogue_follower.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "event/item_decoder.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kOpenTimeout = absl::Seconds(10);
constexpr absl::Duration kPollWait = absl::Milliseconds(100);
constexpr size_t kPollRecords = 1000;
// Items are compared a few at a time, with a pause as long: it may cost half a core, not more.
constexpr size_t kCompareAtATime = 8;
constexpr absl::Duration kCompareIdle = absl::Milliseconds(50);

telemetry::Counter& Updates(telemetry::Registry* registry, const char* outcome) {
  return registry->GetCounter("kindred_catalogue_updates_total",
                              "Records of the items topic, by what became of them.",
                              {{"outcome", outcome}});
}

CatalogueItem FactsOf(event::Item item) {
  CatalogueItem facts;
  facts.title = std::move(item.title);
  facts.category = std::move(item.category);
  facts.brand = std::move(item.brand);
  facts.currency = std::move(item.currency);
  facts.has_price = item.price.has_value();
  facts.price = item.price.value_or(0);
  facts.available = item.available;
  facts.hidden = item.hidden;
  for (auto& [name, value] : item.attributes) facts.attributes[name] = std::move(value);
  return facts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CatalogueFollower>> CatalogueFollower::Start(
    const stream::Connection& connection, const std::string& topic, SharedState* shared,
    telemetry::Registry* registry) {
  KINDRED_ASSIGN_OR_RETURN(std::unique_ptr<stream::CompactedTopicReader> reader,
                           stream::CompactedTopicReader::Open(connection, topic, kOpenTimeout));
  auto follower = absl::WrapUnique(new CatalogueFollower(std::move(reader), shared, registry));
  follower->thread_ = std::thread([raw = follower.get()] { raw->Run(); });
  follower->comparer_ = std::thread([raw = follower.get()] { raw->CompareItems(); });
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
  if (comparer_.joinable()) comparer_.join();
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

void CatalogueFollower::CompareItems() {
  base::NameThread("compare-items");
  base::LogLimiter limiter(absl::Minutes(1));
  while (!stopping_.load(std::memory_order_acquire)) {
    absl::Duration pause = kCompareIdle;
    // Not before the catalogue is there: how rare a word is shows then.
    if (caught_up()) {
      const absl::Time start = absl::Now();
      const absl::StatusOr<size_t> left = shared_.content.Work(kCompareAtATime);
      if (!left.ok() && limiter.Allow(absl::Now())) {
        base::LogWarning("catalogue", "items cannot be compared", {{"error", left.status()}});
      }
      if (left.ok() && *left > 0) pause = std::min(absl::Now() - start, kCompareIdle);
    }
    absl::SleepFor(pause);
  }
}

void CatalogueFollower::Run() {
  base::NameThread("catalogue");
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
        RemoveCatalogueItem(id, &shared_);
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
      const std::vector<float> embedding = std::move(item.embedding);
      SetCatalogueItem(id, FactsOf(std::move(item)), embedding, &shared_);
      set_.Increment();
    }
    if (reader_->caught_up()) caught_up_.store(true, std::memory_order_release);
  }
}

}  // namespace kindred::node
