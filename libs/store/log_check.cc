#include "store/log_check.h"

#include <array>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kindred::store {
namespace {

// RocksDB's log format: blocks of 32 KiB; in them records of masked CRC-32C of type and payload (4
// bytes), length of the payload (2), type (1), payload. What is left of a block below a header's
// size is padding.
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kTypeAt = 6;
// 1 to 4: whole, first, middle, last. 5 to 8: the same in a file used before.
constexpr int kLastType = 4;
constexpr int kLastReusedType = 8;

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
bool IsWholeUnderAnotherLength(absl::string_view bytes) {
  const uint32_t stored = ReadLittleEndian(bytes, 0, 4);
  uint32_t crc = ExtendCrc32c(0, bytes.substr(kTypeAt, 1));
  for (size_t size = 0;; ++size) {
    if (Masked(crc) == stored) return true;
    if (kHeaderBytes + size == bytes.size()) return false;
    crc = ExtendCrc32c(crc, bytes.substr(kHeaderBytes + size, 1));
  }
}

// Whether `record` is whole under a type that our files have.
bool IsWholeUnderAnotherType(absl::string_view record) {
  const uint32_t stored = ReadLittleEndian(record, 0, 4);
  for (char type = 1; type <= kLastType; ++type) {
    const uint32_t crc =
        ExtendCrc32c(ExtendCrc32c(0, absl::string_view(&type, 1)), record.substr(kHeaderBytes));
    if (Masked(crc) == stored) return true;
  }
  return false;
}

absl::Status CheckLogFile(rocksdb::Env* env, LogKind kind, const std::string& path) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  // What cannot be read is for RocksDB to tell.
  if (!env->NewSequentialFile(path, &file, rocksdb::EnvOptions()).ok()) return absl::OkStatus();
  std::string buffer(kBlockBytes, '\0');
  while (true) {
    rocksdb::Slice block;
    if (!file->Read(kBlockBytes, &block, buffer.data()).ok()) return absl::OkStatus();
    const absl::Status checked = CheckLogBlock(kind, {block.data(), block.size()});
    if (!checked.ok()) {
      return absl::DataLossError(absl::StrCat(path, ": ", checked.message()));
    }
    if (block.size() < kBlockBytes) return absl::OkStatus();
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

absl::Status CheckLogBlock(LogKind kind, absl::string_view block) {
  const bool at_end = block.size() < kBlockBytes;
  while (block.size() >= kHeaderBytes) {
    const size_t size = kHeaderBytes + ReadLittleEndian(block, 4, 2);
    if (size > block.size()) {
      if (kind == LogKind::kManifest && at_end && IsWholeUnderAnotherLength(block)) {
        return absl::DataLossError("a record has a damaged length");
      }
      return absl::OkStatus();
    }
    const int type = static_cast<unsigned char>(block[kTypeAt]);
    if (type > kLastType && type <= kLastReusedType &&
        IsWholeUnderAnotherType(block.substr(0, size))) {
      return absl::DataLossError("a record has a damaged type");
    }
    block.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status CheckLogs(rocksdb::Env* env, const std::string& db_dir) {
  std::vector<std::string> names;
  if (!env->GetChildren(db_dir, &names).ok()) return absl::OkStatus();
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log")) continue;
    KINDRED_RETURN_IF_ERROR(
        CheckLogFile(env, LogKind::kWriteAheadLog, absl::StrCat(db_dir, "/", name)));
  }
  std::string manifest;
  if (!rocksdb::ReadFileToString(env, absl::StrCat(db_dir, "/CURRENT"), &manifest).ok()) {
    return absl::OkStatus();
  }
  return CheckLogFile(env, LogKind::kManifest,
                      absl::StrCat(db_dir, "/", absl::StripTrailingAsciiWhitespace(manifest)));
}

}  // namespace kindred::store
