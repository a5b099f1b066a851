// Partition's state to and from the store.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "node/item_record.h"
#include "node/partition.h"

namespace kindred::node {
namespace {

constexpr uint8_t kHeadVersion = 1;
constexpr absl::string_view kHeadKey = "head";
constexpr absl::string_view kPairsKey = "pairs";
constexpr absl::string_view kQualityKey = "counts";
constexpr absl::string_view kBreakerKey = "breaker";
constexpr absl::string_view kAttributionPrefix = "attribution/";
constexpr absl::string_view kRatingsPrefix = "ratings/";
// Customers whose changes of audiences go into one checkpoint: readers wait for it.
constexpr size_t kMaxAudienceChanges = 5'000;

void PutRows(store::Table table, clean::RowChanges rows, store::Checkpoint* checkpoint) {
  for (const std::string& key : rows.deletes) checkpoint->Delete(table, key);
  for (const clean::StoredRow& row : rows.puts) checkpoint->Put(table, row.key, row.value);
}

// Every small record of the partition whose name begins with `prefix`; `visit` gets the rest of the
// name.
absl::Status ForEachOf(const store::Store& store, PartitionId partition, absl::string_view prefix,
                       store::Store::Visitor visit) {
  const absl::Status status = store.ForEach(
      store::Table::kMeta, partition,
      [prefix, &visit](absl::string_view key, absl::string_view value) -> absl::Status {
        if (!absl::ConsumePrefix(&key, prefix)) return absl::CancelledError();
        return visit(key, value);
      },
      nullptr, prefix);
  // The next names begin where these end.
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

}  // namespace

std::string Partition::EncodeHead() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kHeadVersion);
  writer.Varint(next_outbox_);
  writer.Varint(customer_count_);
  writer.Signed(newest_event_ms_.load(std::memory_order_relaxed));
  return out;
}

absl::Status Partition::RestoreHead(absl::string_view bytes) {
  base::ByteReader in(bytes);
  if (in.U8() != kHeadVersion) return absl::DataLossError("partition head of an unknown version");
  next_outbox_ = in.Varint();
  customer_count_ = in.Varint();
  newest_event_ms_.store(in.Signed(), std::memory_order_release);
  if (!in.Done()) return absl::DataLossError("partition head is damaged");
  return absl::OkStatus();
}

absl::Status Partition::Restore(const store::Store& store, size_t profile_bytes) {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<Offset> next, store.NextOffset(id_));
  if (!next.has_value()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> head,
                           store.Get(store::Table::kMeta, id_, kHeadKey));
  if (!head.has_value()) return absl::DataLossError("partition has an offset but no head");
  KINDRED_RETURN_IF_ERROR(RestoreHead(*head));
  KINDRED_RETURN_IF_ERROR(RestoreQuality(store));
  KINDRED_RETURN_IF_ERROR(store.ForEach(store::Table::kDedup, id_,
                                        [this](absl::string_view key, absl::string_view value) {
                                          mutex_.AssertHeld();
                                          return duplicates_.RestoreRow(key, value);
                                        }));
  KINDRED_RETURN_IF_ERROR(duplicates_.FinishRestore());
  KINDRED_RETURN_IF_ERROR(store.ForEach(store::Table::kPrice, id_,
                                        [this](absl::string_view key, absl::string_view value) {
                                          mutex_.AssertHeld();
                                          return prices_.RestoreRow(key, value);
                                        }));
  KINDRED_RETURN_IF_ERROR(store.ForEach(store::Table::kSeries, id_,
                                        [this](absl::string_view key, absl::string_view value) {
                                          mutex_.AssertHeld();
                                          return series_.RestoreRow(key, value);
                                        }));
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> pairs,
                           store.Get(store::Table::kMeta, id_, kPairsKey));
  if (pairs.has_value()) KINDRED_RETURN_IF_ERROR(pairs_->RestoreHeader(*pairs));
  KINDRED_RETURN_IF_ERROR(
      store.ForEach(store::Table::kItemRow, id_,
                    [this](absl::string_view key, absl::string_view value) -> absl::Status {
                      KINDRED_ASSIGN_OR_RETURN(const uint32_t item, store::ParseNumberKey(key));
                      return pairs_->RestoreRow(ItemId(item), value);
                    }));
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> breaker,
                           store.Get(store::Table::kMeta, id_, kBreakerKey));
  if (breaker.has_value()) KINDRED_RETURN_IF_ERROR(breaker_.Restore(*breaker));
  halted_.store(breaker_.tripped(), std::memory_order_release);
  KINDRED_RETURN_IF_ERROR(ForEachOf(store, id_, kAttributionPrefix,
                                    [this](absl::string_view key, absl::string_view row) {
                                      mutex_.AssertHeld();
                                      return attribution_.RestoreRow(key, row);
                                    }));
  KINDRED_RETURN_IF_ERROR(
      ForEachOf(store, id_, kRatingsPrefix, [this](absl::string_view key, absl::string_view row) {
        mutex_.AssertHeld();
        return rating_table_.RestoreRow(key, row);
      }));
  KINDRED_RETURN_IF_ERROR(rating_table_.FinishRestore());
  KINDRED_RETURN_IF_ERROR(RestoreSample(store));
  uint64_t pending = 0;
  KINDRED_RETURN_IF_ERROR(
      store.ForEachOutbox(id_, 0, SIZE_MAX, [&pending](uint64_t, absl::string_view) {
        ++pending;
        return absl::OkStatus();
      }));
  outbox_delivered_.store(next_outbox_ - 1 - pending);
  KINDRED_RETURN_IF_ERROR(RestoreProfiles(store, profile_bytes));
  KINDRED_RETURN_IF_ERROR(audiences_.Restore(
      store, id_,
      [this](absl::string_view id, uint64_t hash) {
        mutex_.AssertHeld();
        return customers_.Peek(id, hash) != nullptr || customers_.MayBeStored(hash);
      },
      newest_event_ms_.load(std::memory_order_relaxed)));
  next_offset_.store(next->value(), std::memory_order_release);
  stored_offset_.store(next->value(), std::memory_order_release);
  begun_offset_ = next->value();
  return absl::OkStatus();
}

absl::Status Partition::RestoreQuality(const store::Store& store) {
  KINDRED_RETURN_IF_ERROR(
      store.ForEach(store::Table::kQuality, id_,
                    [this](absl::string_view key, absl::string_view row) -> absl::Status {
                      mutex_.AssertHeld();
                      if (key != kQualityKey) return quality_book_.RestoreRow(key, row);
                      KINDRED_ASSIGN_OR_RETURN(quality_, clean::QualityCounts::Decode(row));
                      return absl::OkStatus();
                    }));
  return quality_book_.FinishRestore();
}

absl::Status Partition::RestoreSample(const store::Store& store) {
  constexpr absl::string_view kPrefix = profile::OutcomeSample::kRowPrefix;
  const absl::Status status = store.ForEach(
      store::Table::kMeta, id_,
      [this, kPrefix](absl::string_view key, absl::string_view row) -> absl::Status {
        mutex_.AssertHeld();
        // Other small records of the partition lie around it.
        if (!absl::StartsWith(key, kPrefix)) return absl::CancelledError();
        return sample_.RestoreRow(key, row);
      },
      nullptr, kPrefix);
  outcomes_known_ms_.store(sample_.known_until_ms(), std::memory_order_release);
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

absl::Status Partition::RestoreProfiles(const store::Store& store, size_t profile_bytes) {
  return store.ForEach(
      store::Table::kProfile, id_,
      [this, profile_bytes](absl::string_view id, absl::string_view value) -> absl::Status {
        mutex_.AssertHeld();
        const uint64_t hash = profile::CustomerMap::Hash(id);
        if (base::PartitionOf(id, shared_.options.partition_count) != id_.value()) {
          shared_.strays.Add(hash, id_);
        }
        if (customers_.memory_bytes() >= profile_bytes) {
          customers_.AddStored(hash);
          return absl::OkStatus();
        }
        absl::StatusOr<profile::Profile> profile = profile::Profile::Decode(value);
        if (!profile.ok()) {
          return absl::DataLossError(absl::StrCat("stored profile of partition ", id_.value(),
                                                  " is damaged: ", profile.status().message()));
        }
        customers_.Insert(id, hash, *std::move(profile));
        return absl::OkStatus();
      });
}

bool Partition::BeginCheckpoint(const store::Store& store) {
  const bool news =
      next_offset() != stored_offset() || (next_offset().value() > 0 && audiences_.pending());
  if (checkpoint_pending_.load(std::memory_order_acquire) || !news) return false;
  PendingCheckpoint& pending =
      collecting_.emplace(PendingCheckpoint{store.NewCheckpoint(id_), next_offset(), 0, 0, false});
  store::Checkpoint& checkpoint = pending.checkpoint;
  {
    absl::MutexLock lock(&mutex_);
    PutRows(store::Table::kDedup, duplicates_.TakeChanges(), &checkpoint);
    audiences_.Tell(
        kMaxAudienceChanges, &checkpoint,
        [this] {
          mutex_.AssertHeld();
          return next_outbox_;
        },
        [this, &pending](const OutboxEntry& entry) {
          mutex_.AssertHeld();
          if (!shared_.options.produce_audience_changes) return;
          pending.sync = store::Store::Sync::kYes;
          Post(entry);
        },
        id_);
  }
  // Readers only read profiles, and nobody but this thread changes anything: they need not wait.
  mutex_.ReaderLock();
  EncodeChanges(&pending);
  mutex_.ReaderUnlock();
  checkpoint.SetNextOffset(pending.next_offset);
  checkpoint_pending_.store(true, std::memory_order_release);
  return true;
}

std::optional<PendingCheckpoint> Partition::CollectCheckpoint(size_t rows) {
  if (!collecting_.has_value()) return std::nullopt;
  mutex_.ReaderLock();
  const bool more = EncodeRows(rows);
  mutex_.ReaderUnlock();
  if (more) return std::nullopt;
  // Last: all of the rows are there, and the dictionaries have every name in them.
  collecting_->items_upto = shared_.items.AddTo(&collecting_->checkpoint);
  collecting_->terms_upto = shared_.terms.AddTo(&collecting_->checkpoint);
  std::optional<PendingCheckpoint> pending = std::move(collecting_);
  collecting_.reset();
  return pending;
}

std::optional<PendingCheckpoint> Partition::TakeCheckpoint(const store::Store& store) {
  if (!BeginCheckpoint(store)) return std::nullopt;
  return CollectCheckpoint(SIZE_MAX);
}

bool Partition::EncodeRows(size_t rows) {
  return customers_.CollectCheckpoint(rows) || pairs_->CollectRows(rows);
}

void Partition::EncodeChanges(PendingCheckpoint* pending) {
  store::Checkpoint& checkpoint = pending->checkpoint;
  customers_.BeginCheckpoint(
      [this](const profile::Customer& customer) {
        profile_text_.clear();
        customer.profile.Encode(&profile_text_);
        collecting_->checkpoint.Put(store::Table::kProfile, customer.id(), profile_text_);
      },
      [&](absl::string_view id) { checkpoint.Delete(store::Table::kProfile, id); });
  pairs_->BeginCheckpoint([this](ItemId item, absl::string_view row) {
    const std::string key = store::NumberKey(item.value());
    if (row.empty()) {
      collecting_->checkpoint.Delete(store::Table::kItemRow, key);
    } else {
      collecting_->checkpoint.Put(store::Table::kItemRow, key, row);
    }
  });
  PutRows(store::Table::kPrice, prices_.TakeChanges(), &checkpoint);
  sample_.TakeChanges([&](absl::string_view key,
                          absl::string_view row) { checkpoint.Put(store::Table::kMeta, key, row); },
                      [&](absl::string_view key) { checkpoint.Delete(store::Table::kMeta, key); });
  series_.TakeChanges(
      [&checkpoint](absl::string_view key, absl::string_view row) {
        checkpoint.Put(store::Table::kSeries, key, row);
      },
      [&checkpoint](absl::string_view key) { checkpoint.Delete(store::Table::kSeries, key); });
  for (const ItemId item : noted_items_) {
    checkpoint.Put(store::Table::kCatalogue, store::NumberKey(item.value()),
                   EncodeItemRecord(item, shared_.index, shared_.terms.names()));
  }
  noted_items_.clear();
  for (const NewOutboxEntry& entry : outbox_) {
    checkpoint.PutOutbox(entry.sequence, entry.bytes);
    pending->has_outbox = true;
  }
  outbox_.clear();
  outbox_bytes_ = 0;
  begun_offset_ = pending->next_offset.value();
  const auto put_under = [&checkpoint](absl::string_view prefix) {
    return [&checkpoint, prefix](absl::string_view key, absl::string_view row) {
      const std::string name = absl::StrCat(prefix, key);
      if (row.empty()) {
        checkpoint.Delete(store::Table::kMeta, name);
      } else {
        checkpoint.Put(store::Table::kMeta, name, row);
      }
    };
  };
  attribution_.TakeChanges(put_under(kAttributionPrefix));
  rating_table_.TakeChanges(put_under(kRatingsPrefix));
  checkpoint.Put(store::Table::kMeta, kPairsKey, pairs_->EncodeHeader());
  checkpoint.Put(store::Table::kQuality, kQualityKey, quality_.Encode());
  quality_book_.TakeChanges(
      [&checkpoint](absl::string_view key, absl::string_view row) {
        checkpoint.Put(store::Table::kQuality, key, row);
      },
      [&checkpoint](absl::string_view key) { checkpoint.Delete(store::Table::kQuality, key); });
  checkpoint.Put(store::Table::kMeta, kBreakerKey, breaker_.Encode());
  checkpoint.Put(store::Table::kMeta, kHeadKey, EncodeHead());
  dirty_bytes_.store(0, std::memory_order_relaxed);
}

void Partition::CheckpointDone(const PendingCheckpoint& pending) {
  shared_.items.Stored(pending.items_upto);
  shared_.terms.Stored(pending.terms_upto);
  stored_offset_.store(pending.next_offset.value(), std::memory_order_release);
  absl::MutexLock lock(&mutex_);
  customers_.EndCheckpoint(true);
  checkpoint_pending_.store(false, std::memory_order_release);
}

}  // namespace kindred::node
