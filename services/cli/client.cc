#include "cli/client.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace kindred::cli {
namespace {

int ExitCodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return kExitUnavailable;
    default:
      return kExitFailed;
  }
}

}  // namespace

void AddClientOptions(CLI::App* command, ClientOptions* options) {
  command->add_option("--server", options->server, "host:port of a node's gRPC server")
      ->capture_default_str()
      ->envname("KINDRED_SERVER");
  command->add_option("--timeout-ms", options->timeout_ms, "Give up after so long")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "JSON instead of text");
}

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
}

void SetDeadline(const ClientOptions& options, grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(options.timeout_ms)));
}

void Fail(const absl::Status& status) {
  std::fprintf(stderr, "kindred: %s\n", std::string(status.message()).c_str());
  throw CLI::RuntimeError(ExitCodeOf(status.code()));
}

void Check(const grpc::Status& status, const ClientOptions& options) {
  if (status.ok()) return;
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    message = absl::StrCat(message, " (server ", options.server,
                           "; is the node running there? --server names another)");
  }
  Fail(absl::Status(static_cast<absl::StatusCode>(status.error_code()), message));
}

std::string MessageJson(const google::protobuf::Message& message, bool compact) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = !compact;
  // Maps in the order of their keys, so that equal messages have equal text.
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&out);
  }
  static auto* const resolver = google::protobuf::util::NewTypeResolverForDescriptorPool(
      "type.googleapis.com", google::protobuf::DescriptorPool::generated_pool());
  std::string json;
  const auto status = google::protobuf::util::BinaryToJsonString(
      resolver, absl::StrCat("type.googleapis.com/", message.GetTypeName()), bytes, &json, options);
  if (!status.ok()) Fail(absl::InternalError(status.ToString()));
  return json;
}

}  // namespace kindred::cli
