// Records in, events out, for every format: tests/golden/event/*.txt. A file is a list of blocks,
// separated by empty lines:
//   # why                      any number
//   header name: value         any number, without one of several spaces around
//   key text                   at most one
//   text …  or  base64 …       the value
//   = ok format  or  = failure detail
//   > line/lines native JSON   one for each event; for items their native JSON
// With KINDRED_UPDATE_GOLDEN set the last two are written anew instead of compared.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/testing/source_tree.h"
#include "event/decoder.h"
#include "event/encode.h"
#include "event/item_decoder.h"
#include "gtest/gtest.h"

namespace kindred::event {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::vector<std::string> input;  // the lines that are not results
  std::vector<std::pair<std::string, std::string>> headers;
  std::string key;
  std::string value;
};

// Whether `line` is "<word> rest"; rest goes to `out`.
bool Rest(absl::string_view line, absl::string_view word, std::string* out) {
  if (!absl::StartsWith(line, word)) return false;
  *out = std::string(line.substr(word.size()));
  return true;
}

Block ReadBlock(absl::string_view text) {
  Block block;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "= ") || absl::StartsWith(line, "> ")) continue;
    block.input.emplace_back(line);
    std::string rest;
    if (Rest(line, "header ", &rest)) {
      const std::pair<std::string, std::string> header =
          absl::StrSplit(rest, absl::MaxSplits(": ", 1));
      block.headers.push_back(header);
    } else if (Rest(line, "base64 ", &rest)) {
      EXPECT_TRUE(absl::Base64Unescape(rest, &block.value)) << line;
    } else if (!Rest(line, "key ", &block.key) && !Rest(line, "text ", &block.value)) {
      EXPECT_TRUE(absl::StartsWith(line, "# ")) << line;
    }
  }
  return block;
}

// The block with its results.
std::string Result(const Block& block, bool is_item) {
  std::vector<Header> headers;
  for (const auto& [name, value] : block.headers) headers.push_back({name, value});
  const EncodedRecord record{.key = block.key, .value = block.value, .headers = headers};
  std::vector<std::string> lines = block.input;
  std::vector<std::string> decoded;
  DecodeResult result;
  if (is_item) {
    ItemDecoder decoder;
    Item item;
    result = decoder.Decode(record, &item);
    if (result.ok()) decoded.push_back(absl::StrCat("> ", EncodeItemJson(item)));
  } else {
    Decoder decoder;
    std::vector<Event> events;
    result = decoder.Decode(record, &events);
    for (const Event& event : events) {
      decoded.push_back(absl::StrCat("> ", event.line, "/", event.lines, " ", EncodeJson(event)));
    }
  }
  lines.push_back(result.ok()
                      ? absl::StrCat("= ok ", FormatName(result.format))
                      : absl::StrCat("= ", DecodeFailureName(result.failure), " ", result.detail));
  lines.insert(lines.end(), decoded.begin(), decoded.end());
  return absl::StrJoin(lines, "\n");
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(GoldenTest, RecordsGiveTheEventsOfTheFiles) {
  const fs::path folder = fs::path(base::SourceTreePath("tests/golden/event"));
  int blocks = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const std::string text = ReadFile(entry.path());
    const bool is_item = absl::StartsWith(entry.path().filename().string(), "item");
    std::vector<std::string> results;
    for (const absl::string_view part : absl::StrSplit(text, "\n\n", absl::SkipEmpty())) {
      results.push_back(Result(ReadBlock(part), is_item));
      ++blocks;
    }
    const std::string expected = absl::StrJoin(results, "\n\n") + "\n";
    if (std::getenv("KINDRED_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(entry.path(), std::ios::binary) << expected;
    } else {
      EXPECT_EQ(text, expected) << entry.path();
    }
  }
  EXPECT_GT(blocks, 50);
}

}  // namespace
}  // namespace kindred::event
