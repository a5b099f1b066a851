#include "recommend/content_features.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "base/hash.h"

namespace kindred::recommend {
namespace {

constexpr uint64_t kSeed = 0x636f6e74656e74;
constexpr size_t kMaxShortValue = 48;  // bytes; longer attributes are text

// One character from the front of `text`; a byte that begins no UTF-8 sequence is itself.
uint32_t TakeCharacter(absl::string_view* text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>((*text)[i]); };
  const uint32_t first = byte(0);
  const size_t length = first < 0xC2   ? 1
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 1;
  uint32_t character = length == 1 ? first : first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i >= text->size() || (byte(i) & 0xC0u) != 0x80) {
      text->remove_prefix(1);
      return first;
    }
    character = character << 6 | (byte(i) & 0x3Fu);
  }
  text->remove_prefix(length);
  return character;
}

// Latin, Greek and Cyrillic capitals become small letters.
uint32_t Lower(uint32_t c) {
  if (c < 0x80) return static_cast<uint8_t>(absl::ascii_tolower(static_cast<unsigned char>(c)));
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 0x20;
  if (c >= 0x100 && c <= 0x137) return c | 1;
  if (c >= 0x391 && c <= 0x3A9) return c + 0x20;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;
  return c;
}

// Letters and digits; beyond Latin-1 everything but spaces, punctuation and symbols in blocks of
// their own.
bool IsLetter(uint32_t c) {
  if (c < 0x80) return absl::ascii_isalnum(static_cast<unsigned char>(c));
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) && !(c >= 0x3000 && c <= 0x303F) &&
         !(c >= 0xFE30 && c <= 0xFE6F) && !(c >= 0xFF00 && c <= 0xFF0F);
}

// Scripts that put no spaces between words: Thai to Khmer, kana, Han, Hangul.
bool IsSpaceless(uint32_t c) {
  return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
         (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3040 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

// Collects features with how often each occurs.
class Counter {
 public:
  void AddValue(absl::string_view name, absl::string_view value) {
    if (value.empty()) return;
    uint64_t hash = base::Fingerprint64(name, kSeed);
    for (value = value.substr(0, kMaxTextBytes); !value.empty();) {
      hash = Mix(hash, Lower(TakeCharacter(&value)));
    }
    Add(hash);
  }

  void AddWords(absl::string_view text) {
    uint64_t word = kSeed;
    uint32_t before = 0;  // the last character if its script has no spaces
    bool lone = false;    // nothing was made of it yet
    const auto end_word = [&] {
      if (word != kSeed) Add(word);
      if (lone) Add(Mix(kSeed, before));
      word = kSeed;
      before = 0;
      lone = false;
    };
    for (text = text.substr(0, kMaxTextBytes); !text.empty();) {
      const uint32_t c = Lower(TakeCharacter(&text));
      if (!IsLetter(c)) {
        end_word();
      } else if (IsSpaceless(c)) {
        if (before == 0) end_word();
        if (before != 0) Add(Mix(Mix(kSeed, before), c));
        lone = before == 0;
        before = c;
      } else {
        if (before != 0) end_word();
        word = Mix(word, c);
      }
    }
    end_word();
  }

  std::vector<Feature> Take() {
    for (Feature& feature : features_) feature.weight = 1 + std::log(feature.weight);
    std::sort(features_.begin(), features_.end(),
              [](const Feature& a, const Feature& b) { return a.id < b.id; });
    return std::move(features_);
  }

 private:
  static uint64_t Mix(uint64_t hash, uint32_t c) {
    hash = (hash ^ c) * 0x9E3779B97F4A7C15;
    return hash ^ hash >> 29;
  }
  void Add(uint64_t hash) {
    const auto id = static_cast<uint32_t>(hash ^ hash >> 32);
    for (Feature& feature : features_) {
      if (feature.id != id) continue;
      feature.weight += 1;
      return;
    }
    if (features_.size() < kMaxFeatures) features_.push_back({id, 1});
  }

  std::vector<Feature> features_;
};

}  // namespace

std::vector<Feature> FeaturesOf(const ItemContent& content) {
  Counter counter;
  counter.AddValue("category", content.category);
  counter.AddValue("brand", content.brand);
  for (const auto& [name, value] : content.attributes) {
    if (value.size() <= kMaxShortValue) counter.AddValue(name, value);
  }
  counter.AddWords(content.title);
  counter.AddWords(content.category);
  counter.AddWords(content.brand);
  for (const auto& [name, value] : content.attributes) {
    if (value.size() > kMaxShortValue) counter.AddWords(value);
  }
  return counter.Take();
}

std::vector<float> FoldEmbedding(absl::Span<const float> embedding) {
  std::vector<float> folded(std::min(embedding.size(), kMaxEmbedding), 0.0f);
  double sum = 0;
  // First to a length that cannot overflow, for numbers may be as large as a float holds.
  for (const float number : embedding) sum += static_cast<double>(number) * number;
  if (!(sum > 0)) return {};
  const double scale = 1 / std::sqrt(sum);
  for (size_t i = 0; i < embedding.size(); ++i) {
    const auto number = static_cast<float>(embedding[i] * scale);
    if (embedding.size() <= kMaxEmbedding) {
      folded[i] = number;
    } else {
      const uint64_t hash = (i + 1) * 0x9E3779B97F4A7C15;
      folded[hash >> 57] += (hash >> 56 & 1) != 0 ? number : -number;
    }
  }
  const float length = std::sqrt(InnerProduct(absl::MakeConstSpan(folded), folded));
  if (!(length > 0)) return {};
  for (float& number : folded) number /= length;
  return folded;
}

float InnerProduct(absl::Span<const Feature> a, absl::Span<const Feature> b) {
  float sum = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].id == b[j].id) {
      sum += a[i++].weight * b[j++].weight;
    } else if (a[i].id < b[j].id) {
      ++i;
    } else {
      ++j;
    }
  }
  return sum;
}

float InnerProduct(absl::Span<const float> a, absl::Span<const float> b) {
  if (a.size() != b.size()) return 0;
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void Normalise(absl::Span<Feature> features) {
  float sum = 0;
  for (const Feature& feature : features) sum += feature.weight * feature.weight;
  if (!(sum > 0)) return;
  const float scale = 1 / std::sqrt(sum);
  for (Feature& feature : features) feature.weight *= scale;
}

}  // namespace kindred::recommend
