// The server with its threads: what waits does not keep others from their answers.
#include "node/grpc_server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "kindred/v1/identity.grpc.pb.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "node/checkpointer.h"
#include "node/event_writer.h"
#include "node/identity_world.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/test_sink.h"

namespace kindred::node {
namespace {

constexpr int kPhones = 20;

TEST(GrpcServerTest, UnlinksThatWaitForTheLogHoldNoThread) {
  telemetry::Registry registry;
  telemetry::HealthState health;
  IdentityWorld world(1);
  for (int i = 0; i < kPhones; ++i) {
    world.Event("identify", absl::StrCat("user-", i), kTestTimeMs - 1000,
                absl::StrCat("\"device_id\":\"phone-", i, "\""));
  }
  world.Deliver();
  const store::Store* const store = world.state->store.get();
  const PartitionSet* const partitions = world.state->partitions.get();
  Checkpointer checkpointer(
      world.state->store.get(), &registry, [](Partition&, const PendingCheckpoint&) {},
      [](absl::Status) {});
  Learner learner(LearnerOptions(), world.state->partitions.get(), world.state->store.get(),
                  &registry);
  PredictionLearner predictions({}, world.state->partitions.get(), world.state->cold.get(),
                                world.state->store.get(), &registry);
  LiveServing serving({"events", "kindred", 1 << 30, absl::Now()}, world.state->shared.get(),
                      partitions, world.state->cold.get(), store, &learner, &predictions,
                      &checkpointer, &health);
  TestSink sink;
  EventWriter writer("events", &sink, partitions, kPhones);
  serving.SetWriter(&writer);
  GrpcServerOptions options;
  options.address = "127.0.0.1:0";
  auto server = GrpcServer::Start(options, &serving, &registry);
  ASSERT_TRUE(server.ok()) << server.status();
  const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", (*server)->port()),
                                           grpc::InsecureChannelCredentials());
  const auto identities = v1::IdentityService::NewStub(channel);
  const auto unlink = [&identities](int i) {
    grpc::ClientContext context;
    v1::UnlinkIdsRequest request;
    request.set_name(absl::StrCat("profiles/user-", i));
    request.set_other_id(absl::StrCat("phone-", i));
    v1::CustomerIdentity identity;
    const grpc::Status status = identities->UnlinkIds(&context, request, &identity);
    EXPECT_EQ(identity.ids_size(), status.ok() ? 1 : 0);
    return status;
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < kPhones; ++i) {
    callers.emplace_back([&unlink, i] {
      const grpc::Status status = unlink(i);
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
  }
  // More of them than any server of the tests has threads.
  for (int i = 0; i < 6000 && sink.pending() < kPhones; ++i) absl::SleepFor(absl::Milliseconds(10));
  ASSERT_EQ(sink.pending(), size_t{kPhones});
  EXPECT_EQ(unlink(0).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(8));
  v1::GetProfileRequest get;
  get.set_name("profiles/user-1");
  v1::Profile profile;
  const grpc::Status answered =
      v1::ProfileService::NewStub(channel)->GetProfile(&context, get, &profile);
  EXPECT_TRUE(answered.ok()) << answered.error_message();
  EXPECT_EQ(profile.identity().ids_size(), 2);
  world.arrival_ms = absl::ToUnixMillis(absl::Now());
  for (const TestSink::Taken& record : sink.Take()) {
    const Offset offset = world.state->partition().next_offset();
    world.Send(record.key, record.value);
    record.done({absl::OkStatus(), PartitionId(0), offset});
  }
  for (std::thread& caller : callers) caller.join();
  (*server)->Shutdown(absl::Now() + absl::Seconds(1));
}

}  // namespace
}  // namespace kindred::node
