#include "node/learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "base/thread_priority.h"
#include "learn/segment_label.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

constexpr absl::string_view kModelKey = "segments";
constexpr absl::string_view kFeaturesKey = "feature_days";
// What customers are like is stored once in so much event time, and at the end.
constexpr int64_t kSaveFeaturesMs = 3'600'000;
// Customers looked at under one hold of a partition's lock.
constexpr size_t kWalkStep = 256;
constexpr size_t kTypicalKept = 5;
// Points that stand for a population beyond the learner's sample.
constexpr size_t kMicroClusters = 300;
// Passes take at most this share of one core.
constexpr double kBusyShare = 0.05;
constexpr absl::Duration kLongestPause = absl::Minutes(1);

std::vector<learn::DimensionWords> Words() {
  std::vector<learn::DimensionWords> words;
  for (size_t d = 0; d < profile::kFeatureCount; ++d) {
    const profile::FeatureInfo& info = profile::GetFeatureInfo(d);
    words.push_back({std::string(info.name), std::string(info.high), std::string(info.low)});
  }
  return words;
}

}  // namespace

// Who is nearest to each centre, how far all are, and what they did, by the model of the pass's
// start.
struct Learner::Nearest {
  struct Member {
    double distance;
    std::string id;
    bool operator<(const Member& other) const { return distance < other.distance; }
  };
  Nearest(std::shared_ptr<const PublishedSegments> published, int64_t as_of_ms)
      : by(std::move(published)) {
    const size_t count = by == nullptr ? 0 : by->model.size();
    for (size_t i = 0; i < count; ++i) series.push_back(std::make_shared<MemberSeries>(as_of_ms));
    members.resize(count);
    squared.resize(count);
    sizes.resize(count);
  }

  void Add(absl::string_view id, const profile::Profile& profile, absl::Span<const double> vector) {
    if (by == nullptr || by->model.empty()) return;
    const learn::SegmentAssignment to = learn::Assign(by->model, vector);
    squared[to.index] += to.distance * to.distance;
    sizes[to.index] += 1;
    series[to.index]->Add(profile);
    std::vector<Member>& heap = members[to.index];
    if (heap.size() == kTypicalKept) {
      if (to.distance >= heap.front().distance) return;
      std::pop_heap(heap.begin(), heap.end());
      heap.pop_back();
    }
    heap.push_back({to.distance, std::string(id)});
    std::push_heap(heap.begin(), heap.end());
  }

  const std::shared_ptr<const PublishedSegments> by;
  std::vector<std::vector<Member>> members;  // heaps, farthest first
  std::vector<std::shared_ptr<MemberSeries>> series;
  std::vector<double> squared;
  std::vector<double> sizes;
};

// What a pass tells of the population beside its segments.
struct Learner::Shape {
  explicit Shape(int64_t seen_until) : seen_until_ms(seen_until) {}
  // The customer's features as models see them.
  profile::FeatureVector Look(const profile::Profile& profile, int64_t as_of_ms) {
    const profile::FeatureVector features = profile::Features(profile, as_of_ms);
    if (profile::FeatureDays::Counts(profile, seen_until_ms)) seen.Add(features);
    return profile::Transformed(features);
  }
  void Add(absl::Span<const double> vectors) {
    for (size_t at = 0; at + profile::kFeatureCount <= vectors.size();
         at += profile::kFeatureCount) {
      covariance.Add(vectors.subspan(at, profile::kFeatureCount));
    }
    if (micro != nullptr) micro->AddBatch(vectors);
  }
  const int64_t seen_until_ms;
  profile::FeatureHistogram seen;  // of those who were seen in the day before that
  learn::Covariance covariance{profile::kFeatureCount};
  learn::MicroClusters* micro = nullptr;  // null: the sample has all
  learn::MicroClusterSet micro_clusters;
  std::shared_ptr<const learn::Matrix> sample;
};

Learner::Learner(const LearnerOptions& options, PartitionSet* partitions, store::Store* store,
                 telemetry::Registry* registry)
    : options_(options),
      partitions_(*partitions),
      store_(*store),
      passes_(registry->GetCounter("kindred_learner_passes_total",
                                   "Walks of the learner over all customers.")),
      pass_duration_(registry->GetHistogram("kindred_learner_pass_duration_seconds",
                                            "Time of one walk over all customers.",
                                            telemetry::FreshnessBounds())),
      inertia_(registry->GetGauge("kindred_segments_mean_squared_distance",
                                  "Mean squared distance of customers to their segment's centre, "
                                  "standardised, at the last walk.")) {}

Learner::~Learner() { Stop(); }

absl::Status Learner::Start() {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                           store_.Get(store::Table::kModel, store::kNodeScope, kModelKey));
  if (stored.has_value()) {
    KINDRED_ASSIGN_OR_RETURN(resumed_, learn::ParseSegmentModel(*stored));
    if (!resumed_.empty() && resumed_.dims() == profile::kFeatureCount) {
      saved_version_ = resumed_.version;
      Publish(resumed_, nullptr, 0, nullptr);
    }
  }
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> features,
                           store_.Get(store::Table::kModel, store::kNodeScope, kFeaturesKey));
  if (features.has_value()) {
    absl::StatusOr<profile::FeatureDays> days = profile::FeatureDays::Parse(*features);
    if (days.ok()) {
      absl::MutexLock lock(&mutex_);
      feature_days_ = std::make_shared<const profile::FeatureDays>(*std::move(days));
    } else {
      base::LogWarning("learner", "what customers were like is not known; it is learned anew",
                       {{"error", days.status()}});
    }
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Learner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool Learner::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

std::shared_ptr<const PublishedSegments> Learner::Current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

std::shared_ptr<const profile::FeatureDays> Learner::feature_days() const {
  absl::MutexLock lock(&mutex_);
  return feature_days_;
}

void Learner::Run() {
  base::NameThread("learn-segments");
  base::LowerThreadPriority(base::ThreadRole::kLearns);
  learn::SegmentLearnerOptions learner_options;
  learner_options.segments = options_.segments;
  learner_options.seed = options_.seed;
  learn::SegmentLearner learner(profile::kFeatureCount, learner_options, resumed_);
  learn::MicroClusters micro(kMicroClusters, options_.seed);
  int64_t walked_position = -1;
  absl::Duration pause = options_.pass_interval;
  while (true) {
    int64_t position = 0;
    partitions_.ForEach(
        [&position](const PartitionSlot& slot) { position += slot.state->next_offset().value(); });
    if (position != walked_position || !learner.settled()) {
      walked_position = position;
      const absl::Time start = absl::Now();
      if (!Pass(&learner, &micro)) break;
      const absl::Duration took = absl::Now() - start;
      passes_.Increment();
      pass_duration_.Observe(took);
      pause = std::clamp(took / kBusyShare, options_.pass_interval,
                         std::max(options_.pass_interval, kLongestPause));
      Save(learner.model());
    }
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause)) break;
  }
  Save(learner.model());
  SaveFeatures();
}

bool Learner::Pass(learn::SegmentLearner* learner, learn::MicroClusters* micro) {
  const int64_t as_of_ms = partitions_.newest_event_ms();
  Nearest nearest(Current(), as_of_ms);
  std::vector<double> vectors;
  bool interrupted = false;
  uint64_t published_version = learner->model().version;
  // Not as_of_ms, which one wrong clock may put a day ahead of everybody.
  int64_t seen_until_ms = 0;
  partitions_.ForEach([&seen_until_ms](const PartitionSlot& slot) {
    seen_until_ms = std::max(seen_until_ms, slot.state->quality_newest_ms());
  });
  Shape shape(seen_until_ms);
  if (!learner->model().empty() &&
      learner->model().population > static_cast<double>(learner->last_sample().rows())) {
    shape.micro = micro;
    micro->BeginPass(learner->model().scaler, learner->last_sample());
  }
  learner->BeginPass();
  const auto feed = [&] {
    learner->AddBatch(vectors);
    shape.Add(vectors);
    vectors.clear();
    // The very first model is worth telling before the pass is over.
    if (nearest.by == nullptr && !learner->model().empty() &&
        learner->model().version != published_version) {
      published_version = learner->model().version;
      Publish(learner->model(), nullptr, as_of_ms, nullptr);
    }
  };
  partitions_.ForEach([&](const PartitionSlot& slot) {
    uint64_t cursor = 0;
    do {
      if (interrupted || stopping()) {
        interrupted = true;
        return;
      }
      cursor = slot.state->Walk(cursor, kWalkStep, [&](const profile::Customer& customer) {
        if (customer.profile.empty()) return;
        const profile::FeatureVector vector = shape.Look(customer.profile, as_of_ms);
        nearest.Add(customer.id(), customer.profile, vector);
        vectors.insert(vectors.end(), vector.begin(), vector.end());
      });
      feed();
    } while (cursor != 0);
  });
  if (interrupted || !FeedStored(as_of_ms, learner, &nearest, &shape)) return false;
  learner->EndPass();
  if (shape.micro != nullptr) shape.micro_clusters = shape.micro->EndPass();
  shape.sample = std::make_shared<const learn::Matrix>(learner->last_sample());
  if (!learner->model().empty()) Publish(learner->model(), &nearest, as_of_ms, &shape);
  TakeFeatures(seen_until_ms, shape.seen);
  return true;
}

// Customers that are only in the store count as well.
bool Learner::FeedStored(int64_t as_of_ms, learn::SegmentLearner* learner, Nearest* nearest,
                         Shape* shape) {
  bool interrupted = false;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    const Partition& partition = *slot.state;
    const Partition::Figures figures = partition.figures();
    if (interrupted || figures.customers <= figures.customers_in_memory) return;
    size_t seen = 0;
    const absl::Status status =
        store_.ForEach(store::Table::kProfile, partition.id(),
                       [&](absl::string_view id, absl::string_view record) -> absl::Status {
                         if (++seen % kWalkStep == 0 && stopping()) return absl::CancelledError();
                         if (partition.InMemory(id, profile::CustomerMap::Hash(id)))
                           return absl::OkStatus();
                         KINDRED_ASSIGN_OR_RETURN(const profile::Profile profile,
                                                  profile::Profile::Decode(record));
                         const profile::FeatureVector vector = shape->Look(profile, as_of_ms);
                         nearest->Add(id, profile, vector);
                         learner->AddBatch(vector);
                         shape->Add(vector);
                         return absl::OkStatus();
                       });
    interrupted = absl::IsCancelled(status);
    if (!status.ok() && !interrupted) {
      base::LogWarning("learner", "stored customers cannot be read", {{"error", status}});
    }
  });
  return !interrupted;
}

void Learner::Publish(const learn::SegmentModel& model, const Nearest* nearest, int64_t as_of_ms,
                      const Shape* shape) {
  auto published = std::make_shared<PublishedSegments>();
  published->model = model;
  published->as_of_ms = as_of_ms;
  if (shape != nullptr) {
    published->sample = shape->sample;
    published->micro_clusters = shape->micro_clusters;
    published->covariance = shape->covariance;
  }
  published->labels = learn::LabelSegments(model, Words());
  published->typical.resize(model.size());
  published->mean_squared_distance.resize(model.size());
  published->series.resize(model.size());
  for (size_t i = 0; nearest != nullptr && i < nearest->members.size(); ++i) {
    const size_t now = model.IndexOf(nearest->by->model.ids[i]);
    if (now == model.size()) continue;
    std::vector<Nearest::Member> members = nearest->members[i];
    std::sort(members.begin(), members.end());
    published->series[now] = nearest->series[i];
    for (Nearest::Member& member : members) {
      published->typical[now].push_back(std::move(member.id));
    }
    if (nearest->sizes[i] > 0) {
      published->mean_squared_distance[now] = nearest->squared[i] / nearest->sizes[i];
    }
  }
  inertia_.Set(model.inertia);
  absl::MutexLock lock(&mutex_);
  current_ = std::move(published);
}

void Learner::TakeFeatures(int64_t as_of_ms, const profile::FeatureHistogram& seen) {
  auto days = std::make_shared<profile::FeatureDays>(*feature_days());
  days->Take(as_of_ms, seen);
  {
    absl::MutexLock lock(&mutex_);
    feature_days_ = std::move(days);
  }
  if (as_of_ms / kSaveFeaturesMs != saved_features_ms_ / kSaveFeaturesMs) SaveFeatures();
}

absl::Status Learner::Put(absl::string_view key, absl::string_view bytes) {
  store::Checkpoint checkpoint = store_.NewCheckpoint(store::kNodeScope);
  checkpoint.Put(store::Table::kModel, key, bytes);
  return store_.Write(std::move(checkpoint));
}

void Learner::Save(const learn::SegmentModel& model) {
  if (model.empty() || model.version == saved_version_) return;
  std::string bytes;
  learn::AppendSegmentModel(model, &bytes);
  const absl::Status status = Put(kModelKey, bytes);
  if (status.ok()) {
    saved_version_ = model.version;
  } else {
    base::LogWarning("learner", "segment model could not be stored; it will be tried again",
                     {{"error", status}});
  }
}

void Learner::SaveFeatures() {
  const std::shared_ptr<const profile::FeatureDays> days = feature_days();
  if (days->as_of_ms() == saved_features_ms_) return;
  std::string bytes;
  days->Append(&bytes);
  const absl::Status status = Put(kFeaturesKey, bytes);
  if (status.ok()) {
    saved_features_ms_ = days->as_of_ms();
  } else {
    base::LogWarning("learner", "what customers are like could not be stored", {{"error", status}});
  }
}

}  // namespace kindred::node
