// simulation [--seeds N] [--first S]   N seeds from S on (2000 from 1); stops at a difference
// simulation --seed S [--defect D]     one seed, every step printed
// simulation --defects                 every seeded defect must be caught within 500 seeds
//
// Exit code 0: no difference (with --defects: all caught). 1: a difference. 2: wrong arguments.
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "simulation/simulation.h"

namespace kindred::simulation {
namespace {

constexpr uint64_t kSeedsToCatch = 500;

struct Arguments {
  uint64_t seeds = 2000;
  uint64_t first = 1;
  std::optional<uint64_t> seed;
  Defect defect = Defect::kNone;
  bool defects = false;
};

std::optional<Arguments> Read(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view name = argv[i];
    if (name == "--defects") {
      arguments.defects = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    const absl::string_view value = argv[i];
    uint64_t number = 0;
    if (name == "--defect") {
      for (const Defect defect : kDefects) {
        if (value == DefectName(defect)) arguments.defect = defect;
      }
      if (arguments.defect == Defect::kNone) return std::nullopt;
    } else if (!absl::SimpleAtoi(value, &number)) {
      return std::nullopt;
    } else if (name == "--seeds") {
      arguments.seeds = number;
    } else if (name == "--first") {
      arguments.first = number;
    } else if (name == "--seed") {
      arguments.seed = number;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

int RunSeeds(uint64_t first, uint64_t seeds) {
  const auto start = std::chrono::steady_clock::now();
  Outcome total;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const Outcome outcome = Simulate(seed, Defect::kNone, /*trace=*/false);
    if (!outcome.difference.empty()) {
      std::printf("seed %llu: %s\nrepeat it with: tests/simulation/run --seed %llu\n",
                  static_cast<unsigned long long>(seed), outcome.difference.c_str(),
                  static_cast<unsigned long long>(seed));
      return 1;
    }
    total.records += outcome.records;
    total.crashes += outcome.crashes;
    total.rebalances += outcome.rebalances;
    total.disk_faults += outcome.disk_faults;
    total.checkpoints += outcome.checkpoints;
    if ((seed - first + 1) % 1000 == 0) {
      std::printf("%llu seeds\n", static_cast<unsigned long long>(seed - first + 1));
      std::fflush(stdout);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf(
      "%llu seeds without a difference in %.1f s: %lld records, %lld crashes, %lld rebalances, "
      "%lld disk faults, %lld checkpoints\n",
      static_cast<unsigned long long>(seeds), took.count(), static_cast<long long>(total.records),
      static_cast<long long>(total.crashes), static_cast<long long>(total.rebalances),
      static_cast<long long>(total.disk_faults), static_cast<long long>(total.checkpoints));
  return 0;
}

int RunOne(uint64_t seed, Defect defect) {
  const Outcome outcome = Simulate(seed, defect, /*trace=*/true);
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
              outcome.difference.empty() ? "no difference" : outcome.difference.c_str());
  return outcome.difference.empty() ? 0 : 1;
}

// The comparison must be seen to fail.
int RunDefects() {
  int missed = 0;
  for (const Defect defect : kDefects) {
    uint64_t seed = 1;
    Outcome outcome;
    for (; seed <= kSeedsToCatch; ++seed) {
      outcome = Simulate(seed, defect, /*trace=*/false);
      if (!outcome.difference.empty()) break;
    }
    const std::string name(DefectName(defect));
    if (outcome.difference.empty()) {
      ++missed;
      std::printf("%s: NOT caught within %llu seeds\n", name.c_str(),
                  static_cast<unsigned long long>(kSeedsToCatch));
    } else {
      std::printf("%s: caught by seed %llu: %s\n", name.c_str(),
                  static_cast<unsigned long long>(seed), outcome.difference.c_str());
    }
  }
  return missed == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  const std::optional<Arguments> arguments = Read(argc, argv);
  if (!arguments.has_value()) {
    std::fprintf(stderr,
                 "usage: simulation [--seeds N] [--first S] | --seed S [--defect NAME] | "
                 "--defects\n");
    return 2;
  }
  base::SetLogSink([](absl::string_view) {});  // failing disks are wanted here
  if (arguments->defects) return RunDefects();
  if (arguments->seed.has_value()) return RunOne(*arguments->seed, arguments->defect);
  return RunSeeds(arguments->first, arguments->seeds);
}

}  // namespace
}  // namespace kindred::simulation

int main(int argc, char** argv) { return kindred::simulation::Main(argc, argv); }
