#include "base/dictionary.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kindred::base {
namespace {

TEST(DictionaryTest, NumbersFollowFirstSight) {
  Dictionary dictionary;
  EXPECT_EQ(dictionary.Intern(""), 0u);
  EXPECT_EQ(dictionary.Intern("tea"), 1u);
  EXPECT_EQ(dictionary.Intern("cup"), 2u);
  EXPECT_EQ(dictionary.Intern("tea"), 1u);
  EXPECT_EQ(dictionary.Find("cup"), 2u);
  EXPECT_EQ(dictionary.Find("pot"), 0u);
  EXPECT_EQ(dictionary.Name(1), "tea");
  EXPECT_EQ(dictionary.Name(0), "");
  EXPECT_EQ(dictionary.Name(99), "");
}

TEST(DictionaryTest, RestoreTakesNumbersInOrderOnly) {
  Dictionary dictionary;
  EXPECT_TRUE(dictionary.Restore(1, "tea").ok());
  EXPECT_FALSE(dictionary.Restore(3, "cup").ok());
  EXPECT_FALSE(dictionary.Restore(2, "tea").ok());
  EXPECT_EQ(dictionary.Intern("cup"), 2u);
}

TEST(DictionaryTest, FullDictionaryGivesZeroAndCounts) {
  Dictionary dictionary(2);
  dictionary.Intern("a");
  dictionary.Intern("b");
  EXPECT_EQ(dictionary.Intern("c"), 0u);
  EXPECT_EQ(dictionary.Intern("a"), 1u);
  EXPECT_EQ(dictionary.overflow(), 1u);
}

TEST(DictionaryTest, CacheGivesTheDictionarysNumbers) {
  Dictionary dictionary(20'000);
  DictionaryCache cache(&dictionary);
  EXPECT_EQ(cache.Intern(""), 0u);
  // More names than the cache has places, twice, so that places are hit, missed and taken over.
  for (int round = 0; round < 2; ++round) {
    for (int i = 1; i <= 20'000; ++i) {
      // Every seventh is too long to be remembered in place.
      const std::string name =
          i % 7 == 0 ? absl::StrCat("an item with quite a long name, ", i) : absl::StrCat("i-", i);
      ASSERT_EQ(cache.Intern(name), static_cast<uint32_t>(i));
      ASSERT_EQ(cache.Intern(name), static_cast<uint32_t>(i));
    }
  }
  EXPECT_EQ(cache.Intern("one too many"), 0u);
  EXPECT_EQ(cache.Intern("one too many"), 0u);
  EXPECT_EQ(dictionary.overflow(), 2u);
}

TEST(DictionaryTest, CacheTellsNamesApartByEveryByte) {
  Dictionary dictionary;
  DictionaryCache cache(&dictionary, 1 << 13);
  std::vector<std::string> names;
  for (size_t size = 1; size <= 40; ++size) {
    for (const char filler : {'a', '\0'}) {
      if (size == 1 && filler == '\0') continue;  // the same again
      std::string name(size, filler);
      names.push_back(name);
      for (size_t at = 0; at < size; ++at) {
        for (const char other : {'b', '\xFF'}) {
          name[at] = other;
          names.push_back(name);
        }
        name[at] = filler;
      }
    }
  }
  // From memory that ends with the name, so that a sanitizer sees what is read beyond.
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::vector<char> bytes(names[i].begin(), names[i].end());
      const absl::string_view name(bytes.data(), bytes.size());
      cache.Prefetch(name);
      ASSERT_EQ(cache.Intern(name), i + 1) << names[i].size() << " bytes";
    }
  }
  EXPECT_EQ(dictionary.size(), names.size());
}

TEST(DictionaryTest, CacheOfTwoSetsStillGivesTheDictionarysNumbers) {
  Dictionary dictionary;
  DictionaryCache cache(&dictionary, 2);
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 1; i <= 9; ++i) ASSERT_EQ(cache.Intern(absl::StrCat("sku-", i)), i);
  }
}

TEST(DictionaryTest, ThreadsAgree) {
  Dictionary dictionary;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&dictionary] {
      for (int i = 0; i < 10000; ++i) {
        const std::string name = absl::StrCat("item-", i);
        const uint32_t id = dictionary.Intern(name);
        ASSERT_EQ(dictionary.Name(id), name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(dictionary.size(), 10000u);
}

}  // namespace
}  // namespace kindred::base
