#include "store/memtable.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "store/testing/scratch_directory.h"

namespace kindred::store {
namespace {

using Rows = std::map<std::string, std::string>;

class MemtableTest : public ::testing::Test {
 protected:
  MemtableTest() {
    options_.create_if_missing = true;
    options_.allow_concurrent_memtable_write = false;
    options_.memtable_factory = NewMemtableFactory();
    Open();
  }
  void Open() {
    db_.reset();
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options_, directory_.path(), &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }
  static Rows Forward(rocksdb::Iterator* at) {
    Rows rows;
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      rows.emplace_hint(rows.end(), at->key().ToString(), at->value().ToString());
    }
    EXPECT_TRUE(at->status().ok());
    return rows;
  }
  // Some thousand random changes to the database and to `rows`.
  void Change(uint32_t seed, Rows* rows) {
    std::mt19937 random(seed);
    for (int i = 0; i < 300; ++i) {
      rocksdb::WriteBatch batch;
      for (int k = 0; k < 10; ++k) {
        const std::string key = absl::StrCat("key/", random() % 800);
        if (random() % 4 == 0) {
          ASSERT_TRUE(batch.Delete(key).ok());
          rows->erase(key);
        } else {
          const std::string value = absl::StrCat(i, ".", k);
          ASSERT_TRUE(batch.Put(key, value).ok());
          (*rows)[key] = value;
        }
      }
      ASSERT_TRUE(db_->Write({}, &batch).ok());
    }
  }

  ScratchDirectory directory_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(MemtableTest, IsReadInEveryWay) {
  Rows rows;
  Change(1, &rows);
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
  EXPECT_EQ(Forward(at.get()), rows);
  auto expected = rows.rbegin();
  for (at->SeekToLast(); at->Valid(); at->Prev(), ++expected) {
    ASSERT_NE(expected, rows.rend());
    EXPECT_EQ(at->key().ToString(), expected->first);
  }
  EXPECT_EQ(expected, rows.rend());
  for (int i = 0; i < 1000; ++i) {
    const std::string key = absl::StrCat("key/", i);
    std::string value;
    const rocksdb::Status got = db_->Get({}, key, &value);
    ASSERT_EQ(got.ok(), rows.contains(key)) << key << " " << got.ToString();
    if (got.ok()) {
      EXPECT_EQ(value, rows[key]);
    }
    const auto from = rows.lower_bound(key);
    at->Seek(key);
    ASSERT_EQ(at->Valid(), from != rows.end());
    if (at->Valid()) {
      EXPECT_EQ(at->key().ToString(), from->first);
    }
    const auto above = rows.upper_bound(key);
    at->SeekForPrev(key);
    ASSERT_EQ(at->Valid(), above != rows.begin());
    if (at->Valid()) {
      EXPECT_EQ(at->key().ToString(), std::prev(above)->first);
    }
  }
}

TEST_F(MemtableTest, ASnapshotStaysAsItWas) {
  Rows before;
  Change(1, &before);
  rocksdb::ReadOptions then;
  then.snapshot = db_->GetSnapshot();
  Rows rows = before;
  Change(2, &rows);
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(then)).get()), before);
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
  db_->ReleaseSnapshot(then.snapshot);
}

TEST_F(MemtableTest, GoesToFilesAndComesBackFromTheLog) {
  Rows rows;
  Change(1, &rows);
  ASSERT_TRUE(db_->Flush({}).ok());
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
  Change(2, &rows);
  ASSERT_TRUE(db_->DeleteRange({}, db_->DefaultColumnFamily(), "key/3", "key/5").ok());
  rows.erase(rows.lower_bound("key/3"), rows.lower_bound("key/5"));
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
  Open();
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
}

// What was written with RocksDB's own memtables is read with these, and the other way round.
TEST_F(MemtableTest, DirectoriesDoNotDependOnIt) {
  Rows rows;
  Change(1, &rows);
  options_.memtable_factory = std::make_shared<rocksdb::SkipListFactory>();
  Open();
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
  Change(2, &rows);
  options_.memtable_factory = NewMemtableFactory();
  Open();
  EXPECT_EQ(Forward(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({})).get()), rows);
}

// Iterators come and go by the thousand within one memtable: their memory is used again.
TEST_F(MemtableTest, IteratorsMayBeManyAtATime) {
  Rows rows;
  Change(1, &rows);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::unique_ptr<rocksdb::Iterator>> open;
    for (int i = 0; i < 20; ++i) {
      open.emplace_back(db_->NewIterator({}));
      open.back()->Seek(absl::StrCat("key/", i * round));
    }
    EXPECT_EQ(Forward(open[static_cast<size_t>(round) % open.size()].get()).size(), rows.size());
  }
}

}  // namespace
}  // namespace kindred::store
