// What the blend of pair tables was measured against and does not have, on the tail of training
// sessions, learning session by session; hit rate and MRR at 20:
// - a session index (VMIS-kNN, scored as VSTAN) alone and on top of the blend;
// - weights of the sources learned online from what came next, by gradient (AdaGrad on their
//   logarithms): of the likelihood of the next item, or of LambdaRank's pairs weighted with the
//   change of NDCG.
//   blend_alternatives_bench SESSIONS [tail share] [every n-th query] [idf]
// SESSIONS: one a line, items separated by spaces, plain text.
// Formulas: M. Ludewig and D. Jannach's vstan in session-rec; B. Kersbergen, O. Sprangers and
// S. Schelter, "Serenade", SIGMOD 2022 (the newest m sessions of an item).
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "recommend/evaluate.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

using Scores = absl::flat_hash_map<uint32_t, double>;

// All sessions seen, and for each item the sessions that hold it.
class SessionIndex {
 public:
  SessionIndex(double idf, double fade) : idf_(idf), fade_(fade) {}

  void Add(const Session& session) {
    Session distinct = session;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (uint32_t item : distinct) {
      holders_[item].push_back(static_cast<uint32_t>(sessions_.size()));
    }
    sessions_.push_back(session);
  }

  Scores Score(const Session& prefix) const {
    absl::flat_hash_map<uint32_t, double> place;  // last place of each item, 1 = oldest
    for (size_t i = 0; i < prefix.size(); ++i) place[prefix[i]] = static_cast<double>(i + 1);
    const double length = static_cast<double>(prefix.size());
    double norm = 0;
    for (const auto& [item, at] : place) norm += std::exp(2 * (at - length) / kPlaceReach);
    Scores scores;
    for (const auto& [similarity, id] : Nearest(place, length, std::sqrt(norm))) {
      const Session& session = sessions_[id];
      size_t shared = session.size();  // last place that the prefix has too
      while (shared > 0 && !place.contains(session[shared - 1])) --shared;
      if (shared == 0) continue;
      const double weight =
          similarity * std::exp((place.at(session[shared - 1]) - length) / kPlaceWeightReach);
      for (size_t i = session.size(); i-- > 0;) {
        const uint32_t item = session[i];
        if (std::find(session.begin() + i + 1, session.end(), item) != session.end()) continue;
        const double distance = std::abs(static_cast<double>(i + 1) - static_cast<double>(shared));
        const double rarity = std::log(static_cast<double>(sessions_.size()) /
                                       static_cast<double>(holders_.at(item).size()));
        scores[item] += weight * std::exp(-distance / kDistanceReach) * (1 + idf_ * rarity);
      }
    }
    return scores;
  }

 private:
  static constexpr size_t kNeighbours = 500, kNewest = 2500;
  static constexpr double kPlaceReach = 5, kPlaceWeightReach = 4, kDistanceReach = 4;

  std::vector<std::pair<double, uint32_t>> Nearest(
      const absl::flat_hash_map<uint32_t, double>& place, double length, double norm) const {
    std::vector<uint32_t> ids;
    for (const auto& [item, at] : place) {
      const auto found = holders_.find(item);
      if (found == holders_.end()) continue;
      const std::vector<uint32_t>& all = found->second;
      ids.insert(ids.end(), all.end() - std::min(all.size(), kNewest), all.end());
    }
    std::sort(ids.begin(), ids.end(), std::greater<>());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (ids.size() > kNewest) ids.resize(kNewest);
    std::vector<std::pair<double, uint32_t>> nearest;
    for (uint32_t id : ids) {
      Session distinct = sessions_[id];
      std::sort(distinct.begin(), distinct.end());
      distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
      double common = 0;
      for (uint32_t item : distinct) {
        const auto found = place.find(item);
        if (found != place.end()) common += std::exp((found->second - length) / kPlaceReach);
      }
      const double age = static_cast<double>(sessions_.size() - id);
      nearest.emplace_back(common / (norm * std::sqrt(static_cast<double>(distinct.size()))) *
                               std::exp(-age / fade_),
                           id);
    }
    std::sort(nearest.begin(), nearest.end(), std::greater<>());
    if (nearest.size() > kNeighbours) nearest.resize(kNeighbours);
    return nearest;
  }

  const double idf_, fade_;  // fade in sessions
  std::vector<Session> sessions_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> holders_;
};

struct Sums {
  double hits = 0, reciprocal = 0;
  void Add(double rank) {
    if (rank < 1 || rank > 20) return;
    hits += 1;
    reciprocal += 1 / rank;
  }
};

// Mean rank among equals of the target's score; 0 if it has none.
double RankOf(const Scores& scores, uint32_t target) {
  const auto found = scores.find(target);
  if (found == scores.end() || found->second <= 0) return 0;
  double rank = 0.5;
  for (const auto& [item, score] : scores) {
    if (score > found->second) rank += 1;
    if (score == found->second) rank += 0.5;
  }
  return rank;
}

// Learned weights of the sources, as factors of the blend's own; the first query is answered with
// the blend's.
class LearnedWeights {
 public:
  explicit LearnedWeights(bool pairs) : pairs_(pairs) {}

  // Ranks with the present weights, then learns from the target.
  double RankThenLearn(const Answer& answer, uint32_t target) {
    parts_.clear();
    size_t at = answer.items.size();
    for (const RankedItem& ranked : answer.items) {
      Parts parts{};
      for (const Contribution& part : answer.ContributionsOf(ranked)) {
        const size_t source = static_cast<size_t>(part.source);
        parts[source] += std::exp(logs_[source]) * part.amount;
      }
      if (ranked.item.value() == target) at = parts_.size();
      parts_.push_back(parts);
    }
    if (at == parts_.size()) return 0;
    scores_.clear();
    for (const Parts& parts : parts_) {
      double score = 0;
      for (double part : parts) score += part;
      scores_.push_back(score);
    }
    double rank = 0.5;
    for (double score : scores_) {
      rank += score > scores_[at] ? 1 : score == scores_[at] ? 0.5 : 0;
    }
    const Parts gradient = pairs_ ? PairGradient(at) : LikelihoodGradient(at);
    for (int s = 0; s < kSources; ++s) {
      squares_[s] += gradient[s] * gradient[s];
      logs_[s] += kRate * gradient[s] / std::sqrt(squares_[s] + 1);
    }
    return rank;
  }

 private:
  using Parts = std::array<double, kSources>;  // of a score, by source
  static constexpr double kSharpness = 8, kRate = 0.05;
  static constexpr size_t kPairs = 40;

  Parts LikelihoodGradient(size_t at) const {
    const double largest = *std::max_element(scores_.begin(), scores_.end());
    Parts expected{}, gradient{};
    double sum = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const double chance = std::exp(kSharpness * (scores_[i] - largest));
      sum += chance;
      for (int s = 0; s < kSources; ++s) expected[s] += chance * parts_[i][s];
    }
    for (int s = 0; s < kSources; ++s) {
      gradient[s] = kSharpness * (parts_[at][s] - expected[s] / sum);
    }
    return gradient;
  }

  Parts PairGradient(size_t at) const {
    std::vector<size_t> order(scores_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [this](size_t a, size_t b) { return scores_[a] > scores_[b]; });
    const auto gain = [](size_t place) {
      return place >= 20 ? 0.0 : 1 / std::log2(static_cast<double>(place) + 2);
    };
    const size_t own =
        static_cast<size_t>(std::find(order.begin(), order.end(), at) - order.begin());
    Parts gradient{};
    for (size_t place = 0; place < std::min(order.size(), kPairs); ++place) {
      const size_t other = order[place];
      if (other == at) continue;
      const double weight = std::abs(gain(own) - gain(place)) * kSharpness /
                            (1 + std::exp(kSharpness * (scores_[at] - scores_[other])));
      for (int s = 0; s < kSources; ++s) {
        gradient[s] += weight * (parts_[at][s] - parts_[other][s]);
      }
    }
    return gradient;
  }

  const bool pairs_;
  Parts logs_{}, squares_{};
  std::vector<Parts> parts_;
  std::vector<double> scores_;
};

std::vector<Session> Read(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  absl::flat_hash_map<std::string, uint32_t> numbers;
  std::vector<Session> sessions;
  while (std::getline(file, line)) {
    Session session;
    for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      session.push_back(
          numbers.try_emplace(word, static_cast<uint32_t>(numbers.size() + 1)).first->second);
    }
    if (!session.empty()) sessions.push_back(std::move(session));
  }
  return sessions;
}

void Print(const std::string& what, const Sums& sums, double queries) {
  std::printf("%-32s P@20 %.2f  MRR@20 %.2f\n", what.c_str(), 100 * sums.hits / queries,
              100 * sums.reciprocal / queries);
}

int Run(const std::string& path, double tail, uint64_t every, double idf) {
  const std::vector<Session> sessions = Read(path);
  ItemIndex items;
  auto table = std::make_shared<PairTable>(PartitionId(0), PairOptions(), &items);
  items.Attach(table);
  SessionIndex index(idf, 0.5 * static_cast<double>(sessions.size()));
  int64_t now_ms = 0;
  const auto learn = [&](const Session& session) {
    std::vector<Touch> recent;
    for (uint32_t item : session) {
      const Touch touch{.item = ItemId(item), .time_ms = now_ms};
      table->AddEvent(touch, recent);
      recent.insert(recent.begin(), touch);
    }
    index.Add(session);
    now_ms += 60'000;
  };
  constexpr std::array<double, 6> kWeights = {0, 0.1, 0.2, 0.3, 0.5, 1};
  std::array<Sums, kWeights.size()> mixed;
  Sums alone, by_likelihood, by_pairs;
  LearnedWeights likelihood(/*pairs=*/false), pairs(/*pairs=*/true);
  uint64_t asked = 0, queries = 0;
  double micros = 0;
  const size_t cut = static_cast<size_t>((1 - tail) * static_cast<double>(sessions.size()));
  const Recommender recommender;
  Answer answer;
  for (size_t i = 0; i < cut; ++i) learn(sessions[i]);
  for (size_t i = cut; i < sessions.size(); ++i) {
    const Session& session = sessions[i];
    for (size_t length = 1; length < session.size(); ++length) {
      if (asked++ % every != 0) continue;
      ++queries;
      const Session prefix(session.begin(), session.begin() + length);
      std::vector<Touch> recent;
      for (size_t j = length; j-- > 0 && recent.size() < 20;) {
        recent.push_back({.item = ItemId(prefix[j]), .time_ms = now_ms});
      }
      recommender.Recommend({.now_ms = now_ms, .count = 500, .recent = recent}, items, &answer);
      by_likelihood.Add(likelihood.RankThenLearn(answer, session[length]));
      by_pairs.Add(pairs.RankThenLearn(answer, session[length]));
      const auto start = std::chrono::steady_clock::now();
      Scores neighbours = index.Score(prefix);
      micros += std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
                    .count();
      alone.Add(RankOf(neighbours, session[length]));
      double largest = 1e-12;
      for (const auto& [item, score] : neighbours) largest = std::max(largest, score);
      for (size_t w = 0; w < kWeights.size(); ++w) {
        Scores scores;
        for (const RankedItem& ranked : answer.items) scores[ranked.item.value()] = ranked.score;
        for (const auto& [item, score] : neighbours) {
          scores[item] += kWeights[w] * score / largest;
        }
        mixed[w].Add(RankOf(scores, session[length]));
      }
    }
    learn(session);
  }
  const double n = static_cast<double>(std::max<uint64_t>(queries, 1));
  for (size_t w = 0; w < kWeights.size(); ++w) {
    Print(absl::StrCat("blend + ", kWeights[w], " session index"), mixed[w], n);
  }
  Print("weights by likelihood", by_likelihood, n);
  Print("weights by pairs", by_pairs, n);
  Print("session index alone", alone, n);
  std::printf("session index: %.0f µs a query; %.0f queries\n", micros / n, n);
  return 0;
}

}  // namespace
}  // namespace kindred::recommend

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "blend_alternatives_bench SESSIONS [tail share] [every n-th] [idf]\n");
    return 2;
  }
  const auto number = [&](int i, double otherwise) {
    return argc > i ? std::strtod(argv[i], nullptr) : otherwise;
  };
  return kindred::recommend::Run(argv[1], number(2, 0.1),
                                 static_cast<uint64_t>(std::max(number(3, 20), 1.0)), number(4, 5));
}
