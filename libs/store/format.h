// The keys of the store, as FORMAT.md specifies them: what is kept, by whom, in which column
// family.
#ifndef KINDRED_STORE_FORMAT_H_
#define KINDRED_STORE_FORMAT_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"

namespace kindred::store {

// Goes up when an older program could misread the data directory; a newer one refuses to open.
inline constexpr uint32_t kFormatVersion = 1;

// The "partition" of what belongs to the node and not to one partition.
inline constexpr PartitionId kNodeScope(-1);

// The kinds of records. The numbers are on disk: never change or reuse one.
enum class Table : uint8_t {
  kStore = 0,         // the store's own: identity, next offsets, partitions being deleted
  kMeta = 1,          // either scope: small records by name, for whoever needs one
  kQuality = 2,       // partition: data-quality counters
  kModel = 3,         // node: snapshots of moving models (scaler, centroids, weights)
  kProfile = 16,      // partition: customer id → the customer's state
  kPurchased = 17,    // partition: customer id → items bought, apart from the profile
  kLink = 18,         // partition: customer id → customers linked to it
  kAudience = 19,     // partition: customer id → audiences that it was told to be in
  kDictionary = 32,   // node: number (NumberKey) → name
  kCatalogue = 33,    // node: item number (NumberKey) → what the items topic says
  kItemRow = 34,      // partition: item number (NumberKey) → relations and popularity
  kPrice = 35,        // partition: item number (NumberKey) → robust price statistics
  kRelationLog = 36,  // partition: changes of relations not yet folded into rows
  kSeries = 40,       // partition: what happened when (libs/series names its rows)
  kDedup = 48,        // partition: time bucket (WideKey) → block of fingerprints
  kOutbox = 64,       // partition: sequence (WideKey) → what has to be produced
};
inline constexpr std::array kAllTables = {
    Table::kStore,       Table::kMeta,      Table::kQuality, Table::kModel,
    Table::kProfile,     Table::kPurchased, Table::kLink,    Table::kAudience,
    Table::kDictionary,  Table::kCatalogue, Table::kItemRow, Table::kPrice,
    Table::kRelationLog, Table::kSeries,    Table::kDedup,   Table::kOutbox};

absl::string_view TableName(Table table);

enum class Scope { kPartition, kNode, kEither };
Scope ScopeOf(Table table);

// Column families: kinds that are written and read alike (README, "Five column families"). The
// names are on disk.
enum class Family : uint8_t { kState, kProfiles, kItems, kDedup, kOutbox };
inline constexpr size_t kFamilies = 5;
Family FamilyOf(Table table);
absl::string_view FamilyName(Family family);

// table (1 byte), partition (4 bytes, big-endian), id: the ids of one table and partition are
// neighbours, in the order of their bytes.
std::string EncodeKey(Table table, PartitionId partition, absl::string_view id);
void AppendKey(Table table, PartitionId partition, absl::string_view id, std::string* out);
inline constexpr size_t kKeyPrefixBytes = 5;

struct Key {
  Table table;
  PartitionId partition;
  absl::string_view id;  // a view into the bytes decoded
};
// DataLoss for bytes that EncodeKey cannot have made.
absl::StatusOr<Key> DecodeKey(absl::string_view bytes);

// Numbers as ids, big-endian, so that they come in order.
std::string NumberKey(uint32_t number);
std::string WideKey(uint64_t number);
// InvalidArgument unless the id has 4 (8) bytes.
absl::StatusOr<uint32_t> ParseNumberKey(absl::string_view id);
absl::StatusOr<uint64_t> ParseWideKey(absl::string_view id);

// Whose data a directory holds; written once, compared at every open.
struct Identity {
  uint32_t format_version = kFormatVersion;
  std::string cluster_id;
  std::string topic;
  int32_t partition_count = 0;
};
std::string EncodeIdentity(const Identity& identity);
// DataLoss for damaged bytes. Of a newer format only format_version is read.
absl::StatusOr<Identity> DecodeIdentity(absl::string_view bytes);

}  // namespace kindred::store

#endif  // KINDRED_STORE_FORMAT_H_
