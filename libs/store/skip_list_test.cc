#include "store/skip_list.h"

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::store {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

std::string InternalKey(absl::string_view user_key, uint64_t tag) {
  std::string key(user_key);
  base::ByteWriter(&key).U64(tag);
  return key;
}

std::string Entry(absl::string_view user_key, uint64_t tag) {
  std::string entry;
  base::ByteWriter writer(&entry);
  writer.Bytes(InternalKey(user_key, tag));
  writer.Bytes("value");
  return entry;
}

// Memory that begins at any address.
class Memory {
 public:
  char* Take(size_t size) {
    const size_t skip = blocks_.size() % 8;
    blocks_.push_back(std::make_unique<char[]>(size + skip));
    return blocks_.back().get() + skip;
  }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
};

class SkipListTest : public ::testing::Test {
 protected:
  bool Put(absl::string_view user_key, uint64_t tag) {
    const std::string entry = Entry(user_key, tag);
    SkipList::Node* const node =
        list_.NewNode(entry.size(), [this](size_t size) { return memory_.Take(size); });
    std::memcpy(SkipList::EntryOf(node), entry.data(), entry.size());
    return list_.Insert(node);
  }
  using Found = std::pair<std::string, uint64_t>;
  static Found Read(const SkipList::Node* node) {
    if (node == nullptr) return {"none", 0};
    const EntryKey key = EntryKey::Of(SkipList::EntryOf(node));
    return {std::string(key.user_key, key.size), key.tag};
  }
  std::vector<Found> All() const {
    std::vector<Found> all;
    for (const SkipList::Node* node = list_.First(); node != nullptr; node = SkipList::Next(node)) {
      all.push_back(Read(node));
    }
    return all;
  }
  Found FirstFrom(absl::string_view user_key, uint64_t tag) const {
    const std::string key = InternalKey(user_key, tag);
    return Read(list_.FirstFrom(EntryKey::OfInternal(key)));
  }
  Found LastBelow(absl::string_view user_key, uint64_t tag) const {
    const std::string key = InternalKey(user_key, tag);
    return Read(list_.LastBelow(EntryKey::OfInternal(key)));
  }

  Memory memory_;
  SkipList list_;
};

TEST_F(SkipListTest, IsEmptyAtFirst) {
  EXPECT_EQ(list_.First(), nullptr);
  EXPECT_EQ(list_.Last(), nullptr);
  EXPECT_EQ(FirstFrom("", ~uint64_t{0}), Found("none", 0));
  EXPECT_EQ(LastBelow("z", 0), Found("none", 0));
}

TEST_F(SkipListTest, OrdersByUserKeyAndNewestFirst) {
  for (const auto& [key, tag] :
       std::vector<Found>{{"b", 3}, {"a", 9}, {"b", 7}, {"", 1}, {"ab", 2}}) {
    EXPECT_TRUE(Put(key, tag));
  }
  EXPECT_THAT(All(), ElementsAre(Found("", 1), Found("a", 9), Found("ab", 2), Found("b", 7),
                                 Found("b", 3)));
  EXPECT_EQ(FirstFrom("b", 5), Found("b", 3));
  EXPECT_EQ(FirstFrom("b", 7), Found("b", 7));
  EXPECT_EQ(LastBelow("b", 7), Found("ab", 2));
  EXPECT_EQ(LastBelow("b", 5), Found("b", 7));
  EXPECT_EQ(FirstFrom("c", 0), Found("none", 0));
  EXPECT_EQ(LastBelow("", 1), Found("none", 0));
  EXPECT_EQ(Read(list_.Last()), Found("b", 3));
}

TEST_F(SkipListTest, RefusesWhatIsThere) {
  EXPECT_TRUE(Put("a", 1));
  EXPECT_TRUE(Put("b", 1));
  EXPECT_FALSE(Put("a", 1));
  EXPECT_FALSE(Put("b", 1));
  EXPECT_TRUE(Put("b", 2));
  EXPECT_THAT(All(), ElementsAre(Found("a", 1), Found("b", 2), Found("b", 1)));
}

// Keys that share long beginnings, of all lengths around a word and around one byte of length, with
// bytes above 127 and zeros: the order must be that of bytes.
TEST_F(SkipListTest, ComparesBytesWhateverTheLength) {
  std::map<std::string, uint64_t> expected;
  uint64_t tag = 1;
  for (const size_t length : {0, 1, 6, 7, 8, 9, 15, 16, 17, 118, 119, 120, 121, 300}) {
    for (const absl::string_view end :
         {absl::string_view(), absl::string_view("\0", 1), absl::string_view("\x7F"),
          absl::string_view("\x80"), absl::string_view("\xFF\x01")}) {
      const std::string key = std::string(length, 'k') + std::string(end);
      if (!expected.emplace(key, tag).second) continue;
      EXPECT_TRUE(Put(key, tag++));
    }
  }
  EXPECT_THAT(All(), ElementsAreArray(expected));
}

// As checkpoints come: runs in order, each over the whole range, and single keys anywhere.
TEST_F(SkipListTest, IsTheSameAsAnOrderedMap) {
  std::mt19937 random(7);
  const auto newest_first = [](const Found& a, const Found& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  };
  std::map<Found, int, decltype(newest_first)> expected(newest_first);
  uint64_t tag = 1;
  for (int run = 0; run < 60; ++run) {
    const uint32_t step = 1 + random() % 50;
    const bool in_order = run % 3 != 0;
    uint32_t key = random() % 50;
    for (int i = 0; i < 100; ++i) {
      key = in_order ? key + 1 + random() % step : random() % 5000;
      const std::string name = absl::StrCat("key/", key);
      ASSERT_TRUE(Put(name, tag));
      expected.emplace(Found(name, tag++), 0);
    }
  }
  std::vector<Found> in_order;
  for (const auto& [entry, unused] : expected) in_order.push_back(entry);
  ASSERT_EQ(All(), in_order);
  EXPECT_EQ(Read(list_.Last()), in_order.back());
  for (int i = 0; i < 2000; ++i) {
    const Found wanted(absl::StrCat("key/", random() % 5200), random() % (tag + 2));
    const auto from = expected.lower_bound(wanted);
    EXPECT_EQ(FirstFrom(wanted.first, wanted.second),
              from == expected.end() ? Found("none", 0) : from->first);
    EXPECT_EQ(LastBelow(wanted.first, wanted.second),
              from == expected.begin() ? Found("none", 0) : std::prev(from)->first);
  }
}

// What a reader has seen once is there whenever it looks again, and all is in order.
TEST_F(SkipListTest, IsReadWhileItIsWritten) {
  constexpr uint32_t kKeys = 40'000;
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (uint32_t r = 0; r < 2; ++r) {
    readers.emplace_back([this, r, &done, &wrong] {
      std::mt19937 random(r);
      size_t seen = 0;
      while (!done.load()) {
        size_t count = 0;
        std::string last;
        for (auto* node = list_.First(); node != nullptr && count < 2000;
             node = SkipList::Next(node), ++count) {
          const std::string key = Read(node).first;
          if (count > 0 && !(last < key)) ++wrong;
          last = key;
        }
        if (count < seen) ++wrong;
        seen = count;
        const std::string key = absl::StrCat(random() % kKeys);
        const Found from = FirstFrom(key, 1);
        if (from.second != 0 && from.first < key) ++wrong;
        const Found below = LastBelow(key, 1);
        if (below.second != 0 && !(below.first < key)) ++wrong;
      }
    });
  }
  for (uint32_t i = 0; i < kKeys; ++i) EXPECT_TRUE(Put(absl::StrCat(i * 7919 % kKeys), 1));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(All().size(), kKeys);
}

}  // namespace
}  // namespace kindred::store
