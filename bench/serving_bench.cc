// What the node does for a call, without gRPC: the same made-up events as bench/run, applied in
// memory; then calls are answered from bytes to bytes, one after the other, by one thread. Prints
// CPU time, the length of the answers, and a fingerprint of what they say: a change that is meant
// to make calls cheaper leaves that of Recommend as it is.
//
//   serving_bench --events 600000 --calls 100000
//   valgrind --tool=callgrind --toggle-collect='*AnswerCalls*' --toggle-collect='*AddFingerprint*'
//       serving_bench --calls 2000 --asked 2000

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "cli/load_generator.h"
#include "made_log.h"
#include "node/answer_arena.h"
#include "node/call_answer.h"
#include "node/checkpointer.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/partition_set.h"
#include "node/prediction_learner.h"
#include "node/shared_state.h"
#include "node/store_cold_reader.h"
#include "store/store.h"
#include "telemetry/health.h"

namespace kindred::bench {
namespace {

constexpr size_t kRunRecords = 2000;

struct Options {
  uint64_t events = 600'000;
  int32_t partitions = 8;
  int calls = 100'000;
  int asked_customers = 10'000;
  int items = 20;
  bool predictions = true;
  cli::LoadOptions load;
};

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

class Bench {
 public:
  Bench(const Options& options, std::unique_ptr<store::Store> store)
      : options_(options),
        store_(std::move(store)),
        shared_(SharedOptionsOf(options.partitions)),
        partitions_(&shared_),
        cold_(store_.get()),
        checkpointer_(
            store_.get(), &registry_, [](node::Partition&, const node::PendingCheckpoint&) {},
            [](absl::Status) {}),
        learner_(node::LearnerOptions(), &partitions_, store_.get(), &registry_),
        predictions_({}, &partitions_, &cold_, store_.get(), &registry_),
        serving_({"events", "kindred", int64_t{1} << 30, absl::Now()}, &shared_, &partitions_,
                 &cold_, store_.get(), &learner_, &predictions_, &checkpointer_, &health_) {}

  absl::Status Run() {
    KINDRED_RETURN_IF_ERROR(Apply());
    KINDRED_RETURN_IF_ERROR(Learn());
    const auto profile = [this](const std::string& id) {
      v1::GetProfileRequest request;
      request.set_name(absl::StrCat("profiles/", id));
      return AnswerCalls<v1::Profile>(request, &node::LiveServing::GetProfileBytes);
    };
    KINDRED_RETURN_IF_ERROR(Measure("GetProfile", profile));
    const auto recommend = [this](const std::string& id) {
      v1::RecommendRequest request;
      request.set_customer_id(id);
      request.set_count(options_.items);
      return AnswerCalls<v1::RecommendResponse>(request, &node::LiveServing::RecommendBytes);
    };
    return Measure("Recommend", recommend);
  }

 private:
  absl::Status Apply() {
    MadeLog log(options_.load, options_.partitions);
    node::Workbench workbench(&shared_);
    std::vector<std::vector<stream::RawRecord>> runs(static_cast<size_t>(options_.partitions));
    for (uint64_t i = 0; i < options_.events; ++i) {
      stream::RawRecord record = log.Next();
      if (customers_.size() < static_cast<size_t>(options_.asked_customers) && i % 7 == 0) {
        customers_.emplace_back(record.key());
      }
      auto& run = runs[static_cast<size_t>(record.partition().value())];
      run.push_back(std::move(record));
      if (run.size() < kRunRecords && i + 1 < options_.events) continue;
      for (int32_t p = 0; p < options_.partitions; ++p) {
        auto& due = runs[static_cast<size_t>(p)];
        KINDRED_RETURN_IF_ERROR(partitions_.Ensure(PartitionId(p)).Apply(due, cold_, &workbench));
        due.clear();
      }
    }
    partitions_.ForEach([](node::PartitionSlot& slot) {
      slot.ownership.store(node::Ownership::kOwned);
      slot.caught_up.store(true);
    });
    return absl::OkStatus();
  }

  // Until there are segments and predictions; then nothing runs beside the calls.
  absl::Status Learn() {
    KINDRED_RETURN_IF_ERROR(learner_.Start());
    if (options_.predictions) KINDRED_RETURN_IF_ERROR(predictions_.Start());
    for (int i = 0; i < 600 && learner_.Current() == nullptr; ++i) {
      absl::SleepFor(absl::Milliseconds(100));
    }
    absl::SleepFor(absl::Seconds(2));
    learner_.Stop();
    if (options_.predictions) predictions_.Stop();
    return absl::OkStatus();
  }

  // `Message`: of the answer.
  template <typename Message, typename Request, typename Response>
  __attribute__((noinline)) absl::StatusOr<size_t> AnswerCalls(
      const Request& from, absl::Status (node::LiveServing::*method)(const Request&, Response*)) {
    const std::string bytes = from.SerializeAsString();
    node::AnswerArena arena;
    Request* const request = arena.Make<Request>();
    Response* const response = node::MakeResponse<Response>(&arena);
    if (!request->ParseFromString(bytes)) return absl::InternalError("cannot be parsed");
    KINDRED_RETURN_IF_ERROR((serving_.*method)(*request, response));
    grpc::ByteBuffer answer;
    if (!node::Serialize(*response, &answer).ok()) return absl::InternalError("not serialized");
    if (first_time_) KINDRED_RETURN_IF_ERROR(AddFingerprint<Message>(answer));
    return answer.Length();
  }

  template <typename Message>
  __attribute__((noinline)) absl::Status AddFingerprint(const grpc::ByteBuffer& answer) {
    grpc::Slice slice;
    Message message;
    if (!answer.DumpToSingleSlice(&slice).ok() ||
        !message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
      return absl::InternalError("an answer cannot be parsed");
    }
    message.clear_freshness();  // tells the time
    fingerprint_ = base::Fingerprint64(message.SerializeAsString(), fingerprint_);
    return absl::OkStatus();
  }

  template <typename Call>
  absl::Status Measure(const char* name, const Call& call) {
    size_t bytes = 0;
    first_time_ = true;
    fingerprint_ = 0;
    for (const std::string& id : customers_) KINDRED_RETURN_IF_ERROR(call(id).status());
    first_time_ = false;
    const double start = ThreadCpuSeconds();
    for (int i = 0; i < options_.calls; ++i) {
      KINDRED_ASSIGN_OR_RETURN(const size_t size,
                               call(customers_[static_cast<size_t>(i) % customers_.size()]));
      bytes += size;
    }
    const double seconds = ThreadCpuSeconds() - start;
    std::printf("%s: %.2f us a call, answer of %.0f bytes, fingerprint %016lx\n", name,
                seconds * 1e6 / options_.calls, static_cast<double>(bytes) / options_.calls,
                fingerprint_);
    return absl::OkStatus();
  }

  const Options options_;
  telemetry::Registry registry_;
  telemetry::HealthState health_;
  const std::unique_ptr<store::Store> store_;
  node::SharedState shared_;
  node::PartitionSet partitions_;
  const node::StoreColdReader cold_;
  node::Checkpointer checkpointer_;
  node::Learner learner_;
  node::PredictionLearner predictions_;
  node::LiveServing serving_;
  std::vector<std::string> customers_;
  bool first_time_ = false;
  uint64_t fingerprint_ = 0;
};

int Main(int argc, char** argv) {
  CLI::App app("What the node does for a call, without gRPC");
  Options options;
  options.load.customers = 100'000;
  options.load.items = 50'000;
  app.add_option("--events", options.events, "Records to apply first")->capture_default_str();
  app.add_option("--calls", options.calls, "Of each method")->capture_default_str();
  app.add_option("--asked", options.asked_customers, "Customers asked for")->capture_default_str();
  app.add_option("--count", options.items, "Items of a recommendation")->capture_default_str();
  app.add_option("--customers", options.load.customers)->capture_default_str();
  app.add_option("--items", options.load.items)->capture_default_str();
  app.add_option("--partitions", options.partitions)->capture_default_str();
  app.add_flag("!--no-predictions", options.predictions, "Answers without predictions");
  CLI11_PARSE(app, argc, argv);
  return WithStore("serving_bench", options.partitions,
                   [&options](auto store) { return Bench(options, std::move(store)).Run(); });
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) { return kindred::bench::Main(argc, argv); }
