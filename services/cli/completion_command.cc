#include "cli/completion_command.h"

#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kindred::cli {
namespace {

// Words that may follow the commands in `path`, one case of the script for each command.
void AppendCases(const CLI::App& app, const std::string& path, std::string* out) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  absl::StrAppend(out, "    \"", path, "\") words=\"", absl::StrJoin(words, " "), "\" ;;\n");
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    AppendCases(*sub, absl::StrCat(path, " ", sub->get_name()), out);
  }
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::string cases;
  AppendCases(app, "kindred", &cases);
  return absl::StrCat(
      "# bash completion for kindred:  source <(kindred completion)\n"
      "_kindred() {\n"
      "  local path=kindred word words\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] || path+=\" $word\"\n"
      "  done\n"
      "  case \"$path\" in\n",
      cases,
      "    *) words=\"\" ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -F _kindred kindred\n");
}

void AddCompletionCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for bash");
  command->footer("Example:\n  source <(kindred completion)");
  command->callback([&app] { std::fputs(BashCompletion(app).c_str(), stdout); });
}

}  // namespace kindred::cli
