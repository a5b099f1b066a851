#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/load_command.h"
#include "cli/load_generator.h"
#include "cli/load_latency.h"
#include "kindred/v1/profile.grpc.pb.h"
#include "kindred/v1/recommendation.pb.h"

namespace kindred::cli {
namespace {

constexpr int kCodes = 17;
constexpr int kPage = 500;
// The kernel sleeps too long to hit times closer than this; they are waited for awake.
constexpr int64_t kAwakeNs = 1'500'000;

struct Flags {
  ClientOptions client;
  std::string method = "get-profile";
  int connections = 16;
  int at_once = 1;
  int threads = 1;
  double seconds = 10;
  double warmup = 1;
  double rate = 0;
  double slack_ms = 0;
  int count = 20;
  int customers = 10'000;
  double skew = 0;
  uint64_t seed = 1;
};

int64_t NowNs() { return absl::GetCurrentTimeNanos(); }

struct Tally {
  LoadLatency latency;  // of all answers, errors too
  uint64_t answer_bytes = 0;
  uint64_t unsent = 0;   // due before the end, but every connection was busy
  uint64_t late_ok = 0;  // answered after the end
  std::array<uint64_t, kCodes> codes = {};

  void Merge(const Tally& other) {
    latency.Merge(other.latency);
    answer_bytes += other.answer_bytes;
    unsent += other.unsent;
    late_ok += other.late_ok;
    for (size_t i = 0; i < codes.size(); ++i) codes[i] += other.codes[i];
  }
};

// The calls to make: bytes that are ready, so that the client's own work is small and the same for
// every method. Answers are not parsed.
struct Plan {
  std::string path;
  std::vector<grpc::ByteBuffer> requests;
  double skew = 0;
};

grpc::ByteBuffer Bytes(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// Names of customers that the node knows.
std::vector<std::string> KnownProfiles(const Flags& flags) {
  const auto stub = v1::ProfileService::NewStub(Connect(flags.client));
  std::vector<std::string> names;
  v1::ListProfilesRequest request;
  request.set_page_size(kPage);
  request.mutable_read_mask()->add_paths("name");
  while (names.size() < static_cast<size_t>(flags.customers)) {
    v1::ListProfilesResponse response;
    grpc::ClientContext context;
    SetDeadline(flags.client, &context);
    Check(stub->ListProfiles(&context, request, &response), flags.client);
    for (const v1::Profile& profile : response.profiles()) names.push_back(profile.name());
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  if (names.empty()) Fail(absl::NotFoundError("the node knows no customer yet"));
  learn::Random random(flags.seed);
  for (size_t i = names.size(); i > 1; --i) std::swap(names[i - 1], names[random.Below(i)]);
  return names;
}

Plan MakePlan(const Flags& flags) {
  Plan plan;
  plan.skew = flags.skew;
  if (flags.method == "no-op") {
    plan.path = "/kindred.bench.v1.NoopService/Call";
    v1::GetProfileRequest request;  // as long as a real one
    request.set_name("profiles/u-0000000");
    plan.requests.push_back(Bytes(request));
    return plan;
  }
  if (flags.method == "batch-get-profiles") {
    plan.path = "/kindred.v1.ProfileService/BatchGetProfiles";
    const std::vector<std::string> names = KnownProfiles(flags);
    const size_t count = std::min(static_cast<size_t>(flags.count), names.size());
    for (size_t begin = 0; begin + count <= names.size(); begin += count) {
      v1::BatchGetProfilesRequest request;
      request.mutable_read_mask()->add_paths("name");
      for (size_t i = begin; i < begin + count; ++i) request.add_names(names[i]);
      plan.requests.push_back(Bytes(request));
    }
    return plan;
  }
  const bool recommend = flags.method == "recommend";
  plan.path = recommend ? "/kindred.v1.RecommendationService/Recommend"
                        : "/kindred.v1.ProfileService/GetProfile";
  for (const std::string& name : KnownProfiles(flags)) {
    if (recommend) {
      v1::RecommendRequest request;
      request.set_customer_id(name.substr(name.find('/') + 1));
      request.set_count(flags.count);
      plan.requests.push_back(Bytes(request));
    } else {
      v1::GetProfileRequest request;
      request.set_name(name);
      plan.requests.push_back(Bytes(request));
    }
  }
  return plan;
}

// Calls of one thread over its share of the connections.
class Caller {
 public:
  Caller(const Flags& flags, const Plan& plan, int connections, uint64_t seed, double rate)
      : flags_(flags),
        plan_(plan),
        random_(seed),
        ranks_(plan.requests.size(), plan.skew),
        gap_ns_(rate > 0 ? 1e9 / rate : 0),
        slack_ns_(static_cast<int64_t>(flags.slack_ms * 1e6)),
        slots_(static_cast<size_t>(connections) * flags.at_once) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (i % flags.at_once == 0) {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
        slot.channel = grpc::CreateCustomChannel(flags.client.server,
                                                 grpc::InsecureChannelCredentials(), arguments);
      } else {
        slot.channel = slots_[i - 1].channel;
      }
      slot.stub = std::make_unique<grpc::GenericStub>(slot.channel);
      idle_.push_back(&slot);
    }
  }

  bool Connect() {
    const absl::Time limit = absl::Now() + absl::Milliseconds(flags_.client.timeout_ms);
    return std::all_of(slots_.begin(), slots_.end(), [limit](const Slot& slot) {
      return slot.channel->WaitForConnected(absl::ToChronoTime(limit));
    });
  }

  // Calls until `end_ns`; what was due before `from_ns` is not counted.
  void Run(int64_t from_ns, int64_t end_ns) {
    const int64_t begin_ns = NowNs();
    uint64_t sent = 0;
    while (true) {
      const int64_t now = NowNs();
      int64_t due = now;
      while (now < end_ns && !idle_.empty()) {
        due = gap_ns_ == 0 ? NowNs() : begin_ns + static_cast<int64_t>(gap_ns_ * sent);
        if (due > now && gap_ns_ > 0) break;
        Start(due);
        ++sent;
      }
      if (now >= end_ns && idle_.size() == slots_.size()) break;
      const bool all_busy = idle_.empty() || gap_ns_ == 0 || now >= end_ns;
      Wait(all_busy ? now + 100'000'000 : due + slack_ns_, from_ns, end_ns);
    }
    if (gap_ns_ > 0) {
      const double intended = static_cast<double>(end_ns - begin_ns) / gap_ns_;
      tally_.unsent = intended > static_cast<double>(sent)
                          ? static_cast<uint64_t>(intended - static_cast<double>(sent))
                          : 0;
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  const Tally& tally() const { return tally_; }

 private:
  struct Slot {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<grpc::GenericStub> stub;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer answer;
    grpc::Status status;
    int64_t due_ns = 0;
  };

  void Start(int64_t due_ns) {
    Slot* slot = idle_.back();
    idle_.pop_back();
    slot->due_ns = due_ns;
    slot->reader.reset();
    slot->context.emplace();
    SetDeadline(flags_.client, &*slot->context);
    slot->reader = slot->stub->PrepareUnaryCall(&*slot->context, plan_.path,
                                                plan_.requests[ranks_.Next(&random_)], &queue_);
    slot->reader->StartCall();
    slot->reader->Finish(&slot->answer, &slot->status, slot);
  }

  // For one answer, until `until_ns`.
  void Wait(int64_t until_ns, int64_t from_ns, int64_t end_ns) {
    void* tag = nullptr;
    bool ok = false;
    const int64_t awake_ns = slack_ns_ > 0 ? 0 : kAwakeNs;
    const int64_t wait_ns = until_ns - NowNs();
    const absl::Time limit =
        absl::Now() + absl::Nanoseconds(std::max<int64_t>(0, wait_ns - awake_ns));
    if (queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(limit)) !=
        grpc::CompletionQueue::GOT_EVENT) {
      if (wait_ns < awake_ns) std::this_thread::yield();
      return;
    }
    Slot* slot = static_cast<Slot*>(tag);
    if (slot->due_ns >= from_ns) {
      const int64_t now = NowNs();
      tally_.latency.Add(now - slot->due_ns);
      if (now > end_ns && slot->status.ok()) ++tally_.late_ok;
      const int code = std::clamp<int>(slot->status.error_code(), 0, kCodes - 1);
      ++tally_.codes[code];
      if (slot->status.ok()) tally_.answer_bytes += slot->answer.Length();
    }
    idle_.push_back(slot);
  }

  const Flags& flags_;
  const Plan& plan_;
  learn::Random random_;
  const ZipfRanks ranks_;
  const double gap_ns_;  // 0: closed loop
  const int64_t slack_ns_;
  grpc::CompletionQueue queue_;
  std::vector<Slot> slots_;
  std::vector<Slot*> idle_;
  Tally tally_;
};

void Report(const Flags& flags, const Tally& tally) {
  const double answers = static_cast<double>(tally.latency.count());
  const double mean_bytes = tally.codes[0] == 0 ? 0
                                                : static_cast<double>(tally.answer_bytes) /
                                                      static_cast<double>(tally.codes[0]);
  std::string codes;
  for (int code = 1; code < kCodes; ++code) {
    if (tally.codes[code] == 0) continue;
    const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
    absl::StrAppend(&codes, flags.client.json
                                ? absl::StrCat(",\"", name, "\":", tally.codes[code])
                                : absl::StrCat("  ", name, " ", tally.codes[code], "\n"));
  }
  const LoadLatency& latency = tally.latency;
  if (flags.client.json) {
    std::printf(
        "%s", absl::StrFormat("{\"method\":\"%s\",\"calls\":%u,\"calls_per_second\":%.6g,"
                              "\"p50_ms\":%.6g,\"p99_ms\":%.6g,\"p999_ms\":%.6g,\"max_ms\":%.6g,"
                              "\"answer_bytes\":%.6g,\"unsent\":%u,\"ok\":%u,\"late_ok\":%u%s}\n",
                              flags.method, latency.count(), answers / flags.seconds,
                              latency.QuantileMs(0.5), latency.QuantileMs(0.99),
                              latency.QuantileMs(0.999), latency.MaxMs(), mean_bytes, tally.unsent,
                              tally.codes[0], tally.late_ok, codes)
                  .c_str());
    return;
  }
  std::printf("%s", absl::StrFormat("%s: %.0f calls/s over %d connections, answers of %.0f bytes\n"
                                    "  p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms\n%s",
                                    flags.method, answers / flags.seconds, flags.connections,
                                    mean_bytes, latency.QuantileMs(0.5), latency.QuantileMs(0.99),
                                    latency.QuantileMs(0.999), latency.MaxMs(), codes)
                        .c_str());
  if (tally.unsent > 0) {
    std::printf("  %llu calls were due but could not be sent: the rate is too high\n",
                static_cast<unsigned long long>(tally.unsent));
  }
}

void Run(const Flags& flags) {
  const Plan plan = MakePlan(flags);
  const int threads = std::min(flags.threads, flags.connections);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < threads; ++i) {
    const int share = flags.connections * (i + 1) / threads - flags.connections * i / threads;
    callers.push_back(
        std::make_unique<Caller>(flags, plan, share, flags.seed + i + 1, flags.rate / threads));
    if (!callers.back()->Connect()) {
      Fail(absl::UnavailableError(absl::StrCat("no connection to ", flags.client.server)));
    }
  }
  const int64_t from_ns = NowNs() + static_cast<int64_t>(flags.warmup * 1e9);
  const int64_t end_ns = from_ns + static_cast<int64_t>(flags.seconds * 1e9);
  std::vector<std::thread> running;
  for (const auto& caller : callers) {
    running.emplace_back([&caller, from_ns, end_ns] { caller->Run(from_ns, end_ns); });
  }
  for (std::thread& thread : running) thread.join();
  Tally tally;
  for (const auto& caller : callers) tally.Merge(caller->tally());
  Report(flags, tally);
}

}  // namespace

void AddLoadCallsCommand(CLI::App& load) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = load.add_subcommand("calls", "Call a node and measure its answers");
  command->footer(
      "Example:\n  kindred load calls --method recommend --connections 16 --seconds 10\n"
      "  kindred load calls --rate 5000   (steady: latency counts from the time a call was due)");
  command
      ->add_option("--method", flags->method, "get-profile, batch-get-profiles, recommend or no-op")
      ->capture_default_str()
      ->check(CLI::IsMember({"get-profile", "batch-get-profiles", "recommend", "no-op"}));
  command->add_option("--connections", flags->connections, "How many")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--at-once", flags->at_once, "Calls under way on each connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_option("--threads", flags->threads, "Of this client")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  command->add_option("--seconds", flags->seconds, "How long")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  command->add_option("--warmup", flags->warmup, "Seconds before that, not counted")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  command->add_option("--rate", flags->rate, "Calls a second; 0: each when the last is answered")
      ->check(CLI::Range(0.0, 1e7));
  command
      ->add_option(
          "--slack-ms", flags->slack_ms,
          "With --rate: send up to so late, and sleep until then; 0: stay awake to be in time")
      ->check(CLI::Range(0.0, 1000.0));
  command->add_option("-n,--count", flags->count, "Items of a recommendation, names of a batch")
      ->capture_default_str()
      ->check(CLI::Range(1, kPage));
  command->add_option("--customers", flags->customers, "Ask for so many of the node's customers")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000'000));
  command->add_option("--skew", flags->skew, "Exponent of Zipf's law over them; 0: uniform")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--seed", flags->seed, "The same seed asks for the same customers")
      ->capture_default_str();
  AddClientOptions(command, &flags->client);
  command->callback([flags] { Run(*flags); });
}

}  // namespace kindred::cli
