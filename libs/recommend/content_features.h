// What an item is, as numbers: the words and values that the catalogue has for it, hashed, and the
// vector that the catalogue brings.
//
// Features: each word of title, category, brand and long attributes (letters in lower case; of
// scripts without spaces each two neighbouring characters), and the whole value of category, brand
// and each short attribute. A feature's weight is (1 + ln n) for n occurrences (Manning, Raghavan,
// Schütze: "Introduction to Information Retrieval", 6.4.1); the index weighs it by how rare it is.
#ifndef KINDRED_RECOMMEND_CONTENT_FEATURES_H_
#define KINDRED_RECOMMEND_CONTENT_FEATURES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::recommend {

// Everything may be empty. Only read during the call that it is given to.
struct ItemContent {
  absl::string_view title = {};
  absl::string_view category = {};
  absl::string_view brand = {};
  absl::Span<const std::pair<std::string, std::string>> attributes = {};  // in any order
  absl::Span<const float> embedding = {};  // finite numbers, any length
};

struct Feature {
  uint32_t id = 0;  // a hash
  float weight = 0;
  friend bool operator==(const Feature&, const Feature&) = default;
};

// In order of id, each once; at most kMaxFeatures, of which values come before words and titles
// before the rest. Any bytes will do: what is not UTF-8 is taken as Latin-1.
inline constexpr size_t kMaxFeatures = 64;
inline constexpr size_t kMaxTextBytes = 1024;  // of one text; the rest is not looked at
std::vector<Feature> FeaturesOf(const ItemContent& content);

// The vector at length 1; one longer than kMaxEmbedding is folded to that many numbers, each the
// signed sum of those that hash there (Weinberger et al.: "Feature hashing for large scale
// multitask learning", ICML 2009), which keeps inner products in the mean. Empty if all numbers are
// 0.
inline constexpr size_t kMaxEmbedding = 128;
std::vector<float> FoldEmbedding(absl::Span<const float> embedding);

// Σ a_i b_i over ids that both have.
float InnerProduct(absl::Span<const Feature> a, absl::Span<const Feature> b);
// Of vectors of one length; 0 for different lengths.
float InnerProduct(absl::Span<const float> a, absl::Span<const float> b);
// Divides by the length; leaves a vector of length 0 alone.
void Normalise(absl::Span<Feature> features);

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_CONTENT_FEATURES_H_
