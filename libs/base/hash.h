// The hashes whose values leave the process (stored, sent, or decide ownership), so they must never
// change. For hash tables in memory use absl::Hash.
#ifndef KINDRED_BASE_HASH_H_
#define KINDRED_BASE_HASH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace kindred::base {

// XXH3, 64 bits.
uint64_t Fingerprint64(absl::string_view bytes, uint64_t seed = 0);

// The default partitioner of Java producers and of librdkafka's murmur2_random: murmur2 of the key
// (seed 0x9747b28c), sign bit cleared, modulo the number of partitions. Requires partitions > 0.
uint32_t Murmur2(absl::string_view key);
int32_t PartitionOf(absl::string_view key, int32_t partitions);

}  // namespace kindred::base

#endif  // KINDRED_BASE_HASH_H_
