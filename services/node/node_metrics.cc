#include "node/node_metrics.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "node/live_serving.h"
#include "node/version.h"

namespace kindred::node {
namespace {

using ::kindred::telemetry::MetricKind;
using ::kindred::telemetry::Registry;
using ::kindred::telemetry::Sample;
using Collectors = std::vector<std::unique_ptr<Registry::Collector>>;

clean::QualityCounts SumQuality(const PartitionSet& partitions) {
  clean::QualityCounts sum;
  partitions.ForEach([&sum](const PartitionSlot& slot) { sum += slot.state->figures().quality; });
  return sum;
}

std::vector<Sample> PerPartition(const PartitionSet& partitions,
                                 const std::function<double(const PartitionSlot&)>& value) {
  std::vector<Sample> samples;
  partitions.ForEach([&](const PartitionSlot& slot) {
    samples.push_back({{{"partition", absl::StrCat(slot.state->id().value())}}, value(slot)});
  });
  return samples;
}

template <typename Counts, typename NameOf>
std::vector<Sample> Named(const Counts& counts, const char* label, NameOf name_of) {
  std::vector<Sample> samples;
  for (size_t i = 0; i < counts.size(); ++i) {
    samples.push_back({{{label, std::string(name_of(i))}}, static_cast<double>(counts[i])});
  }
  return samples;
}

void AddQuality(Registry* registry, const PartitionSet* partitions, Collectors* out) {
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_total", "Events by what became of them.", [partitions] {
        const clean::QualityCounts sum = SumQuality(*partitions);
        return std::vector<Sample>{
            {{{"outcome", "accepted"}}, static_cast<double>(sum.accepted)},
            {{{"outcome", "duplicate"}}, static_cast<double>(sum.duplicates)},
            {{{"outcome", "rejected"}}, static_cast<double>(sum.rejected_total())}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_rejected_total",
      "Events sent to the dead-letter topic, by reason.", [partitions] {
        const clean::QualityCounts sum = SumQuality(*partitions);
        std::vector<Sample> samples = Named(sum.rejected, "reason", [](size_t i) {
          return clean::RejectReasonName(static_cast<clean::RejectReason>(i));
        });
        for (size_t i = 1; i < sum.decode_failures.size(); ++i) {
          const auto failure = static_cast<event::DecodeFailure>(i);
          samples.push_back({{{"reason", std::string(event::DecodeFailureName(failure))}},
                             static_cast<double>(sum.decode_failures[i])});
        }
        return samples;
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_corrected_total", "Corrections made, by kind.",
      [partitions] {
        return Named(SumQuality(*partitions).corrected, "kind", [](size_t i) {
          return clean::CorrectionName(static_cast<clean::Correction>(1u << i));
        });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_flagged_total",
      "Accepted events that are remarkable (late, outliers), by kind.", [partitions] {
        return Named(SumQuality(*partitions).flagged, "kind",
                     [](size_t i) { return clean::FlagName(static_cast<clean::Flag>(1u << i)); });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_missing_field_total",
      "Accepted events that lacked a field, by field.", [partitions] {
        return Named(SumQuality(*partitions).missing, "field", [](size_t i) {
          return clean::MissingFieldName(static_cast<clean::MissingField>(i));
        });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_events_accepted_by_type_total", "Accepted events by type.",
      [partitions] {
        return Named(SumQuality(*partitions).accepted_by_type, "type", [](size_t i) {
          return event::EventTypeName(static_cast<event::EventType>(i));
        });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_stray_records_total",
      "Events whose customer belongs to another partition; applied all the same.", [partitions] {
        return std::vector<Sample>{
            {{}, static_cast<double>(SumQuality(*partitions).stray_records)}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_skipped_offsets_total",
      "Offsets that the log left out (transaction markers, compaction).", [partitions] {
        return std::vector<Sample>{
            {{}, static_cast<double>(SumQuality(*partitions).skipped_offsets)}};
      }));
}

void AddPositions(Registry* registry, const PartitionSet* partitions, Collectors* out) {
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_ingest_lag_records", "Records of the log not applied yet.",
      [partitions] {
        return PerPartition(*partitions, [](const PartitionSlot& slot) {
          return static_cast<double>(
              std::max<int64_t>(0, slot.end_offset.load() - slot.state->next_offset().value()));
        });
      }));
  out->push_back(
      registry->AddCollector(MetricKind::kGauge, "kindred_partition_stored_offset",
                             "First offset not in a checkpoint.", [partitions] {
                               return PerPartition(*partitions, [](const PartitionSlot& slot) {
                                 return static_cast<double>(slot.state->stored_offset().value());
                               });
                             }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_partition_ready",
      "1 when the partition's customers are answered for, else 0.", [partitions] {
        return PerPartition(*partitions, [partitions](const PartitionSlot& slot) {
          return partitions->Ready(slot.state->id()).ok() ? 1.0 : 0.0;
        });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_partition_halted",
      "1 when the partition is halted because nearly all of its records were rejected, else 0.",
      [partitions] {
        return PerPartition(*partitions, [](const PartitionSlot& slot) {
          return slot.state->halted() ? 1.0 : 0.0;
        });
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_dedup_window_seconds",
      "Window of arrival in which copies are found now.", [partitions] {
        return PerPartition(*partitions, [](const PartitionSlot& slot) {
          return static_cast<double>(slot.state->figures().dedup_window_ms) / 1000.0;
        });
      }));
  out->push_back(
      registry->AddCollector(MetricKind::kGauge, "kindred_outbox_pending",
                             "Dead letters waiting for the brokers.", [partitions] {
                               return PerPartition(*partitions, [](const PartitionSlot& slot) {
                                 return static_cast<double>(slot.state->figures().outbox_pending);
                               });
                             }));
}

void AddMemory(Registry* registry, const SharedState* shared, const PartitionSet* partitions,
               Collectors* out) {
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_memory_bytes", "Memory held, by part.", [shared, partitions] {
        double profiles = 0;
        double dedup = 0;
        double relations = 0;
        double series = 0;
        double samples = 0;
        double quality = 0;
        partitions->ForEach([&](const PartitionSlot& slot) {
          const Partition::Figures figures = slot.state->figures();
          profiles += static_cast<double>(figures.profile_bytes);
          dedup += static_cast<double>(figures.dedup_bytes);
          relations += static_cast<double>(figures.relation_bytes);
          const Partition::WalkedBytes walked = slot.state->walked_bytes();
          series += static_cast<double>(walked.series);
          samples += static_cast<double>(walked.sample);
          quality += static_cast<double>(walked.quality);
        });
        const size_t names =
            shared->items.names().memory_bytes() + shared->terms.names().memory_bytes();
        return std::vector<Sample>{
            {{{"part", "profiles"}}, profiles},
            {{{"part", "dedup"}}, dedup},
            {{{"part", "relations"}}, relations},
            {{{"part", "series"}}, series},
            {{{"part", "samples"}}, samples},
            {{{"part", "quality"}}, quality},
            {{{"part", "names"}}, static_cast<double>(names)},
            {{{"part", "items"}}, static_cast<double>(shared->index.memory_bytes())},
            {{{"part", "content"}}, static_cast<double>(shared->content.memory_bytes())},
            {{{"part", "process"}}, static_cast<double>(ResidentBytes())}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_customers", "Customers with a profile.", [partitions] {
        return std::vector<Sample>{{{}, static_cast<double>(partitions->customers())}};
      }));
  out->push_back(
      registry->AddCollector(MetricKind::kGauge, "kindred_items", "Items known.", [shared] {
        return std::vector<Sample>{{{}, static_cast<double>(shared->index.item_count())}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_content_refused_total",
      "Items of the catalogue that are not compared with others: recommend.content_items are.",
      [shared] {
        return std::vector<Sample>{{{}, static_cast<double>(shared->content.refused())}};
      }));
}

void AddStore(Registry* registry, const store::Store* store, const Checkpointer* checkpointer,
              const Ingest* ingest, Collectors* out) {
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_store_bytes", "Bytes of the store, by part.", [store] {
        const store::StoreStats stats = store->Stats();
        return std::vector<Sample>{
            {{{"part", "files"}}, static_cast<double>(stats.file_bytes)},
            {{{"part", "log"}}, static_cast<double>(stats.log_bytes)},
            {{{"part", "write_buffers"}}, static_cast<double>(stats.write_buffer_bytes)},
            {{{"part", "block_cache"}}, static_cast<double>(stats.block_cache_bytes)},
            {{{"part", "pending_compaction"}},
             static_cast<double>(stats.pending_compaction_bytes)}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_disk_free_bytes", "Free space where the store is.", [store] {
        return std::vector<Sample>{{{}, static_cast<double>(store->Stats().disk_free_bytes)}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_store_background_errors_total",
      "Errors of the store's background work.", [store] {
        return std::vector<Sample>{{{}, static_cast<double>(store->Stats().background_errors)}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_checkpoint_age_seconds",
      "Since the last checkpoint was written; grows while nothing changes.", [checkpointer] {
        const absl::Time last = checkpointer->last_written();
        return std::vector<Sample>{
            {{}, last == absl::UnixEpoch() ? 0 : absl::ToDoubleSeconds(absl::Now() - last)}};
      }));
  out->push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_ingest_paused",
      "1 while ingest waits for workers or the disk, by cause.", [ingest] {
        return std::vector<Sample>{{{{"cause", "any"}}, ingest->paused() ? 1.0 : 0.0},
                                   {{{"cause", "disk"}}, ingest->DiskLags() ? 1.0 : 0.0}};
      }));
}

void AddAttribution(Registry* registry, const PartitionSet* partitions, Collectors* out) {
  const auto add = [&](MetricKind kind, const char* name, const char* help,
                       int64_t AttributionCounts::*field, double unit) {
    out->push_back(registry->AddCollector(kind, name, help, [partitions, field, unit] {
      std::map<AttributionCell, AttributionCounts> sums;
      partitions->ForEach([&sums](const PartitionSlot& slot) {
        for (const auto& [cell, counts] : slot.state->attribution()) sums[cell] += counts;
      });
      std::vector<Sample> samples;
      for (const auto& [cell, counts] : sums) {
        std::string source = "unspecified";
        if (v1::Source_IsValid(cell.source) && cell.source != 0) {
          source = absl::AsciiStrToLower(
              absl::StripPrefix(v1::Source_Name(static_cast<v1::Source>(cell.source)), "SOURCE_"));
        }
        samples.push_back({{{"variant", cell.variant},
                            {"placement", cell.placement},
                            {"source", std::move(source)}},
                           static_cast<double>(counts.*field) / unit});
      }
      return samples;
    }));
  };
  constexpr MetricKind kCounter = MetricKind::kCounter;
  add(kCounter, "kindred_recommendation_impressions_total", "Recommended items shown.",
      &AttributionCounts::impressions, 1);
  add(kCounter, "kindred_recommendation_clicks_total", "Recommended items clicked.",
      &AttributionCounts::clicks, 1);
  add(kCounter, "kindred_recommendation_converted_clicks_total", "Clicks that a purchase followed.",
      &AttributionCounts::converted, 1);
  add(kCounter, "kindred_recommendation_purchases_total",
      "Purchase lines that recommendations led to.", &AttributionCounts::purchases, 1);
  // Refunds take from it.
  add(MetricKind::kGauge, "kindred_recommendation_revenue",
      "What those purchases brought less what was refunded, in the default currency.",
      &AttributionCounts::revenue_micros, profile::kMicros);
}

}  // namespace

Collectors AddNodeCollectors(Registry* registry, const SharedState* shared,
                             const PartitionSet* partitions, const store::Store* store,
                             const Checkpointer* checkpointer, const Ingest* ingest,
                             const Learner* learner) {
  Collectors collectors;
  AddQuality(registry, partitions, &collectors);
  AddPositions(registry, partitions, &collectors);
  AddMemory(registry, shared, partitions, &collectors);
  AddAttribution(registry, partitions, &collectors);
  AddStore(registry, store, checkpointer, ingest, &collectors);
  collectors.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_segment_customers", "Customers by segment at the last walk.",
      [learner] {
        std::vector<Sample> samples;
        const auto segments = learner->Current();
        if (segments == nullptr) return samples;
        for (size_t i = 0; i < segments->model.size(); ++i) {
          samples.push_back(
              {{{"segment", absl::StrCat(segments->model.ids[i])}}, segments->model.sizes[i]});
        }
        return samples;
      }));
  collectors.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_build_info", "1, with the version as label.", [] {
        return std::vector<Sample>{{{{"version", std::string(kVersion)}}, 1}};
      }));
  return collectors;
}

}  // namespace kindred::node
