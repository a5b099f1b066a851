#include "store/format.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"

namespace kindred::store {
namespace {

struct TableFacts {
  Table table;
  absl::string_view name;
  Scope scope;
  Family family;
};

constexpr TableFacts kTableFacts[] = {
    {Table::kStore, "store", Scope::kEither, Family::kState},
    {Table::kMeta, "meta", Scope::kEither, Family::kState},
    {Table::kQuality, "quality", Scope::kPartition, Family::kState},
    {Table::kModel, "model", Scope::kNode, Family::kState},
    {Table::kProfile, "profile", Scope::kPartition, Family::kProfiles},
    {Table::kPurchased, "purchased", Scope::kPartition, Family::kProfiles},
    {Table::kLink, "link", Scope::kPartition, Family::kProfiles},
    {Table::kAudience, "audience", Scope::kPartition, Family::kProfiles},
    {Table::kDictionary, "dictionary", Scope::kNode, Family::kItems},
    {Table::kCatalogue, "catalogue", Scope::kNode, Family::kItems},
    {Table::kItemRow, "item_row", Scope::kPartition, Family::kItems},
    {Table::kPrice, "price", Scope::kPartition, Family::kItems},
    {Table::kRelationLog, "relation_log", Scope::kPartition, Family::kItems},
    {Table::kSeries, "series", Scope::kPartition, Family::kState},
    {Table::kDedup, "dedup", Scope::kPartition, Family::kDedup},
    {Table::kOutbox, "outbox", Scope::kPartition, Family::kOutbox},
};
static_assert(std::size(kTableFacts) == kAllTables.size());

const TableFacts* FindFacts(uint8_t number) {
  for (const TableFacts& facts : kTableFacts) {
    if (static_cast<uint8_t>(facts.table) == number) return &facts;
  }
  return nullptr;
}

const TableFacts& FactsOf(Table table) {
  const TableFacts* facts = FindFacts(static_cast<uint8_t>(table));
  KINDRED_CHECK(facts != nullptr) << "no table has the number " << +static_cast<uint8_t>(table);
  return *facts;
}

template <typename T>
void AppendBigEndian(T value, std::string* out) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

template <typename T>
T ReadBigEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

absl::string_view TableName(Table table) { return FactsOf(table).name; }
Scope ScopeOf(Table table) { return FactsOf(table).scope; }
Family FamilyOf(Table table) { return FactsOf(table).family; }

absl::string_view FamilyName(Family family) {
  switch (family) {
    case Family::kState:
      return "default";  // every RocksDB database has this one
    case Family::kProfiles:
      return "profiles";
    case Family::kItems:
      return "items";
    case Family::kDedup:
      return "dedup";
    case Family::kOutbox:
      return "outbox";
  }
  KINDRED_CHECK(false) << "no such family";
  return {};
}

void AppendKey(Table table, PartitionId partition, absl::string_view id, std::string* out) {
  out->push_back(static_cast<char>(table));
  AppendBigEndian(static_cast<uint32_t>(partition.value()), out);
  out->append(id.data(), id.size());
}

std::string EncodeKey(Table table, PartitionId partition, absl::string_view id) {
  std::string key;
  key.reserve(kKeyPrefixBytes + id.size());
  AppendKey(table, partition, id, &key);
  return key;
}

absl::StatusOr<Key> DecodeKey(absl::string_view bytes) {
  if (bytes.size() < kKeyPrefixBytes) return absl::DataLossError("stored key is too short");
  const TableFacts* facts = FindFacts(static_cast<uint8_t>(bytes[0]));
  if (facts == nullptr) {
    return absl::DataLossError(
        absl::StrCat("stored key of an unknown table: ", +static_cast<uint8_t>(bytes[0])));
  }
  const PartitionId partition(static_cast<int32_t>(ReadBigEndian<uint32_t>(bytes.data() + 1)));
  const bool of_node = partition == kNodeScope;
  if (partition < kNodeScope || (of_node && facts->scope == Scope::kPartition) ||
      (!of_node && facts->scope == Scope::kNode)) {
    return absl::DataLossError(absl::StrCat("stored key of table ", facts->name,
                                            " with a wrong partition: ", partition.value()));
  }
  return Key{facts->table, partition, bytes.substr(kKeyPrefixBytes)};
}

std::string NumberKey(uint32_t number) {
  std::string id;
  AppendBigEndian(number, &id);
  return id;
}

std::string WideKey(uint64_t number) {
  std::string id;
  AppendBigEndian(number, &id);
  return id;
}

absl::StatusOr<uint32_t> ParseNumberKey(absl::string_view id) {
  if (id.size() != sizeof(uint32_t)) return absl::InvalidArgumentError("id must have 4 bytes");
  return ReadBigEndian<uint32_t>(id.data());
}

absl::StatusOr<uint64_t> ParseWideKey(absl::string_view id) {
  if (id.size() != sizeof(uint64_t)) return absl::InvalidArgumentError("id must have 8 bytes");
  return ReadBigEndian<uint64_t>(id.data());
}

std::string EncodeIdentity(const Identity& identity) {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  writer.U32(identity.format_version);
  writer.Bytes(identity.cluster_id);
  writer.Bytes(identity.topic);
  writer.Signed(identity.partition_count);
  return bytes;
}

absl::StatusOr<Identity> DecodeIdentity(absl::string_view bytes) {
  base::ByteReader reader(bytes);
  Identity identity;
  identity.format_version = reader.U32();
  if (!reader.ok() || identity.format_version == 0) {
    return absl::DataLossError("stored identity is damaged");
  }
  if (identity.format_version > kFormatVersion) return identity;
  identity.cluster_id = std::string(reader.Bytes());
  identity.topic = std::string(reader.Bytes());
  const int64_t partition_count = reader.Signed();
  if (!reader.Done() || partition_count <= 0 || partition_count > INT32_MAX) {
    return absl::DataLossError("stored identity is damaged");
  }
  identity.partition_count = static_cast<int32_t>(partition_count);
  return identity;
}

}  // namespace kindred::store
