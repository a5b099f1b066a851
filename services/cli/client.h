// What commands that ask a node have in common: the server's address, how to print.
#ifndef KINDRED_CLI_CLIENT_H_
#define KINDRED_CLI_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace kindred::cli {

// Exit codes of every command (README, "Command line").
inline constexpr int kExitFailed = 1;       // the command could not do its work
inline constexpr int kExitUsage = 2;        // wrong arguments
inline constexpr int kExitNotFound = 3;     // what was asked for is not there
inline constexpr int kExitUnavailable = 4;  // no connection, or not ready; trying again may help

struct ClientOptions {
  std::string server = "127.0.0.1:50051";
  int timeout_ms = 10'000;
  bool json = false;
};

// Adds --server, --timeout-ms and --json.
void AddClientOptions(CLI::App* command, ClientOptions* options);

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options);
void SetDeadline(const ClientOptions& options, grpc::ClientContext* context);

// Prints the reason on stderr and leaves the command with the exit code that fits.
[[noreturn]] void Fail(const absl::Status& status);
// As Fail(), for the answer of a call; does nothing when it is OK.
void Check(const grpc::Status& status, const ClientOptions& options);

// JSON with the names of the proto files; one line when `compact`.
std::string MessageJson(const google::protobuf::Message& message, bool compact);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_CLIENT_H_
