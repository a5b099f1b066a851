// The cluster that the conformance suite runs against: the embedded broker in stream_test, a real
// Apache Kafka in stream_kafka_test. Each program links one implementation.
#ifndef KINDRED_STREAM_TEST_CLUSTER_H_
#define KINDRED_STREAM_TEST_CLUSTER_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "stream/connection.h"

namespace kindred::stream {

// Ends the test program with a message when there is no cluster.
Connection TestConnection();

// A new topic with a name of its own; returns the name.
std::string MakeTopic(absl::string_view hint, int partitions,
                      const std::map<std::string, std::string>& configs = {});

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_TEST_CLUSTER_H_
