// Partitions that send each other links, for tests: what the node does with brokers is done here
// step by step, through the same outbox.
#ifndef KINDRED_NODE_IDENTITY_WORLD_H_
#define KINDRED_NODE_IDENTITY_WORLD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "gtest/gtest.h"
#include "node/customer_reader.h"
#include "node/dead_letter.h"
#include "node/outbox_entry.h"
#include "node/test_state.h"
#include "store/environment.h"

namespace kindred::node {

class IdentityWorld {
 public:
  explicit IdentityWorld(int32_t partitions, profile::IdentityRules rules = {},
                         size_t group_cache_bytes = SharedOptions().group_cache_bytes) {
    SharedOptions options;
    options.group_cache_bytes = group_cache_bytes;
    options.partition_count = partitions;
    options.identity = std::move(rules);
    state = std::make_unique<TestState>(options, store::NewMemoryEnvironment());
    for (int32_t p = 0; p < partitions; ++p) {
      PartitionSlot& slot = state->partitions->slot(state->partition(p).id());
      slot.ownership = Ownership::kOwned;
      slot.caught_up = true;
    }
    reader = std::make_unique<CustomerReader>(state->shared.get(), state->partitions.get(),
                                              state->cold.get(), group_cache_bytes);
  }

  // To the partition of the key, as a producer does. `more` is further members of the event.
  void Send(const std::string& key, const std::string& json) {
    state->Feed(key, json, state->partitions->Home(key).value(), arrival_ms);
  }
  void Event(const std::string& type, const std::string& user, int64_t time_ms,
             const std::string& more = "") {
    Send(user, TestEvent(absl::StrCat("e-", ++events), user, type, time_ms, more));
  }
  // An event of a visitor who is not signed in.
  void Visit(const std::string& anonymous, int64_t time_ms, const std::string& more = "") {
    Send(anonymous, absl::StrCat("{\"event_id\":\"e-", ++events, "\",\"anonymous_id\":\"",
                                 anonymous, "\",\"type\":\"page\",\"event_time\":", time_ms,
                                 more.empty() ? "" : ",", more, "}"));
  }
  void Unlink(const std::string& a, const std::string& b, int64_t time_ms) {
    Event("unlink", a, time_ms, absl::StrCat("\"previous_id\":\"", b, "\""));
  }

  // Produces what is in the outboxes until nothing is. Returns how many messages that were.
  int Deliver() {
    int all = 0;
    for (int sent = 1; sent > 0; all += sent) {
      sent = 0;
      for (int32_t p = 0; p < state->partitions->count(); ++p) sent += DeliverFrom(p);
    }
    return all;
  }

  // The ids of the customer, in the group's order; empty when unknown.
  std::vector<std::string> Ids(const std::string& id) const {
    std::vector<std::string> ids;
    const auto found = reader->Visit(id, [&](const profile::Profile&, const CustomerParts& parts) {
      if (parts.group == nullptr) {
        ids.push_back(id);
        return;
      }
      for (const profile::GroupMember& member : parts.group->members) ids.push_back(member.id);
    });
    EXPECT_TRUE(found.ok()) << found.status();
    return ids;
  }
  // The customer's sum without its links; empty when unknown.
  profile::Profile Sum(const std::string& id) const {
    profile::Profile sum;
    const auto found = reader->Visit(
        id, [&](const profile::Profile& profile, const CustomerParts&) { sum = profile.Clone(); });
    EXPECT_TRUE(found.ok()) << found.status();
    while (!sum.links().empty()) sum.RemoveLink(std::string(sum.links().front().other));
    return sum;
  }

  std::unique_ptr<TestState> state;
  std::unique_ptr<CustomerReader> reader;
  int64_t arrival_ms = kTestTimeMs;
  int events = 0;

 private:
  static std::string WhyRejected(absl::string_view bytes) {
    const auto letter = DecodeDeadLetter(bytes);
    return letter.ok() ? absl::StrCat(letter->reason, ": ", letter->detail, ": ",
                                      letter->value.value_or(""))
                       : letter.status().ToString();
  }
  int DeliverFrom(int32_t p) {
    state->Checkpoint(p);
    std::vector<OutboxEntry> entries;
    std::vector<uint64_t> sequences;
    const absl::Status read = state->store->ForEachOutbox(
        PartitionId(p), 0, SIZE_MAX, [&](uint64_t sequence, absl::string_view bytes) {
          auto entry = DecodeOutboxEntry(bytes);
          EXPECT_TRUE(entry.ok()) << WhyRejected(bytes);
          sequences.push_back(sequence);
          if (entry.ok()) entries.push_back(*std::move(entry));
          return absl::OkStatus();
        });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_TRUE(state->store->DeleteOutbox(PartitionId(p), sequences).ok());
    for (const OutboxEntry& entry : entries) {
      // Changes of audiences go to a topic of their own.
      if (entry.kind != OutboxKind::kAudienceChange) Send(entry.key, entry.value);
    }
    return static_cast<int>(entries.size());
  }
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_IDENTITY_WORLD_H_
