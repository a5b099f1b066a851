#include "recommend/content_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kMaxItems = 1u << 20;
constexpr uint32_t kMany = 1200;
// The thread sanitizer takes the locks of hnswlib's graph, which one thread works on, for a danger:
// there each is compared with each.
#if defined(KINDRED_SANITIZED_THREADS)
constexpr size_t kExact = 5000;
#else
constexpr size_t kExact = 300;
#endif

struct Product {
  std::string title, category, brand;
  std::vector<std::pair<std::string, std::string>> attributes = {};
  std::vector<float> embedding = {};
  ItemContent Content() const { return {title, category, brand, attributes, embedding}; }
};

class ContentIndexTest : public testing::Test {
 protected:
  bool Set(uint32_t item, const Product& product) {
    return index_.Set(ItemId(item), product.Content());
  }
  void Work() {
    const absl::StatusOr<size_t> left = index_.Work(std::numeric_limits<size_t>::max());
    ASSERT_TRUE(left.ok()) << left.status();
    ASSERT_EQ(*left, 0u);
  }
  std::map<uint32_t, float> Row(uint32_t item) const {
    std::map<uint32_t, float> row;
    rows_.ForEach(item, [&](uint32_t other, float likeness) { row[other] = likeness; });
    return row;
  }
  std::vector<uint32_t> Items(uint32_t item) const {
    std::vector<uint32_t> items;
    for (const auto& [other, likeness] : Row(item)) items.push_back(other);
    return items;
  }
  float LikenessOf(uint32_t a, uint32_t b) const {
    const auto row = Row(a);
    return row.contains(b) ? row.at(b) : 0;
  }

  ContentRows rows_{kMaxItems};
  ContentIndex index_{{.max_items = 5000, .exact_items = kExact}, &rows_};
};

TEST(ContentFeaturesTest, AreWordsAndValuesWhateverTheirCase) {
  const auto features = [](const Product& product) { return FeaturesOf(product.Content()); };
  EXPECT_EQ(features({"Green TEA, loose", "Tea", "Leaf"}),
            features({"loose green-tea", "tea", "LEAF"}));
  EXPECT_EQ(features({"THÉ ЧАЙ ΤΣΑΪ", "", ""}), features({"thé чай τσαΪ", "", ""}));
  EXPECT_THAT(features({"one two two", "", ""}), SizeIs(2));
  // A value differs from the word, and from the same value of another attribute.
  EXPECT_THAT(features({"red", "", "", {{"colour", "red"}, {"lining", "red"}}}), SizeIs(3));
  // Each two neighbours where no spaces divide words: 绿茶, 茶叶; a lone one is itself.
  EXPECT_THAT(features({"绿茶叶", "", ""}), SizeIs(2));
  EXPECT_THAT(features({"茶", "", ""}), SizeIs(1));
  EXPECT_THAT(features({"绿茶 tea 茶", "", ""}), SizeIs(3));
  EXPECT_THAT(features({"", "", ""}), IsEmpty());
  EXPECT_THAT(features({" -- ", "", "", {{"colour", ""}}}), IsEmpty());
}

TEST(ContentFeaturesTest, AreBoundedForAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Product product;
    for (std::string* text : {&product.title, &product.category, &product.brand}) {
      text->resize(random() % 3000);
      for (char& c : *text) c = static_cast<char>(random() % 4 == 0 ? ' ' : random() % 256);
    }
    product.attributes = {{"x", product.title}, {product.brand, "y"}};
    const std::vector<Feature> features = FeaturesOf(product.Content());
    ASSERT_LE(features.size(), kMaxFeatures);
    for (size_t i = 1; i < features.size(); ++i) ASSERT_LT(features[i - 1].id, features[i].id);
  }
  // Cut in the middle of a character.
  EXPECT_THAT(FeaturesOf({.title = absl::string_view("\xE7\xBB", 2)}), SizeIs(1));
}

TEST(ContentFeaturesTest, EmbeddingsKeepTheirAnglesWhenFolded) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  double error = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<float> a(1024), b(1024);
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = normal(random);
      b[i] = 0.5f * a[i] + normal(random) * static_cast<float>(round) / 50;
    }
    const auto cosine = [&] {
      const auto ab = InnerProduct(absl::MakeConstSpan(a), b);
      return ab / std::sqrt(InnerProduct(absl::MakeConstSpan(a), a) *
                            InnerProduct(absl::MakeConstSpan(b), b));
    };
    const std::vector<float> x = FoldEmbedding(a), y = FoldEmbedding(b);
    ASSERT_THAT(x, SizeIs(kMaxEmbedding));
    EXPECT_NEAR(InnerProduct(absl::MakeConstSpan(x), x), 1, 1e-5);
    error += std::abs(InnerProduct(absl::MakeConstSpan(x), y) - cosine());
  }
  EXPECT_LT(error / 100, 0.08);
  const float most = std::numeric_limits<float>::max();
  EXPECT_THAT(FoldEmbedding({{most, most}}), ElementsAre(testing::FloatNear(0.70711f, 1e-4f),
                                                         testing::FloatNear(0.70711f, 1e-4f)));
  EXPECT_THAT(FoldEmbedding({{0.0f, 0.0f}}), IsEmpty());
  EXPECT_THAT(FoldEmbedding({}), IsEmpty());
}

TEST_F(ContentIndexTest, LikenessIsTheCosineOfTfIdf) {
  Set(1, {"green tea", "", ""});
  Set(2, {"green green pot", "", ""});
  Set(3, {"black coffee", "", ""});
  Work();
  // N = 3: green is in 2 of them, the others in 1 each.
  const double green = std::log1p(3.0 / 2), rare = std::log1p(3.0);
  const double twice = green * (1 + std::log(2));
  const double expected = green * twice / (std::hypot(green, rare) * std::hypot(twice, rare));
  EXPECT_NEAR(LikenessOf(1, 2), expected, 1e-6);
  EXPECT_NEAR(LikenessOf(2, 1), expected, 1e-6);
  EXPECT_THAT(Items(3), IsEmpty());
}

TEST_F(ContentIndexTest, VectorsOfTheCatalogueCountForHalf) {
  Set(1, {"tea", "", "", {}, {1, 0, 0}});
  Set(2, {"tea", "", "", {}, {3, 0, 0}});
  Set(3, {"tea", "", "", {}, {0, 1, 0}});
  Set(4, {"pot", "", "", {}, {1, 1, 0}});
  Set(5, {"tea", "", "", {}, {1, 0}});  // of another length: text alone
  Set(6, {"", "", "", {}, {-1, 0, 0}});
  Work();
  EXPECT_NEAR(LikenessOf(1, 2), 1, 1e-6);
  EXPECT_NEAR(LikenessOf(1, 3), 0.5, 1e-6);
  EXPECT_NEAR(LikenessOf(1, 4), std::sqrt(0.5) / 2, 1e-6);
  EXPECT_NEAR(LikenessOf(1, 5), 1, 1e-6);
  EXPECT_THAT(Items(6), IsEmpty());
}

TEST_F(ContentIndexTest, ANewItemIsInTheRowsOfThoseLikeIt) {
  for (uint32_t item = 1; item <= 40; ++item) {
    Set(item, {absl::StrCat("kind", item % 4, " number", item), "", ""});
  }
  Work();
  EXPECT_THAT(Items(5), UnorderedElementsAre(1, 9, 13, 17, 21, 25, 29, 33, 37));
  EXPECT_TRUE(Set(100, {"kind1", "", ""}));
  EXPECT_THAT(Items(100), IsEmpty()) << "Work() has not been called";
  Work();
  EXPECT_THAT(Items(100), UnorderedElementsAre(1, 5, 9, 13, 17, 21, 25, 29, 33, 37));
  EXPECT_GT(LikenessOf(5, 100), 0.3f);
  EXPECT_FALSE(Set(100, {"Kind1", "", ""})) << "the same to us";
  // It becomes something else, and goes.
  EXPECT_TRUE(Set(100, {"kind2", "", ""}));
  Work();
  EXPECT_EQ(LikenessOf(5, 100), 0);
  EXPECT_GT(LikenessOf(6, 100), 0.3f);
  index_.Remove(ItemId(100));
  Work();
  EXPECT_EQ(LikenessOf(6, 100), 0);
  EXPECT_THAT(Items(100), IsEmpty());
  EXPECT_THAT(index_.Nearest(ItemId(100), 5), IsEmpty());
  index_.Remove(ItemId(100));
}

TEST_F(ContentIndexTest, ARowThatLosesAnItemTakesTheNextBest) {
  const uint32_t width = ContentRows::kWidth;
  for (uint32_t item = 1; item <= width + 5; ++item) Set(item, {"tea", "", ""});
  Work();
  EXPECT_THAT(Items(1), SizeIs(width));
  const uint32_t gone = Items(1)[3];
  index_.Remove(ItemId(gone));
  Work();
  EXPECT_THAT(Items(1), SizeIs(width));
  EXPECT_THAT(Items(1), testing::Not(testing::Contains(gone)));
}

// Items of random words in which each tenth is of one theme.
Product RandomProduct(std::mt19937& random, uint32_t themes) {
  const uint32_t theme = random() % themes;
  Product product{"", absl::StrCat("theme", theme), absl::StrCat("maker", random() % 50)};
  for (int i = 0; i < 6; ++i) absl::StrAppend(&product.title, " w", theme * 20 + random() % 30);
  return product;
}

TEST_F(ContentIndexTest, TheApproximateSearchFindsNearlyAll) {
  std::mt19937 random(11);
  ContentRows exact_rows(kMaxItems);
  ContentIndex exact({.max_items = 5000, .exact_items = 5000}, &exact_rows);
  for (uint32_t item = 1; item <= kMany; ++item) {
    const Product product = RandomProduct(random, 30);
    Set(item, product);
    exact.Set(ItemId(item), product.Content());
  }
  Work();
  ASSERT_EQ(*exact.Work(1 << 20), 0u);
  size_t found = 0, all = 0;
  for (uint32_t item = 1; item <= kMany; item += 5) {
    const std::vector<Alike> expected = exact.Nearest(ItemId(item), 10);
    const std::vector<Alike> actual = index_.Nearest(ItemId(item), 10);
    for (const Alike& alike : expected) {
      ++all;
      // Any of those that are as much alike will do.
      found += std::any_of(actual.begin(), actual.end(),
                           [&](const Alike& other) { return other.item == alike.item; }) ||
               (!actual.empty() && alike.likeness <= actual.back().likeness);
    }
  }
  EXPECT_GT(static_cast<double>(found) / static_cast<double>(all), 0.9);
  const size_t vectors = kExact < kMany ? kMany * 128 * sizeof(float) : 0;
  EXPECT_GT(index_.memory_bytes(), vectors);
}

TEST_F(ContentIndexTest, TheSameCatalogueGivesTheSameRowsHoweverTheWorkIsCut) {
  ContentRows other_rows(kMaxItems);
  ContentIndex other({.max_items = 5000, .exact_items = kExact}, &other_rows);
  std::mt19937 random(5);
  std::vector<Product> products;
  for (int i = 0; i < 500; ++i) products.push_back(RandomProduct(random, 30));
  for (uint32_t i = 0; i < products.size(); ++i) {
    Set(i + 1, products[i]);
    other.Set(ItemId(i + 1), products[i].Content());
  }
  Work();
  while (*other.Work(7) > 0) {
  }
  for (uint32_t item = 1; item <= products.size(); ++item) {
    std::map<uint32_t, float> row;
    other_rows.ForEach(item, [&](uint32_t to, float likeness) { row[to] = likeness; });
    ASSERT_EQ(Row(item), row) << item;
  }
}

TEST_F(ContentIndexTest, ItsMemoryIsBounded) {
  for (uint32_t item = 1; item <= 6000; ++item) {
    Set(item, {absl::StrCat("tea ", item % 7), "", ""});
  }
  EXPECT_EQ(index_.size(), 5000u);
  EXPECT_EQ(index_.refused(), 1000u);
  const size_t before = index_.memory_bytes();
  // Items that come and go before anybody works on them.
  index_.Remove(ItemId(1));
  for (uint32_t item = 10'000; item < 40'000; ++item) {
    EXPECT_TRUE(Set(item, {"tea", "", ""}));
    index_.Remove(ItemId(item));
  }
  EXPECT_LT(index_.memory_bytes(), before + (1 << 20));
  Work();
  EXPECT_EQ(index_.size(), 4999u);
}

TEST(ContentRowsTest, ReadersSeeWholeEntriesWhileRowsAreWritten) {
  // An item's likeness tells the item, so a torn entry shows.
  const auto likeness = [](uint32_t item) { return static_cast<float>(item) / 65536; };
  ContentRows rows(kMaxItems);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> seen{0}, torn{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!done.load()) {
        for (uint32_t row = 1; row < 2000; row += 300) {
          rows.ForEach(row, [&](uint32_t item, float is) {
            ++seen;
            if (is != likeness(item)) ++torn;
          });
        }
      }
    });
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const uint32_t row = 1 + 300 * (random() % 7), item = 1 + random() % 65'535;
    std::vector<Alike> entries(random() % (ContentRows::kWidth + 1));
    for (Alike& entry : entries) {
      entry.item = 1 + random() % 65'535;
      entry.likeness = likeness(entry.item);
    }
    if (round % 3 == 0) rows.Replace(row, entries);
    rows.Offer(row, {item, likeness(item)});
    if (round % 5 == 0) rows.Drop(row, item);
  }
  while (seen.load() == 0) std::this_thread::yield();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn.load(), 0u);
}

TEST(ContentRowsTest, AnOfferTakesTheLeastAlikesPlaceOnlyIfItIsMoreAlike) {
  ContentRows rows(kMaxItems);
  EXPECT_TRUE(rows.empty());
  rows.Replace(7, {});
  EXPECT_TRUE(rows.empty()) << "nothing to write";
  const auto row = [&] {
    std::map<uint32_t, float> entries;
    rows.ForEach(7, [&](uint32_t item, float is) { entries[item] = is; });
    return entries;
  };
  for (uint32_t item = 1; item <= ContentRows::kWidth; ++item) {
    rows.Offer(7, {item, 0.5f + static_cast<float>(item) / 100});
  }
  EXPECT_EQ(row().size(), ContentRows::kWidth);
  rows.Offer(7, {100, 0.5f});
  EXPECT_FALSE(row().contains(100));
  rows.Offer(7, {100, 0.9f});
  EXPECT_TRUE(row().contains(100));
  EXPECT_FALSE(row().contains(1)) << "the least alike";
  rows.Offer(7, {100, 0.8f});
  EXPECT_EQ(row().at(100), 0.8f);
  EXPECT_EQ(row().size(), ContentRows::kWidth);
  rows.ForEach(kMaxItems + 1, [](uint32_t, float) { FAIL() << "beyond the last item"; });
  rows.ForEach(UINT32_MAX, [](uint32_t, float) { FAIL() << "beyond the last item"; });
}

}  // namespace
}  // namespace kindred::recommend
