// Reads all partitions of a topic from the beginning, tells when the end that was seen at the start
// is reached, and follows from there: for topics that are tables (the item catalogue).
#ifndef KINDRED_STREAM_COMPACTED_TOPIC_READER_H_
#define KINDRED_STREAM_COMPACTED_TOPIC_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stream/connection.h"
#include "stream/event_source.h"
#include "stream/record.h"

namespace kindred::stream {

// Threads: one thread.
class CompactedTopicReader {
 public:
  // Asks for the topic's partitions and their ends. NotFound: no such topic. Unavailable: try
  // again.
  static absl::StatusOr<std::unique_ptr<CompactedTopicReader>> Open(const Connection& connection,
                                                                    const std::string& topic,
                                                                    absl::Duration timeout);
  ~CompactedTopicReader();

  // As EventSource::PollBatch. The same key may come several times (compaction lags): the last one
  // counts; a tombstone removes the key.
  absl::Status Poll(size_t max_records, absl::Duration max_wait, std::vector<RawRecord>& out);

  // Every record that the topic held when it was opened was handed out. Never goes back to false.
  bool caught_up() const;
  // Records left until then, at most (offsets that compaction removed are included).
  int64_t remaining() const;

  // Returns after `limit` at the latest.
  absl::Status Close(absl::Duration limit);

 private:
  class Impl;
  explicit CompactedTopicReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_COMPACTED_TOPIC_READER_H_
