#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "stream/embedded_broker.h"
#include "stream/test_cluster.h"

namespace kindred::stream {
namespace {

EmbeddedBroker& Broker() {
  static EmbeddedBroker* const broker = [] {
    auto started = EmbeddedBroker::Start();
    KINDRED_CHECK(started.ok()) << started.status();
    return started->release();
  }();
  return *broker;
}

}  // namespace

Connection TestConnection() {
  Connection connection;
  connection.brokers = Broker().address();
  return connection;
}

std::string MakeTopic(absl::string_view hint, int partitions,
                      const std::map<std::string, std::string>&) {
  static int number = 0;
  const std::string name = absl::StrCat(hint, "-", ++number);
  const absl::Status status = Broker().CreateTopic(name, partitions);
  KINDRED_CHECK(status.ok()) << status;
  return name;
}

}  // namespace kindred::stream
