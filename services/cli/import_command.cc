#include "cli/import_command.h"

#include <sys/stat.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/progress.h"
#include "cli/text_lines.h"
#include "event/decoder.h"
#include "event/encode.h"
#include "event/item_decoder.h"
#include "stream/topic_admin.h"

namespace kindred::cli {
namespace {

struct TopicOptions {
  std::string brokers = "localhost:9092";
  std::string topic;
  bool create = false;
  int partitions = 8;
};

struct ImportFlags {
  ImportOptions import;
  TopicOptions topic;
  std::vector<std::string> sets;
  std::string type = "purchase";
  std::map<std::string, std::string> columns;
  bool raw = false;
};

void AddTopicOptions(CLI::App* command, const char* default_topic, TopicOptions* options) {
  options->topic = default_topic;
  command->add_option("--brokers", options->brokers, "Kafka, host:port[,host:port]")
      ->capture_default_str()
      ->envname("KINDRED_BROKERS");
  command->add_option("--topic", options->topic, "Where to send")->capture_default_str();
  command->add_flag("--create-topic", options->create, "Create the topic if it is missing");
  command->add_option("--partitions", options->partitions, "Of a topic that is created")
      ->capture_default_str();
}

absl::Status MeetTopic(const TopicOptions& options, bool compacted) {
  stream::Connection connection;
  connection.brokers = options.brokers;
  KINDRED_ASSIGN_OR_RETURN(const auto admin, stream::TopicAdmin::Open(connection));
  if (options.create) {
    stream::NewTopic topic{options.topic, compacted ? 1 : options.partitions, 1, {}};
    if (compacted) topic.configs["cleanup.policy"] = "compact";
    KINDRED_RETURN_IF_ERROR(admin->CreateTopic(topic, absl::Seconds(10)));
    return admin->WaitForTopic(options.topic, absl::Seconds(10)).status();
  }
  const auto info = admin->Describe(options.topic, absl::Seconds(10));
  if (absl::IsNotFound(info.status())) {
    return absl::NotFoundError(
        absl::StrCat("there is no topic \"", options.topic, "\"; --create-topic makes it"));
  }
  return info.status();
}

absl::StatusOr<std::unique_ptr<stream::RecordSink>> OpenSink(const TopicOptions& options) {
  stream::KafkaSinkOptions sink_options;
  sink_options.connection.brokers = options.brokers;
  sink_options.connection.client_id = "kindred-cli";
  KINDRED_ASSIGN_OR_RETURN(auto sink, stream::OpenKafkaRecordSink(sink_options));
  KINDRED_RETURN_IF_ERROR(sink->Prepare(options.topic, absl::Seconds(10)));
  return sink;
}

uint64_t FileBytes(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

bool IsGzip(const std::string& path) { return absl::EndsWith(path, ".gz"); }

// Calls `row` for every line after the header.
absl::StatusOr<uint64_t> ForEachRow(
    const ImportOptions& options, const std::vector<std::string>& required, const char* unit,
    const std::function<absl::Status(const std::vector<std::string>& header,
                                     const ImportColumns& columns)>& start,
    const std::function<absl::Status(absl::string_view line, const std::vector<std::string>& row)>&
        visit) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(options.file));
  std::string line;
  if (!lines.Next(&line)) {
    return lines.status().ok() ? absl::InvalidArgumentError(absl::StrCat(options.file, " is empty"))
                               : lines.status();
  }
  absl::string_view header_line = line;
  absl::ConsumePrefix(&header_line, "\xef\xbb\xbf");
  const char delimiter = GuessDelimiter(header_line);
  std::vector<std::string> header;
  SplitDelimited(absl::StripTrailingAsciiWhitespace(header_line), delimiter, &header);
  KINDRED_ASSIGN_OR_RETURN(const ImportColumns columns,
                           ImportColumns::Find(header, options.columns, required));
  if (!options.quiet) {
    std::fprintf(stderr, "columns: %s\n", columns.Describe(header).c_str());
  }
  KINDRED_RETURN_IF_ERROR(start(header, columns));
  // Compressed files do not tell how much is left.
  const uint64_t bytes = IsGzip(options.file) ? 0 : FileBytes(options.file);
  uint64_t read_bytes = line.size() + 1;
  Progress progress(absl::StrCat("importing ", options.file), unit, options.limit);
  std::vector<std::string> row;
  uint64_t rows = 0;
  while ((options.limit == 0 || rows < options.limit) && lines.Next(&line)) {
    read_bytes += line.size() + 1;
    const absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
    if (text.empty()) continue;
    SplitDelimited(text, delimiter, &row);
    KINDRED_RETURN_IF_ERROR(visit(text, row));
    ++rows;
    if (rows % 512 == 0) {
      progress.Update(
          rows, bytes == 0 ? -1 : static_cast<double>(read_bytes) / static_cast<double>(bytes));
    }
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  progress.Update(rows);
  return rows;
}

void RunImport(const ImportFlags& flags, bool items) {
  ImportOptions options = flags.import;
  for (const auto& [field, column] : flags.columns) {
    if (!column.empty()) options.columns[field] = column;
  }
  for (const std::string& set : flags.sets) {
    const size_t equals = set.find('=');
    if (equals == std::string::npos) {
      Fail(absl::InvalidArgumentError("--const " + set + ": expected field=value"));
    }
    options.constants[set.substr(0, equals)] = set.substr(equals + 1);
  }
  options.constants.try_emplace("channel", "import");
  options.type = event::EventTypeFromName(flags.type);
  const absl::Status met = MeetTopic(flags.topic, items);
  if (!met.ok()) Fail(met);
  auto sink = OpenSink(flags.topic);
  if (!sink.ok()) Fail(sink.status());
  Feeder feeder({flags.topic.topic}, sink->get());
  const absl::StatusOr<uint64_t> rows =
      items ? ImportItems(options, &feeder) : ImportEvents(options, &feeder);
  if (!rows.ok()) Fail(rows.status());
  const absl::Status sent = feeder.Finish();
  if (!sent.ok()) Fail(sent);
  std::printf("%llu rows sent to %s\n", static_cast<unsigned long long>(*rows),
              flags.topic.topic.c_str());
}

void AddImport(CLI::App& app, bool items) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command =
      items ? app.add_subcommand("import-items", "Send a table of items to the items topic")
            : app.add_subcommand("import", "Send a table of purchases or other events to Kafka");
  command->footer(
      items ? "Example:\n  kindred import-items products.csv --title product_type"
            : "Example:\n  kindred import online-retail.csv.gz --topic events --create-topic "
              "--const currency=GBP\n"
              "  kindred import 购买.csv   (用户ID, 商品ID, 购买时间, 购买金额 are recognised)\n"
              "Columns are guessed; a flag names one: --user CustomerID. Importing the same rows "
              "again changes nothing.");
  command->add_option("file", flags->import.file, "CSV, TSV or semicolon-separated; .gz too")
      ->required();
  for (const char* field : kImportFields) {
    command->add_option(absl::StrCat("--", field), flags->columns[field],
                        absl::StrCat("Column of the ", field));
  }
  command->add_option("--const", flags->sets, "field=value for every row; may be repeated")
      ->allow_extra_args(false);
  if (!items) {
    command->add_option("--event-type", flags->type, "Type of rows that name none")
        ->capture_default_str();
  }
  command->add_option("--limit", flags->import.limit, "Only so many rows");
  command->add_flag("--quiet", flags->import.quiet, "Do not tell the columns");
  AddTopicOptions(command, items ? "items" : "events", &flags->topic);
  command->callback([flags, items] { RunImport(*flags, items); });
}

// The customer of a JSON or Segment record, for the key; "" when it cannot be read.
std::string KeyOf(event::Decoder* decoder, const std::string& line,
                  std::vector<event::Event>* events) {
  event::EncodedRecord record;
  record.value = line;
  if (!decoder->Decode(record, events).ok() || events->empty()) return "";
  const event::Event& first = events->front();
  return std::string(first.user_id.empty() ? first.anonymous_id : first.user_id);
}

void RunProduce(const ImportFlags& flags) {
  const absl::Status met = MeetTopic(flags.topic, false);
  if (!met.ok()) Fail(met);
  auto sink = OpenSink(flags.topic);
  if (!sink.ok()) Fail(sink.status());
  Feeder feeder({flags.topic.topic}, sink->get());
  event::Decoder decoder;
  std::vector<event::Event> events;
  uint64_t keyless = 0;
  const auto send = [&](const std::string& line) {
    if (absl::StripAsciiWhitespace(line).empty()) return;
    const std::string key = KeyOf(&decoder, line, &events);
    if (key.empty()) ++keyless;
    const absl::Status status = feeder.Send(key, line);
    if (!status.ok()) Fail(status);
  };
  std::string line;
  if (flags.import.file.empty() || flags.import.file == "-") {
    while (std::getline(std::cin, line)) send(line);
  } else {
    absl::StatusOr<TextLines> lines = TextLines::Open(flags.import.file);
    if (!lines.ok()) Fail(lines.status());
    Progress progress("producing", "events", 0);
    while (lines->Next(&line)) {
      send(line);
      progress.Update(feeder.sent());
    }
    if (!lines->status().ok()) Fail(lines->status());
  }
  const absl::Status sent = feeder.Finish();
  if (!sent.ok()) Fail(sent);
  std::printf("%llu events sent to %s\n", static_cast<unsigned long long>(feeder.sent()),
              flags.topic.topic.c_str());
  if (keyless > 0) {
    std::fprintf(stderr,
                 "%llu lines without a customer that could be read: the node will send "
                 "them to the dead letters\n",
                 static_cast<unsigned long long>(keyless));
  }
}

void AddProduce(CLI::App& app) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = app.add_subcommand("produce", "Send JSON lines (native or Segment) to Kafka");
  command->footer(
      "Example:\n  echo '{\"user_id\":\"u-7\",\"type\":\"view\",\"item_id\":\"sku-3\","
      "\"event_time\":\"2026-11-22T10:00:00Z\"}' | kindred produce\n"
      "  kindred produce events.jsonl.gz --topic shop");
  command->add_option("file", flags->import.file, "JSON lines, .gz too; none or -: standard input");
  AddTopicOptions(command, "events", &flags->topic);
  command->callback([flags] { RunProduce(*flags); });
}

}  // namespace

absl::StatusOr<uint64_t> ImportEvents(const ImportOptions& options, Feeder* feeder) {
  std::unique_ptr<RowEvents> events;
  std::vector<std::string> required = {"item", "time"};
  if (!options.columns.contains("anonymous")) required.push_back("user");
  return ForEachRow(
      options, required, "rows",
      [&](const std::vector<std::string>&, const ImportColumns& columns) {
        events = std::make_unique<RowEvents>(columns, options.type, options.constants);
        return absl::OkStatus();
      },
      [&](absl::string_view line, const std::vector<std::string>& row) {
        const event::Event& event = events->Next(line, row);
        return feeder->Send(events->key(), event::EncodeJson(event));
      });
}

absl::StatusOr<uint64_t> ImportItems(const ImportOptions& options, Feeder* feeder) {
  std::vector<std::string> names;
  std::unique_ptr<ImportColumns> found;
  return ForEachRow(
      options, {"item"}, "items",
      [&](const std::vector<std::string>& header, const ImportColumns& columns) {
        names = header;
        found = std::make_unique<ImportColumns>(columns);
        return absl::OkStatus();
      },
      [&](absl::string_view, const std::vector<std::string>& row) {
        const event::Item item = RowItem(*found, names, row);
        if (item.item_id.empty()) return absl::OkStatus();
        return feeder->Send(item.item_id, event::EncodeItemJson(item));
      });
}

void AddImportCommands(CLI::App& app) {
  AddImport(app, /*items=*/false);
  AddImport(app, /*items=*/true);
  AddProduce(app);
}

}  // namespace kindred::cli
