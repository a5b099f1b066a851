// Makes records from the client library's messages. Not for other libraries.
#ifndef KINDRED_STREAM_RECORD_ACCESS_H_
#define KINDRED_STREAM_RECORD_ACCESS_H_

#include <librdkafka/rdkafka.h>

#include "stream/record.h"

namespace kindred::stream {

class RecordAccess {
 public:
  // Takes over the message, which must not carry an error.
  static RawRecord Make(rd_kafka_message_t* message) { return RawRecord(message); }
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_RECORD_ACCESS_H_
