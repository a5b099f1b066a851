// Runs a fuzz target (LLVMFuzzerTestOneInput) on mutations of its corpus.
//
//   target [--seconds=N] [--runs=N] [--seed=N] [--max-len=BYTES] [--timeout=SECONDS]
//          [--artifacts=DIR] [file-or-folder]...
//
// First every file as it is, then mutations of them until the seconds or the runs are over; with
// neither, the files alone: that is how a finding is run again. Run i depends on the seed, i and
// the files only, so the same seed finds the same input. A finding (signal, sanitizer report, hang,
// 4 GB of memory) is written to DIR and ends the process with an error.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);
// There when a sanitizer is linked in: called once its report is written.
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
const char* __asan_default_options() {
  return "max_allocation_size_mb=4096:hard_rss_limit_mb=8192";
}
const char* __ubsan_default_options() {
  return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}
}

namespace {

struct Options {
  uint64_t seconds = 0;
  uint64_t runs = 0;
  uint64_t seed = 1;
  uint64_t max_len = 65536;
  uint64_t timeout_seconds = 20;
  std::string artifacts = ".";
  std::vector<std::string> paths;
};

// What a signal handler needs, ready before the first run: it may call nothing that allocates.
struct Finding {
  const uint8_t* data = nullptr;
  size_t size = 0;
  std::string path;
  std::string message;
};
Finding* finding = nullptr;

void WriteAll(int fd, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = write(fd, at, size);
    if (n <= 0) return;
    at += n;
    size -= static_cast<size_t>(n);
  }
}

void SaveFinding() {
  if (finding->data == nullptr) return;
  const int fd = open(finding->path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (fd >= 0) {
    WriteAll(fd, finding->data, finding->size);
    close(fd);
  }
  WriteAll(STDERR_FILENO, finding->message.data(), finding->message.size());
  finding->data = nullptr;
}

void OnSignal(int signal_number) {
  SaveFinding();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void CatchFindings() {
  signal(SIGABRT, OnSignal);
  signal(SIGALRM, OnSignal);  // A run that takes longer than the timeout.
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SaveFinding);  // It reports the other signals itself.
    return;
  }
  for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(s, OnSignal);
  const rlimit four_gb{uint64_t{4} << 30, uint64_t{4} << 30};
  setrlimit(RLIMIT_AS, &four_gb);
}

// SplitMix64 (Steele, Lea, Flood 2014): any seed is as good as any other.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [0, n); 0 when n is 0.
  size_t Below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(Next() % n); }

 private:
  uint64_t state_;
};

std::vector<std::string> ReadCorpus(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (std::filesystem::is_directory(path)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path().string());
      }
    } else if (std::filesystem::exists(path)) {
      files.push_back(path);
    } else {
      std::fprintf(stderr, "no such file or folder: %s\n", path.c_str());
      std::exit(2);
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

// Words of the corpus (names of JSON fields, say) and some that parsers have stumbled over.
std::vector<std::string> Tokens(const std::vector<std::string>& corpus) {
  constexpr size_t kMaxTokens = 8192;
  std::set<std::string> words;
  for (const std::string& text : corpus) {
    std::string word;
    for (const char c : text + '\0') {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
        word += c;
        continue;
      }
      if (word.size() >= 2 && word.size() <= 40 && words.size() < kMaxTokens) words.insert(word);
      word.clear();
    }
  }
  std::vector<std::string> tokens(words.begin(), words.end());
  for (const std::string_view token : {"{",
                                       "}",
                                       "[",
                                       "]",
                                       "\"",
                                       ":",
                                       ",",
                                       "\\",
                                       "\\u0000",
                                       "\\ud800",
                                       "null",
                                       "true",
                                       "NaN",
                                       "1e999",
                                       "-0",
                                       "-1",
                                       "0.1",
                                       "2147483648",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "18446744073709551616",
                                       "1970-01-01T00:00:00Z",
                                       "9999-12-31T23:59:59Z",
                                       "\xff\xfe",
                                       "\xc0\xaf",
                                       "\xed\xa0\x80",
                                       "\xef\xbb\xbf",
                                       "%s%n",
                                       "../",
                                       "'",
                                       "\r\n",
                                       "\t"}) {
    tokens.emplace_back(token);
  }
  tokens.push_back(std::string(1, '\0'));
  tokens.push_back(std::string(9, '\xff') + '\x01');  // The longest varint.
  return tokens;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, size_t max_len)
      : corpus_(corpus), tokens_(Tokens(corpus)), max_len_(max_len) {}

  std::string Make(uint64_t seed, uint64_t run) const {
    Random random(Random(seed).Next() ^ Random(run).Next());
    std::string input = corpus_.empty() ? "" : corpus_[random.Below(corpus_.size())];
    // Mostly few changes, so that most of the input still parses; now and then many.
    const size_t changes = random.Below(8) == 0 ? 1 + random.Below(32) : 1 + random.Below(4);
    for (size_t i = 0; i < changes; ++i) {
      Change(random, input);
      if (input.size() > max_len_) input.resize(max_len_);
    }
    return input;
  }

 private:
  void Change(Random& random, std::string& input) const {
    const size_t at = random.Below(input.size() + 1);
    const size_t length = 1 + random.Below(std::min<size_t>(input.size() - at, 64));
    switch (random.Below(10)) {
      case 0:
        if (at < input.size()) input[at] ^= static_cast<char>(1u << random.Below(8));
        return;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(random.Next());
        return;
      case 2:
        input.insert(at, 1, static_cast<char>(random.Next()));
        return;
      case 3:
        input.erase(at, length);
        return;
      case 4:
        input.resize(at);
        return;
      case 5:
        return Repeat(random, input, at, length);
      case 6:
        return Splice(random, input, at);
      case 7:
        return Extreme(random, input, at);
      case 8:
        input.insert(at, tokens_[random.Below(tokens_.size())]);
        return;
      default:
        return ReplaceWord(random, input, at);
    }
  }

  // A piece of the input again and again: deep nesting, long lists, long strings.
  void Repeat(Random& random, std::string& input, size_t at, size_t length) const {
    const std::string piece = input.substr(at, length);
    if (piece.empty()) return;
    const size_t times = size_t{1} << random.Below(12);
    std::string all;
    for (size_t i = 0; i < times && all.size() < max_len_; ++i) all += piece;
    input.insert(at, all);
  }

  // A piece of another input in this one's place.
  void Splice(Random& random, std::string& input, size_t at) const {
    if (corpus_.empty()) return;
    const std::string& other = corpus_[random.Below(corpus_.size())];
    const size_t from = random.Below(other.size() + 1);
    const size_t length = random.Below(other.size() - from + 1);
    input.replace(at, random.Below(input.size() - at + 1), other, from, length);
  }

  // An integer at the edge of its type, in either byte order, over what is there.
  static void Extreme(Random& random, std::string& input, size_t at) {
    const size_t width = size_t{1} << random.Below(4);
    const uint64_t ones = ~uint64_t{0} >> (64 - 8 * width);
    const uint64_t values[] = {0, 1, ones, ones >> 1, (ones >> 1) + 1, input.size(), at, 0x80};
    const uint64_t value = values[random.Below(std::size(values))];
    const bool big_endian = random.Below(2) == 1;
    for (size_t i = 0; i < width && at + i < input.size(); ++i) {
      input[at + i] = static_cast<char>(value >> (8 * (big_endian ? width - 1 - i : i)));
    }
  }

  // A token in the place of the word at `at`: another field name, another kind of value.
  void ReplaceWord(Random& random, std::string& input, size_t at) const {
    const auto in_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    };
    size_t begin = at;
    size_t end = at;
    while (begin > 0 && in_word(input[begin - 1])) --begin;
    while (end < input.size() && in_word(input[end])) ++end;
    input.replace(begin, end - begin, tokens_[random.Below(tokens_.size())]);
  }

  const std::vector<std::string>& corpus_;
  std::vector<std::string> tokens_;
  size_t max_len_;
};

void Run(const std::string& input, uint64_t timeout_seconds) {
  // A block of the exact size: a read past the end is one that a sanitizer sees.
  const std::unique_ptr<uint8_t[]> data(new uint8_t[input.size()]);
  if (!input.empty()) std::memcpy(data.get(), input.data(), input.size());
  finding->data = data.get();
  finding->size = input.size();
  alarm(static_cast<unsigned>(timeout_seconds));
  LLVMFuzzerTestOneInput(data.get(), input.size());
  alarm(0);
  finding->data = nullptr;
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  const struct {
    std::string_view name;
    uint64_t* value;
  } numbers[] = {{"--seconds=", &options.seconds},
                 {"--runs=", &options.runs},
                 {"--seed=", &options.seed},
                 {"--max-len=", &options.max_len},
                 {"--timeout=", &options.timeout_seconds}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    bool known = !arg.starts_with("--");
    if (known) options.paths.emplace_back(arg);
    if (arg.starts_with("--artifacts=")) {
      options.artifacts = arg.substr(arg.find('=') + 1);
      known = true;
    }
    for (const auto& number : numbers) {
      if (!arg.starts_with(number.name)) continue;
      const char* const end = arg.data() + arg.size();
      const auto result = std::from_chars(arg.data() + number.name.size(), end, *number.value);
      known = result.ec == std::errc() && result.ptr == end;
    }
    if (!known) {
      std::fprintf(stderr, "bad option %s\n", argv[i]);
      std::exit(2);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  const std::vector<std::string> corpus = ReadCorpus(options.paths);
  const Mutator mutator(corpus, options.max_len);

  finding = new Finding;
  std::filesystem::create_directories(options.artifacts);
  const std::string name = std::filesystem::path(argv[0]).filename().string() + "-seed" +
                           std::to_string(options.seed) + ".finding";
  finding->path = std::filesystem::absolute(std::filesystem::path(options.artifacts) / name);
  finding->message = "\nthe input of this finding is in " + finding->path +
                     "\nrun it again: " + std::filesystem::absolute(argv[0]).string() + " " +
                     finding->path + "\n";
  CatchFindings();

  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Run("", options.timeout_seconds);
  for (const std::string& input : corpus) Run(input, options.timeout_seconds);
  uint64_t run = 0;
  while ((options.runs != 0 && run < options.runs) ||
         (options.runs == 0 && elapsed() < static_cast<double>(options.seconds))) {
    Run(mutator.Make(options.seed, run++), options.timeout_seconds);
  }
  std::printf("%zu files and %llu mutations of them in %.1f s (seed %llu): no finding\n",
              corpus.size(), static_cast<unsigned long long>(run), elapsed(),
              static_cast<unsigned long long>(options.seed));
  return 0;
}
