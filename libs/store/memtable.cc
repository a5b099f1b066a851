#include "store/memtable.h"

#include <new>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "store/skip_list.h"

namespace kindred::store {
namespace {

// Memory of iterators that RocksDB destroys and does not delete: it is used again, and freed with
// the memtable, which outlives its iterators.
class IteratorMemory {
 public:
  explicit IteratorMemory(size_t bytes) : bytes_(bytes) {}
  ~IteratorMemory() {
    for (void* memory : all_) ::operator delete(memory);
  }
  IteratorMemory(const IteratorMemory&) = delete;
  IteratorMemory& operator=(const IteratorMemory&) = delete;

  void* Take() {
    absl::MutexLock lock(&mutex_);
    if (free_.empty()) {
      all_.push_back(::operator new(bytes_));
      return all_.back();
    }
    void* const memory = free_.back();
    free_.pop_back();
    return memory;
  }
  void GiveBack(void* memory) {
    absl::MutexLock lock(&mutex_);
    free_.push_back(memory);
  }

 private:
  const size_t bytes_;
  absl::Mutex mutex_;
  std::vector<void*> all_ ABSL_GUARDED_BY(mutex_);
  std::vector<void*> free_ ABSL_GUARDED_BY(mutex_);
};

// A first base, so that nothing of the iterator is touched once its memory was given back.
struct Loan {
  Loan(IteratorMemory* owner, void* place) : from(owner), memory(place) {}
  ~Loan() {
    if (from != nullptr) from->GiveBack(memory);
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  IteratorMemory* const from;
  void* const memory;
};

EntryKey KeyOf(const rocksdb::Slice& internal_key, const char* entry) {
  return entry != nullptr ? EntryKey::Of(entry)
                          : EntryKey::OfInternal({internal_key.data(), internal_key.size()});
}

class MemtableIterator final : private Loan, public rocksdb::MemTableRep::Iterator {
 public:
  MemtableIterator(const SkipList* list, IteratorMemory* lender, void* place)
      : Loan(lender, place), list_(*list) {}

  bool Valid() const override { return node_ != nullptr; }
  const char* key() const override { return SkipList::EntryOf(node_); }
  void Next() override { node_ = SkipList::Next(node_); }
  void Prev() override { node_ = list_.LastBelow(EntryKey::Of(key())); }
  void Seek(const rocksdb::Slice& internal_key, const char* entry) override {
    node_ = list_.FirstFrom(KeyOf(internal_key, entry));
  }
  void SeekForPrev(const rocksdb::Slice& internal_key, const char* entry) override {
    const EntryKey wanted = KeyOf(internal_key, entry);
    node_ = list_.FirstFrom(wanted);
    if (node_ == nullptr || wanted < EntryKey::Of(key())) node_ = list_.LastBelow(wanted);
  }
  void SeekToFirst() override { node_ = list_.First(); }
  void SeekToLast() override { node_ = list_.Last(); }

 private:
  const SkipList& list_;
  const SkipList::Node* node_ = nullptr;
};

class Memtable final : public rocksdb::MemTableRep {
 public:
  explicit Memtable(rocksdb::Allocator* allocator) : MemTableRep(allocator) {}

  rocksdb::KeyHandle Allocate(const size_t size, char** entry) override {
    SkipList::Node* const node = list_.NewNode(size, [this](size_t bytes) {
      char* memory = nullptr;
      MemTableRep::Allocate(bytes, &memory);
      return memory;
    });
    *entry = SkipList::EntryOf(node);
    return node;
  }
  void Insert(rocksdb::KeyHandle node) override { InsertKey(node); }
  bool InsertKey(rocksdb::KeyHandle node) override {
    return list_.Insert(static_cast<SkipList::Node*>(node));
  }
  bool Contains(const char* entry) const override {
    const EntryKey key = EntryKey::Of(entry);
    const SkipList::Node* const node = list_.FirstFrom(key);
    return node != nullptr && !(key < EntryKey::Of(SkipList::EntryOf(node)));
  }
  // All of it comes from the allocator, which counts it.
  size_t ApproximateMemoryUsage() override { return 0; }
  Iterator* GetIterator(rocksdb::Arena* arena) override {
    if (arena == nullptr) return new MemtableIterator(&list_, nullptr, nullptr);
    void* const place = iterators_.Take();
    return new (place) MemtableIterator(&list_, &iterators_, place);
  }

 private:
  SkipList list_;
  IteratorMemory iterators_{sizeof(MemtableIterator)};
};

class MemtableFactory final : public rocksdb::MemTableRepFactory {
 public:
  const char* Name() const override { return "kindred.Memtable"; }
  using MemTableRepFactory::CreateMemTableRep;
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator&,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform*,
                                          rocksdb::Logger*) override {
    return new Memtable(allocator);
  }
  bool CanHandleDuplicatedKey() const override { return true; }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtableFactory() {
  return std::make_shared<MemtableFactory>();
}

}  // namespace kindred::store
