#include "store/manifest_check.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kindred::store {
namespace {

// RocksDB's log format: blocks of 32 KiB; in them records of masked CRC-32C of type and payload (4
// bytes), length of the payload (2), type (1), payload. What is left of a block below a header's
// size is padding.
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

// So that a checksum over bytes that hold a checksum means something.
uint32_t Masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

uint32_t ReadLittleEndian(absl::string_view bytes, size_t at, size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

// Whether the record at the start of `bytes` is whole under some other length.
bool IsWhole(absl::string_view bytes) {
  const uint32_t stored = ReadLittleEndian(bytes, 0, 4);
  uint32_t crc = ExtendCrc32c(0, bytes.substr(kHeaderBytes - 1, 1));
  for (size_t size = 0;; ++size) {
    if (Masked(crc) == stored) return true;
    if (kHeaderBytes + size == bytes.size()) return false;
    crc = ExtendCrc32c(crc, bytes.substr(kHeaderBytes + size, 1));
  }
}

}  // namespace

uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes) {
  crc = ~crc;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return ~crc;
}

absl::Status CheckManifestBytes(absl::string_view bytes) {
  const size_t last_block = bytes.size() / kBlockBytes * kBlockBytes;
  absl::string_view rest = bytes.substr(last_block);
  while (rest.size() >= kHeaderBytes) {
    const size_t size = kHeaderBytes + ReadLittleEndian(rest, 4, 2);
    if (size > rest.size()) {
      if (!IsWhole(rest)) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat(
          "manifest has a record with a damaged length at byte ", bytes.size() - rest.size()));
    }
    rest.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status CheckManifest(rocksdb::Env* env, const std::string& db_dir) {
  std::string name;
  std::string bytes;
  // What cannot be read is for RocksDB to tell.
  if (!rocksdb::ReadFileToString(env, absl::StrCat(db_dir, "/CURRENT"), &name).ok()) {
    return absl::OkStatus();
  }
  const std::string path = absl::StrCat(db_dir, "/", absl::StripTrailingAsciiWhitespace(name));
  if (!rocksdb::ReadFileToString(env, path, &bytes).ok()) return absl::OkStatus();
  return CheckManifestBytes(bytes);
}

}  // namespace kindred::store
