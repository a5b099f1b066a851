#include "cli/dead_letters_command.h"

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/feeder.h"
#include "node/dead_letter.h"
#include "stream/compacted_topic_reader.h"

namespace kindred::cli {
namespace {

constexpr size_t kShownBytes = 120;

struct Options {
  std::string brokers = "localhost:9092";
  std::string topic = "events.dead-letters";
  std::string reason;
  bool json = false;
  bool summary = false;
  bool dry_run = false;
};

std::string HeaderOf(const stream::RawRecord& record, absl::string_view name) {
  return std::string(
      record.FindHeader(absl::StrCat(node::kDeadLetterHeaderPrefix, name)).value_or(""));
}

// Calls `visit` once for each dead letter there is now, repeats left out.
absl::Status ForEach(const Options& options,
                     const std::function<absl::Status(const stream::RawRecord&)>& visit) {
  stream::Connection connection;
  connection.brokers = options.brokers;
  KINDRED_ASSIGN_OR_RETURN(const auto reader, stream::CompactedTopicReader::Open(
                                                  connection, options.topic, absl::Seconds(10)));
  absl::flat_hash_set<std::string> seen;
  std::vector<stream::RawRecord> records;
  while (true) {
    const bool last = reader->caught_up();
    records.clear();
    KINDRED_RETURN_IF_ERROR(reader->Poll(1000, absl::Milliseconds(100), records));
    for (const stream::RawRecord& record : records) {
      if (!options.reason.empty() && HeaderOf(record, "reason") != options.reason) continue;
      if (!seen.insert(HeaderOf(record, "id")).second) continue;
      KINDRED_RETURN_IF_ERROR(visit(record));
    }
    if (last && records.empty()) break;
  }
  records.clear();
  return reader->Close(absl::Seconds(5));
}

void PrintLetter(const stream::RawRecord& record, bool json) {
  const absl::string_view value = record.value();
  if (json) {
    std::string line = "{";
    for (const char* name :
         {"id", "reason", "stage", "detail", "topic", "partition", "offset", "timestamp-ms"}) {
      std::string key(name);
      for (char& c : key) c = c == '-' ? '_' : c;
      absl::StrAppend(&line, base::JsonQuote(key), ":", base::JsonQuote(HeaderOf(record, name)),
                      ",");
    }
    absl::StrAppend(&line, "\"key\":", base::JsonQuote(record.key()),
                    ",\"value\":", base::JsonQuote(value), "}");
    std::printf("%s\n", line.c_str());
    return;
  }
  std::printf(
      "%-24s %-18s %s\n    %s%s\n", HeaderOf(record, "id").c_str(),
      HeaderOf(record, "reason").c_str(), HeaderOf(record, "detail").c_str(),
      base::JsonQuote(value.substr(0, kShownBytes)).c_str(),
      value.size() > kShownBytes ? absl::StrCat(" … ", value.size(), " bytes").c_str() : "");
}

void List(const Options& options) {
  std::map<std::string, uint64_t> by_reason;
  uint64_t total = 0;
  const absl::Status status = ForEach(options, [&](const stream::RawRecord& record) {
    ++total;
    ++by_reason[HeaderOf(record, "reason")];
    if (!options.summary) PrintLetter(record, options.json);
    return absl::OkStatus();
  });
  if (!status.ok()) Fail(status);
  if (options.json && !options.summary) return;
  std::printf("%llu dead letters\n", static_cast<unsigned long long>(total));
  for (const auto& [reason, count] : by_reason) {
    std::printf("  %-20s %llu\n", reason.c_str(), static_cast<unsigned long long>(count));
  }
}

void Replay(const Options& options) {
  stream::KafkaSinkOptions sink_options;
  sink_options.connection.brokers = options.brokers;
  const auto sink = stream::OpenKafkaRecordSink(sink_options);
  if (!sink.ok()) Fail(sink.status());
  std::map<std::string, std::unique_ptr<Feeder>> feeders;
  uint64_t sent = 0;
  absl::Status status = ForEach(options, [&](const stream::RawRecord& record) -> absl::Status {
    ++sent;
    if (options.dry_run) return absl::OkStatus();
    const std::string topic = HeaderOf(record, "topic");
    auto& feeder = feeders[topic];
    if (feeder == nullptr) {
      KINDRED_RETURN_IF_ERROR((*sink)->Prepare(topic, absl::Seconds(10)));
      feeder = std::make_unique<Feeder>(FeedTarget{topic}, sink->get());
    }
    std::vector<stream::Header> original;
    for (const stream::Header& header : record.Headers()) {
      if (!absl::StartsWith(header.first, node::kDeadLetterHeaderPrefix)) {
        original.push_back(header);
      }
    }
    return feeder->Send(record.key(), record.value(), original);
  });
  for (const auto& [topic, feeder] : feeders) {
    if (status.ok()) status = feeder->Finish();
  }
  if (!status.ok()) Fail(status);
  std::printf("%llu records %s\n", static_cast<unsigned long long>(sent),
              options.dry_run ? "would be sent again" : "sent again");
}

}  // namespace

void AddDeadLettersCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("dead-letters", "Look at rejected records, and send them again");
  command->require_subcommand(1);
  CLI::App* list = command->add_subcommand("list", "Show rejected records and why");
  list->footer("Example:\n  kindred dead-letters list --reason missing_item");
  CLI::App* replay =
      command->add_subcommand("replay", "Send rejected records to their topic again");
  replay->footer(
      "Example, after the rule was mended:\n  kindred dead-letters replay --reason "
      "too_large\nWhat was applied meanwhile is dropped as a copy.");
  for (CLI::App* sub : {list, replay}) {
    sub->add_option("--brokers", options->brokers, "Kafka, host:port[,host:port]")
        ->capture_default_str()
        ->envname("KINDRED_BROKERS");
    sub->add_option("--topic", options->topic, "The dead-letter topic")->capture_default_str();
    sub->add_option("--reason", options->reason, "Only those with this reason");
  }
  list->add_flag("--json", options->json, "JSON lines");
  list->add_flag("--summary", options->summary, "Only the counts");
  replay->add_flag("--dry-run", options->dry_run, "Only count");
  list->callback([options] { List(*options); });
  replay->callback([options] { Replay(*options); });
}

}  // namespace kindred::cli
