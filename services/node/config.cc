#include "node/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "node/blend_config.h"

namespace kindred::node {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

absl::Status ErrorAt(absl::string_view source, const YAML::Mark& mark, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(source, ":", mark.line + 1, ":", mark.column + 1, ": ", what));
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string UnknownKey(const Descriptor& type, absl::string_view key) {
  std::vector<std::string> names;
  std::string nearest;
  size_t best = 4;
  for (int i = 0; i < type.field_count(); ++i) {
    names.push_back(type.field(i)->name());
    const size_t distance = EditDistance(key, names.back());
    if (distance < best) {
      best = distance;
      nearest = names.back();
    }
  }
  return absl::StrCat("unknown key \"", key, "\"",
                      nearest.empty() ? "" : absl::StrCat(", did you mean \"", nearest, "\"?"),
                      " (known here: ", absl::StrJoin(names, ", "), ")");
}

absl::string_view Expected(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return "a whole number";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    default:
      return "text";
  }
}

// Sets a scalar field from its text. False when the text is not of the field's type.
bool SetScalar(const std::string& text, const FieldDescriptor& field, Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t value;
      if (!absl::SimpleAtoi(text, &value)) return false;
      reflection.SetInt32(message, &field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value;
      if (!absl::SimpleAtod(text, &value)) return false;
      reflection.SetDouble(message, &field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      if (text != "true" && text != "false") return false;
      reflection.SetBool(message, &field, text == "true");
      return true;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(message, &field, text);
      return true;
    default:
      return false;
  }
}

absl::Status ReadStringMap(absl::string_view source, const YAML::Node& node,
                           const FieldDescriptor& field, Message* message) {
  if (!node.IsMap()) {
    return ErrorAt(source, node.Mark(), absl::StrCat(field.name(), ": expected key: value lines"));
  }
  for (const auto& entry : node) {
    if (!entry.second.IsScalar()) {
      return ErrorAt(source, entry.second.Mark(), absl::StrCat(field.name(), ": expected text"));
    }
    Message* added = message->GetReflection()->AddMessage(message, &field);
    const Descriptor& type = *added->GetDescriptor();
    added->GetReflection()->SetString(added, type.FindFieldByName("key"),
                                      entry.first.as<std::string>());
    added->GetReflection()->SetString(added, type.FindFieldByName("value"),
                                      entry.second.as<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadMessage(absl::string_view source, const YAML::Node& node, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsMap()) {
    return ErrorAt(source, node.Mark(), absl::StrCat("expected key: value lines of ", type.name()));
  }
  for (const auto& entry : node) {
    const std::string key = entry.first.as<std::string>("");
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) return ErrorAt(source, entry.first.Mark(), UnknownKey(type, key));
    if (field->is_map()) {
      KINDRED_RETURN_IF_ERROR(ReadStringMap(source, entry.second, *field, message));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      KINDRED_RETURN_IF_ERROR(ReadMessage(
          source, entry.second, message->GetReflection()->MutableMessage(message, field)));
    } else if (!entry.second.IsScalar() ||
               !SetScalar(entry.second.as<std::string>(), *field, message)) {
      return ErrorAt(source, entry.second.Mark(),
                     absl::StrCat(key, ": expected ", Expected(*field),
                                  entry.second.IsScalar()
                                      ? absl::StrCat(", found \"", entry.second.Scalar(), "\"")
                                      : ""));
    }
  }
  return absl::OkStatus();
}

bool IsSecret(absl::string_view name) {
  return absl::StrContains(name, "password") || absl::StrContains(name, "secret") ||
         absl::StrContains(name, "ssl.key") || absl::StrContains(name, "jaas");
}

void Print(const Message& message, YAML::Emitter* out) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const Descriptor& type = *message.GetDescriptor();
  *out << YAML::BeginMap;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    *out << YAML::Key << field.name() << YAML::Value;
    if (field.is_map()) {
      *out << YAML::BeginMap;
      for (int j = 0; j < reflection.FieldSize(message, &field); ++j) {
        const Message& entry = reflection.GetRepeatedMessage(message, &field, j);
        const Descriptor& entry_type = *entry.GetDescriptor();
        const std::string key =
            entry.GetReflection()->GetString(entry, entry_type.FindFieldByName("key"));
        const std::string value =
            entry.GetReflection()->GetString(entry, entry_type.FindFieldByName("value"));
        *out << YAML::Key << key << YAML::Value << (IsSecret(key) ? "(not shown)" : value);
      }
      *out << YAML::EndMap;
      continue;
    }
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Print(reflection.GetMessage(message, &field), out);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        *out << reflection.GetInt32(message, &field);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        *out << reflection.GetDouble(message, &field);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        *out << reflection.GetBool(message, &field);
        break;
      default:
        *out << YAML::DoubleQuoted << reflection.GetString(message, &field) << YAML::Auto;
    }
  }
  *out << YAML::EndMap;
}

void CheckRange(absl::string_view name, double value, double low, double high,
                std::vector<std::string>* problems) {
  if (!(value >= low && value <= high)) {
    problems->push_back(absl::StrCat(name, ": expected ", low, " to ", high, ", found ", value));
  }
}

void ValidateRecommend(const config::v1::RecommendConfig& config,
                       std::vector<std::string>* problems) {
  CheckRange("recommend.relation_memory_mib", config.relation_memory_mib(), 0, 1 << 20, problems);
  CheckRange("recommend.relation_half_life_days", config.relation_half_life_days(), 14, 3650,
             problems);
  CheckRange("recommend.popularity_half_life_days", config.popularity_half_life_days(), 0.04, 3650,
             problems);
  CheckRange("recommend.content_items", config.content_items(), 0, 10'000'000, problems);
  CheckRange("recommend.attribution_window_hours", config.attribution_window_hours(), 0, 24 * 366,
             problems);
  if (const absl::Status blend = Validate(BlendOptionsOf(config.blend())); !blend.ok()) {
    problems->push_back(absl::StrCat("recommend.blend.", blend.message()));
  }
}

}  // namespace

config::v1::NodeConfig DefaultConfig() {
  config::v1::NodeConfig config;
  config::v1::KafkaConfig& kafka = *config.mutable_kafka();
  kafka.set_brokers("localhost:9092");
  kafka.set_topic("events");
  kafka.set_items_topic("items");
  kafka.set_dead_letter_topic("");
  kafka.set_audience_topic("");
  config::v1::IdentityConfig& identity = *config.mutable_identity();
  identity.set_max_user_ids(1);
  identity.set_max_emails(5);
  identity.set_max_external_ids(5);
  identity.set_max_device_ids(5);
  identity.set_max_anonymous_ids(5);
  identity.set_blocked_ids("");
  kafka.set_group("kindred");
  kafka.set_instance_id("");
  kafka.set_session_timeout_ms(45000);
  kafka.set_create_topics(false);
  kafka.set_create_partitions(8);
  config::v1::StoreConfig& store = *config.mutable_store();
  store.set_data_dir("kindred-data");
  store.set_checkpoint_interval_ms(1000);
  store.set_checkpoint_dirty_mib(64);
  store.set_memory_limit_mib(4096);
  config::v1::ServeConfig& serve = *config.mutable_serve();
  serve.set_grpc_address("127.0.0.1:50051");
  serve.set_http_address("127.0.0.1:8080");
  serve.set_worker_threads(0);
  serve.set_shutdown_grace_ms(10000);
  config::v1::CleanConfig& clean = *config.mutable_clean();
  clean.set_dedup_window_hours(24);
  clean.set_dedup_memory_mib(0);
  clean.set_future_skew_seconds(3600);
  clean.set_horizon_days(0);
  clean.set_outlier_action("flag");
  clean.set_default_currency("USD");
  clean.set_max_record_kib(1024);
  clean.set_breaker_share(0.9);
  clean.set_breaker_window_records(5000);
  clean.set_quality_check_minutes(15);
  clean.set_resume_halted(false);
  config.mutable_profile()->set_affinity_half_life_days(30);
  config.mutable_segments()->set_count(8);
  config.mutable_segments()->set_pass_interval_ms(1000);
  config.mutable_predictions()->set_churn_days(90);
  config.mutable_predictions()->set_sampled_customers(1024);
  config.mutable_rules()->set_file("");
  config.mutable_rules()->set_audience_cpu_percent(5);
  config.mutable_rules()->set_walk_interval_ms(60000);
  config.mutable_recommend()->set_relations(true);
  config.mutable_recommend()->set_relation_memory_mib(0);
  config.mutable_recommend()->set_relation_half_life_days(90);
  config.mutable_recommend()->set_popularity_half_life_days(7);
  config.mutable_recommend()->set_experiment("");
  config.mutable_recommend()->set_attribution_window_hours(168);
  config.mutable_recommend()->set_content_items(100'000);
  SetBlendConfig(recommend::BlendOptions(), config.mutable_recommend()->mutable_blend());
  return config;
}

absl::Status ReadYaml(absl::string_view source, absl::string_view yaml,
                      config::v1::NodeConfig* config) {
  try {
    config::v1::NodeConfig read = *config;
    KINDRED_RETURN_IF_ERROR(ReadMessage(source, YAML::Load(std::string(yaml)), &read));
    *config = std::move(read);
    return absl::OkStatus();
  } catch (const YAML::Exception& error) {
    return ErrorAt(source, error.mark, error.msg);
  }
}

absl::Status ReadConfigFile(const std::string& path, config::v1::NodeConfig* config) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read configuration file ", path));
  std::ostringstream text;
  text << file.rdbuf();
  return ReadYaml(path, text.str(), config);
}

absl::Status ApplyOverride(absl::string_view assignment, config::v1::NodeConfig* config) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const size_t dot = parts.first.find('.');
  if (dot == absl::string_view::npos || !absl::StrContains(assignment, "=")) {
    return absl::InvalidArgumentError(absl::StrCat("--set ", assignment,
                                                   ": expected section.key=value, for example "
                                                   "--set segments.count=5"));
  }
  YAML::Node value(std::string(parts.second));
  YAML::Node root;
  const std::string section(parts.first.substr(0, dot));
  const std::string key(parts.first.substr(dot + 1));
  constexpr absl::string_view kProperties = "properties.";
  if (section == "kafka" && absl::StartsWith(key, kProperties)) {
    root[section]["properties"][key.substr(kProperties.size())] = value;
  } else {
    root[section][key] = value;
  }
  config::v1::NodeConfig read = *config;
  const absl::Status status = ReadMessage("--set", root, &read);
  if (!status.ok()) {
    // The position inside one assignment says nothing; keep what was wrong.
    const std::vector<absl::string_view> text = absl::StrSplit(status.message(), ": ");
    return absl::InvalidArgumentError(absl::StrCat(
        "--set ", assignment, ": ", absl::StrJoin(text.begin() + 1, text.end(), ": ")));
  }
  *config = std::move(read);
  return absl::OkStatus();
}

absl::Status ValidateConfig(const config::v1::NodeConfig& config) {
  std::vector<std::string> problems;
  const auto required = [&problems](absl::string_view name, absl::string_view value) {
    if (value.empty()) problems.push_back(absl::StrCat(name, ": must not be empty"));
  };
  required("kafka.brokers", config.kafka().brokers());
  required("kafka.topic", config.kafka().topic());
  required("kafka.group", config.kafka().group());
  required("store.data_dir", config.store().data_dir());
  required("serve.grpc_address", config.serve().grpc_address());
  CheckRange("kafka.session_timeout_ms", config.kafka().session_timeout_ms(), 1000, 3600000,
             &problems);
  CheckRange("kafka.create_partitions", config.kafka().create_partitions(), 1, 10000, &problems);
  CheckRange("store.checkpoint_interval_ms", config.store().checkpoint_interval_ms(), 10, 600000,
             &problems);
  CheckRange("store.checkpoint_dirty_mib", config.store().checkpoint_dirty_mib(), 1, 16384,
             &problems);
  CheckRange("store.memory_limit_mib", config.store().memory_limit_mib(), 128, 1 << 24, &problems);
  CheckRange("serve.worker_threads", config.serve().worker_threads(), 0, 1024, &problems);
  CheckRange("serve.shutdown_grace_ms", config.serve().shutdown_grace_ms(), 0, 600000, &problems);
  CheckRange("clean.dedup_window_hours", config.clean().dedup_window_hours(), 1, 24 * 31,
             &problems);
  CheckRange("clean.dedup_memory_mib", config.clean().dedup_memory_mib(), 0, 1 << 20, &problems);
  CheckRange("clean.future_skew_seconds", config.clean().future_skew_seconds(), 0, 86400 * 30,
             &problems);
  CheckRange("clean.horizon_days", config.clean().horizon_days(), 0, 36500, &problems);
  CheckRange("clean.max_record_kib", config.clean().max_record_kib(), 1, 1 << 16, &problems);
  CheckRange("clean.breaker_share", config.clean().breaker_share(), 0, 1, &problems);
  CheckRange("clean.quality_check_minutes", config.clean().quality_check_minutes(), 1, 1440,
             &problems);
  CheckRange("clean.breaker_window_records", config.clean().breaker_window_records(), 1, 1 << 30,
             &problems);
  for (const auto& [name, limit] :
       {std::pair("identity.max_user_ids", config.identity().max_user_ids()),
        {"identity.max_emails", config.identity().max_emails()},
        {"identity.max_external_ids", config.identity().max_external_ids()},
        {"identity.max_device_ids", config.identity().max_device_ids()},
        {"identity.max_anonymous_ids", config.identity().max_anonymous_ids()}}) {
    CheckRange(name, limit, 1, 64, &problems);
  }
  CheckRange("profile.affinity_half_life_days", config.profile().affinity_half_life_days(), 14,
             3650, &problems);
  CheckRange("segments.count", config.segments().count(), 2, 1000, &problems);
  CheckRange("predictions.sampled_customers", config.predictions().sampled_customers(), 0, 1 << 20,
             &problems);
  CheckRange("predictions.churn_days", config.predictions().churn_days(), 1, 180, &problems);
  CheckRange("segments.pass_interval_ms", config.segments().pass_interval_ms(), 1, 3600000,
             &problems);
  CheckRange("rules.audience_cpu_percent", config.rules().audience_cpu_percent(), 0.1, 100,
             &problems);
  CheckRange("rules.walk_interval_ms", config.rules().walk_interval_ms(), 100, 86400000, &problems);
  ValidateRecommend(config.recommend(), &problems);
  if (config.clean().outlier_action() != "flag" &&
      config.clean().outlier_action() != "quarantine") {
    problems.push_back(absl::StrCat("clean.outlier_action: expected flag or quarantine, found \"",
                                    config.clean().outlier_action(), "\""));
  }
  if (config.clean().default_currency().size() != 3) {
    problems.push_back(absl::StrCat("clean.default_currency: expected an ISO 4217 code, found \"",
                                    config.clean().default_currency(), "\""));
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

std::string PrintConfig(const config::v1::NodeConfig& config) {
  YAML::Emitter out;
  Print(config, &out);
  return absl::StrCat(out.c_str(), "\n");
}

}  // namespace kindred::node
