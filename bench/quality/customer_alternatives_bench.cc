// What the blend was measured against and does not have, where customers come back, on the tail of
// a log of orders, learning order by order; recall and NDCG at 20 of each order's items:
// - similar customers: the hundred whose purchases are most alike (cosine of decayed counts weighed
//   by rarity), each recommending what it bought, alone and on top of the blend;
// - popularity in the customer's categories: the share that a category has in its purchases times
//   the item's popularity, on top of the blend.
//   customer_alternatives_bench ORDERS [tail share] [every n-th query]
// ORDERS: customer, order, item, seconds since 1970 and category (may be empty), divided by tabs,
// in order of time. Formulas: H. Hu, X. He, J. Gao, Z.-L. Zhang, "Modeling personalized item
// frequency information for next-basket recommendation", SIGIR 2020 (neighbours' decayed
// frequencies).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

using Scores = absl::flat_hash_map<uint32_t, double>;

constexpr size_t kRecent = 20, kOwned = 256, kNeighbours = 100;
constexpr double kHalfLifeMs = 90 * 86'400'000.0;

struct Line {
  uint32_t customer, order, item, category;
  int64_t time_ms;
};

class Numbers {
 public:
  uint32_t Of(absl::string_view name) {
    return numbers_.try_emplace(name, static_cast<uint32_t>(numbers_.size() + 1)).first->second;
  }

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
};

std::vector<Line> Read(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  Numbers customers, orders, items, categories;
  std::vector<Line> lines;
  while (std::getline(file, text)) {
    const std::vector<absl::string_view> parts = absl::StrSplit(text, '\t');
    double seconds = 0;
    if (parts.size() < 4 || !absl::SimpleAtod(parts[3], &seconds)) continue;
    lines.push_back({customers.Of(parts[0]), orders.Of(parts[1]), items.Of(parts[2]),
                     categories.Of(parts.size() > 4 ? parts[4] : ""),
                     std::llround(seconds * 1000)});
  }
  return lines;
}

struct Customer {
  std::vector<Touch> recent;     // newest first
  std::vector<OwnedItem> owned;  // newest first
  Scores bought;                 // forward-decayed counts
};

class Shop {
 public:
  Shop() : table_(std::make_shared<PairTable>(PartitionId(0), PairOptions(), &index_)) {
    index_.Attach(table_);
  }

  Customer& Of(uint32_t customer) { return customers_[customer]; }

  void Learn(const Line& line) {
    Customer& customer = customers_[line.customer];
    const Touch touch{ItemId(line.item), Interaction::kPurchase, line.time_ms};
    table_->AddEvent(touch, customer.recent);
    customer.recent.insert(customer.recent.begin(), touch);
    if (customer.recent.size() > kRecent) customer.recent.pop_back();
    OwnedItem owned{touch.item, 1, line.time_ms};
    for (auto known = customer.owned.begin(); known != customer.owned.end(); ++known) {
      if (known->item != touch.item) continue;
      owned.orders += known->orders;
      customer.owned.erase(known);
      break;
    }
    customer.owned.insert(customer.owned.begin(), owned);
    if (customer.owned.size() > kOwned) customer.owned.pop_back();
    if (base_ms_ == 0) base_ms_ = line.time_ms;
    customer.bought[line.item] +=
        std::exp2(static_cast<double>(line.time_ms - base_ms_) / kHalfLifeMs);
    holders_[line.item].insert(line.customer);
    category_[line.item] = line.category;
  }

  const Answer& Blend(const Customer& customer, int64_t now_ms) {
    recommender_.Recommend(
        {.now_ms = now_ms, .count = 500, .recent = customer.recent, .purchased = customer.owned},
        index_, &answer_);
    return answer_;
  }

  Scores SimilarCustomers(uint32_t self) {
    const Customer& customer = customers_[self];
    Scores common;
    for (const auto& [item, count] : customer.bought) {
      const double weight = std::log1p(count) * Rarity(item);
      for (const uint32_t other : holders_[item]) {
        if (other == self) continue;
        common[other] += weight * std::log1p(customers_[other].bought[item]) * Rarity(item);
      }
    }
    std::vector<std::pair<double, uint32_t>> nearest;
    for (const auto& [other, sum] : common) {
      nearest.emplace_back(sum / Length(customers_[other]), other);
    }
    const size_t kept = std::min(kNeighbours, nearest.size());
    std::partial_sort(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(kept),
                      nearest.end(), std::greater<>());
    nearest.resize(kept);
    Scores scores;
    for (const auto& [similarity, other] : nearest) {
      for (const auto& [item, count] : customers_[other].bought) {
        scores[item] += similarity * std::log1p(count);
      }
    }
    return scores;
  }

  Scores OwnCategories(const Customer& customer, int64_t now_ms) {
    Scores shares;
    double all = 0;
    for (const auto& [item, count] : customer.bought) {
      shares[category_[item]] += count;
      all += count;
    }
    Scores scores;
    for (const auto& [item, category] : category_) {
      const auto share = shares.find(category);
      if (share == shares.end()) continue;
      scores[item] = share->second / all * index_.Popularity(ItemId(item), now_ms);
    }
    return scores;
  }

 private:
  double Rarity(uint32_t item) {
    return std::log1p(static_cast<double>(customers_.size()) /
                      static_cast<double>(holders_[item].size()));
  }
  double Length(const Customer& customer) {
    double sum = 0;
    for (const auto& [item, count] : customer.bought) {
      sum += std::pow(std::log1p(count) * Rarity(item), 2);
    }
    return std::sqrt(sum);
  }

  ItemIndex index_;
  std::shared_ptr<PairTable> table_;
  Recommender recommender_;
  Answer answer_;
  absl::flat_hash_map<uint32_t, Customer> customers_;
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<uint32_t>> holders_;
  absl::flat_hash_map<uint32_t, uint32_t> category_;
  int64_t base_ms_ = 0;
};

struct Sums {
  double recall = 0, ndcg = 0;
  void Add(const Scores& scores, const absl::flat_hash_set<uint32_t>& targets) {
    std::vector<std::pair<double, uint32_t>> ranked;
    for (const auto& [item, score] : scores) ranked.emplace_back(-score, item);
    const size_t kept = std::min<size_t>(20, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(kept),
                      ranked.end());
    double found = 0, gain = 0, ideal = 0;
    for (size_t i = 0; i < kept; ++i) {
      if (!targets.contains(ranked[i].second)) continue;
      found += 1;
      gain += 1 / std::log2(static_cast<double>(i) + 2);
    }
    for (size_t i = 0; i < std::min<size_t>(20, targets.size()); ++i) {
      ideal += 1 / std::log2(static_cast<double>(i) + 2);
    }
    recall += found / static_cast<double>(targets.size());
    ndcg += gain / ideal;
  }
};

void AddScaled(const Scores& from, double weight, Scores* to) {
  double largest = 1e-12;
  for (const auto& [item, score] : from) largest = std::max(largest, score);
  for (const auto& [item, score] : from) (*to)[item] += weight * score / largest;
}

int Run(const std::string& path, double tail, uint64_t every) {
  const std::vector<Line> lines = Read(path);
  Shop shop;
  constexpr std::array<double, 6> kWeights = {0, 0.05, 0.1, 0.2, 0.5, 1};
  std::array<Sums, kWeights.size()> with_customers, with_categories;
  Sums alone;
  double queries = 0;
  uint64_t asked = 0;
  const auto cut = static_cast<size_t>((1 - tail) * static_cast<double>(lines.size()));
  for (size_t i = 0, end = 0; i < lines.size(); i = end) {
    absl::flat_hash_set<uint32_t> targets;
    for (end = i; end < lines.size() && lines[end].order == lines[i].order &&
                  lines[end].customer == lines[i].customer;
         ++end) {
      targets.insert(lines[end].item);
    }
    const Customer& customer = shop.Of(lines[i].customer);
    if (i >= cut && !customer.recent.empty() && asked++ % every == 0) {
      queries += 1;
      Scores blend;
      for (const RankedItem& ranked : shop.Blend(customer, lines[i].time_ms).items) {
        blend[ranked.item.value()] = ranked.score;
      }
      const Scores customers = shop.SimilarCustomers(lines[i].customer);
      const Scores categories = shop.OwnCategories(customer, lines[i].time_ms);
      alone.Add(customers, targets);
      for (size_t w = 0; w < kWeights.size(); ++w) {
        Scores mixed = blend;
        AddScaled(customers, kWeights[w], &mixed);
        with_customers[w].Add(mixed, targets);
        mixed = blend;
        AddScaled(categories, kWeights[w], &mixed);
        with_categories[w].Add(mixed, targets);
      }
    }
    for (size_t j = i; j < end; ++j) shop.Learn(lines[j]);
  }
  const auto print = [&](const std::string& what, const Sums& sums) {
    std::printf("%-36s recall@20 %.2f  NDCG@20 %.2f\n", what.c_str(), 100 * sums.recall / queries,
                100 * sums.ndcg / queries);
  };
  for (size_t w = 0; w < kWeights.size(); ++w) {
    print(absl::StrCat("blend + ", kWeights[w], " similar customers"), with_customers[w]);
  }
  for (size_t w = 1; w < kWeights.size(); ++w) {
    print(absl::StrCat("blend + ", kWeights[w], " own categories"), with_categories[w]);
  }
  print("similar customers alone", alone);
  std::printf("%.0f queries\n", queries);
  return 0;
}

}  // namespace
}  // namespace kindred::recommend

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "customer_alternatives_bench ORDERS [tail share] [every n-th]\n");
    return 2;
  }
  const auto number = [&](int i, double otherwise) {
    return argc > i ? std::strtod(argv[i], nullptr) : otherwise;
  };
  return kindred::recommend::Run(argv[1], number(2, 0.15),
                                 static_cast<uint64_t>(std::max(number(3, 4), 1.0)));
}
