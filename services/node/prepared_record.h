// A record that is read and cleaned before its turn: what needs nothing of the partition's state.
#ifndef KINDRED_NODE_PREPARED_RECORD_H_
#define KINDRED_NODE_PREPARED_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/dictionary.h"
#include "clean/cleaner.h"
#include "clean/duplicates.h"
#include "event/decoder.h"
#include "event/event.h"
#include "node/shared_state.h"
#include "profile/customer_map.h"
#include "stream/record.h"

namespace kindred::node {

// Threads: one at a time.
// Owns:    the text of the events, until the next Decode(); it is used again and again, so that
//          nothing is allocated for a usual record.
class PreparedRecord {
 public:
  // Longer records are read at their turn, so that many prepared ones take little memory.
  static constexpr size_t kMaxBytes = 4096;

  explicit PreparedRecord(const SharedOptions& options);
  PreparedRecord(const PreparedRecord&) = delete;
  PreparedRecord& operator=(const PreparedRecord&) = delete;

  // Reads the record, which must outlive what is made of it.
  void Decode(const stream::RawRecord& record);
  // Cleans its event if it holds just one. After Decode().
  void CleanOnly();
  // Starts to load what the event's turn will look at, for a slice of records: first all of these …
  void PrefetchSlots(const profile::CustomerMap& customers,
                     const clean::DuplicateWindow& duplicates,
                     const base::DictionaryCache& item_names) const;
  // … then all of these.
  void PrefetchCustomer(const profile::CustomerMap& customers) const;
  // … then, a few records before it is applied, this.
  void PrefetchProfile(const profile::CustomerMap& customers) const;
  // Nothing is prepared.
  void Clear() { decoded_ = cleaned_ = false; }

  bool decoded() const { return decoded_; }
  const event::DecodeResult& result() const { return result_; }
  absl::Span<const event::Event> events() const { return events_; }
  // The i-th event as cleaned; valid until the next call for another event.
  clean::Outcome Cleaned(size_t i);
  // CustomerMap::Hash() of the customer of what Cleaned() gave last.
  uint64_t CustomerHash(const clean::CleanEvent& event) const {
    return cleaned_ ? customer_hash_ : profile::CustomerMap::Hash(event.customer_id);
  }
  clean::Cleaner& cleaner() { return cleaner_; }

 private:
  event::Decoder decoder_;
  clean::Cleaner cleaner_;
  std::vector<event::Header> headers_;
  std::vector<event::Event> events_;
  event::DecodeResult result_;
  clean::Outcome only_;
  int64_t arrival_ms_ = 0;
  uint64_t customer_hash_ = 0;  // of the only event
  bool decoded_ = false;
  bool cleaned_ = false;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PREPARED_RECORD_H_
