// Where a call's messages live.
#ifndef KINDRED_NODE_ANSWER_ARENA_H_
#define KINDRED_NODE_ANSWER_ARENA_H_

#include <google/protobuf/arena.h>

#include <cstddef>
#include <memory>

namespace kindred::node {

// An answer has dozens to hundreds of parts: made in a block that the thread keeps, they cost no
// allocation each, and all end at once. Larger answers take further blocks.
// Threads: lives on one; one at a time on each.
class AnswerArena {
 public:
  AnswerArena() : arena_(Block()) {}

  template <typename Message>
  Message* Make() {
    return google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static constexpr size_t kBlockBytes = 48 << 10;

  static google::protobuf::ArenaOptions Block() {
    thread_local const std::unique_ptr<char[]> block(new char[kBlockBytes]);
    google::protobuf::ArenaOptions options;
    options.initial_block = block.get();
    options.initial_block_size = kBlockBytes;
    options.start_block_size = kBlockBytes;
    options.max_block_size = kBlockBytes;
    return options;
  }

  google::protobuf::Arena arena_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_ANSWER_ARENA_H_
