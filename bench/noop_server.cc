// A gRPC server whose one call does nothing but answer with so many bytes: what the transport costs
// by itself. Callback API and settings are those of the node's server.
//
//   noop_server --address 127.0.0.1:0 --bytes 612
//
// Prints "listening on PORT", then "payload N" for every N read from standard input, which becomes
// the size of the answers from then on. Ends with standard input.
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "noop.grpc.pb.h"

namespace kindred::bench {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

class Noop final : public v1::NoopService::CallbackService {
 public:
  void SetBytes(size_t bytes) {
    // The old text stays: a call may be reading it.
    texts_.push_back(std::make_unique<const std::string>(std::min(bytes, kMaxBytes), 'x'));
    text_.store(texts_.back().get());
  }

  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const v1::NoopRequest*,
                                 v1::NoopResponse* response) override {
    response->set_payload(*text_.load(std::memory_order_acquire));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  std::vector<std::unique_ptr<const std::string>> texts_;
  std::atomic<const std::string*> text_{nullptr};
};

int Main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the node does
  CLI::App app("A gRPC service that does nothing, as a limit to measure against");
  std::string address = "127.0.0.1:0";
  size_t bytes = 600;
  app.add_option("--address", address, "host:port; port 0 picks a free one")->capture_default_str();
  app.add_option("--bytes", bytes, "Of an answer")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Noop service;
  service.SetBytes(bytes);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 << 10);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  builder.SetMaxReceiveMessageSize(1 << 20);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "noop_server: cannot listen on %s\n", address.c_str());
    return 1;
  }
  std::printf("listening on %d\n", port);
  std::fflush(stdout);
  while (std::cin >> bytes) {
    service.SetBytes(bytes);
    std::printf("payload %zu\n", bytes);
    std::fflush(stdout);
  }
  server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) { return kindred::bench::Main(argc, argv); }
