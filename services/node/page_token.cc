#include "node/page_token.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint64_t kMarkSeed = 0x706167655f6d6172;
constexpr uint64_t kCheckSeed = 0x706167655f746f6b;

uint32_t CheckOf(absl::string_view bytes) {
  return static_cast<uint32_t>(base::Fingerprint64(bytes, kCheckSeed));
}

}  // namespace

uint32_t ItemMark(absl::string_view item_id) {
  return static_cast<uint32_t>(base::Fingerprint64(item_id, kMarkSeed));
}

uint64_t RequestFingerprint(const v1::RecommendRequest& request) {
  v1::RecommendRequest lasting = request;
  lasting.clear_count();
  lasting.clear_page_token();
  lasting.clear_validate_only();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    lasting.SerializeToCodedStream(&out);
  }
  return base::Fingerprint64(bytes, kCheckSeed);
}

std::string EncodePageToken(const PageToken& token) {
  std::string bytes;
  base::ByteWriter out(&bytes);
  out.U8(kVersion);
  out.U64(token.request);
  out.Varint(token.returned.size());
  for (const uint32_t mark : token.returned) out.U32(mark);
  out.U32(CheckOf(bytes));
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<PageToken> DecodePageToken(absl::string_view text) {
  const absl::Status bad =
      absl::InvalidArgumentError("expected next_page_token of a former answer");
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < sizeof(uint32_t)) return bad;
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return bad;
  PageToken token;
  token.request = in.U64();
  const size_t size = in.Count(sizeof(uint32_t));
  if (size > kMaxPagedItems) return bad;
  token.returned.reserve(size);
  for (size_t i = 0; i < size; ++i) token.returned.push_back(in.U32());
  const uint32_t check = in.U32();
  const absl::string_view checked =
      absl::string_view(bytes).substr(0, bytes.size() - sizeof(uint32_t));
  if (!in.Done() || check != CheckOf(checked)) return bad;
  return token;
}

}  // namespace kindred::node
