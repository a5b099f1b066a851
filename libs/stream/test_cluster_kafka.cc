#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "stream/test_cluster.h"
#include "stream/topic_admin.h"

namespace kindred::stream {

Connection TestConnection() {
  Connection connection;
  const char* brokers = std::getenv("KINDRED_KAFKA");
  if (brokers == nullptr || *brokers == '\0') {
    std::fprintf(stderr,
                 "KINDRED_KAFKA is not set: this test needs the address of a real Kafka broker.\n"
                 "Run it through: tests/kafka/kafka run -- PROGRAM\n");
    std::exit(1);
  }
  connection.brokers = brokers;
  return connection;
}

std::string MakeTopic(absl::string_view hint, int partitions,
                      const std::map<std::string, std::string>& configs) {
  static int number = 0;
  // Of its own also when several runs share the broker.
  const std::string name =
      absl::StrCat(hint, "-", absl::ToUnixMillis(absl::Now()), "-", getpid(), "-", ++number);
  auto admin = TopicAdmin::Open(TestConnection());
  KINDRED_CHECK(admin.ok()) << admin.status();
  const absl::Status created =
      (*admin)->CreateTopic({name, partitions, 1, configs}, absl::Seconds(30));
  KINDRED_CHECK(created.ok()) << created;
  const auto info = (*admin)->WaitForTopic(name, absl::Seconds(30));
  KINDRED_CHECK(info.ok() && info->partitions == partitions) << info.status();
  return name;
}

}  // namespace kindred::stream
