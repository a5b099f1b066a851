// How to reach the brokers: what every client of this library is given.
#ifndef KINDRED_STREAM_CONNECTION_H_
#define KINDRED_STREAM_CONNECTION_H_

#include <map>
#include <string>

namespace kindred::telemetry {
class Registry;
}

namespace kindred::stream {

struct Connection {
  std::string brokers;  // host:port,host:port
  std::string client_id = "kindred";
  // Settings of the client library by their own names ("security.protocol", "ssl.ca.location",
  // "sasl.mechanism" …). They are applied last; a wrong name or value is InvalidArgument.
  // Settings on which correctness rests (offset storage, assignment, partitioner) are refused.
  std::map<std::string, std::string> settings;
  // Where metrics go; none if null. Must outlive the client.
  telemetry::Registry* metrics = nullptr;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_CONNECTION_H_
