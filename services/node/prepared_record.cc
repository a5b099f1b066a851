#include "node/prepared_record.h"

namespace kindred::node {
namespace {

event::DecoderOptions DecoderOptionsOf(const SharedOptions& options) {
  event::DecoderOptions decoder;
  decoder.max_record_bytes = options.max_record_bytes;
  return decoder;
}

}  // namespace

PreparedRecord::PreparedRecord(const SharedOptions& options)
    : decoder_(DecoderOptionsOf(options)), cleaner_(options.clean_rules) {}

void PreparedRecord::Decode(const stream::RawRecord& record) {
  event::EncodedRecord encoded;
  encoded.key = record.key();
  encoded.value = record.value();
  encoded.arrival_ms = record.timestamp_ms();
  headers_.clear();
  for (const auto& [name, value] : record.Headers()) headers_.push_back({name, value});
  encoded.headers = headers_;
  result_ = decoder_.Decode(encoded, &events_);
  arrival_ms_ = record.timestamp_ms();
  decoded_ = true;
  cleaned_ = false;
}

void PreparedRecord::CleanOnly() {
  if (events_.size() != 1) return;
  only_ = cleaner_.Clean(events_.front(), arrival_ms_);
  cleaned_ = true;
  if (only_.ok()) customer_hash_ = profile::CustomerMap::Hash(only_.event->customer_id);
}

void PreparedRecord::PrefetchSlots(const profile::CustomerMap& customers,
                                   const clean::DuplicateWindow& duplicates,
                                   const base::DictionaryCache& item_names) const {
  if (!cleaned_ || !only_.ok()) return;
  item_names.Prefetch(only_.event->item_id);
  customers.PrefetchSlot(customer_hash_);
  duplicates.Prefetch(only_.event->fingerprint);
}

void PreparedRecord::PrefetchCustomer(const profile::CustomerMap& customers) const {
  if (cleaned_ && only_.ok()) customers.PrefetchCustomer(customer_hash_);
}

void PreparedRecord::PrefetchProfile(const profile::CustomerMap& customers) const {
  if (cleaned_ && only_.ok()) customers.PrefetchProfile(customer_hash_);
}

clean::Outcome PreparedRecord::Cleaned(size_t i) {
  if (cleaned_) return only_;
  return cleaner_.Clean(events_[i], arrival_ms_);
}

}  // namespace kindred::node
