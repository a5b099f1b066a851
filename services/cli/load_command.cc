#include "cli/load_command.h"

namespace kindred::cli {

void AddLoadCommand(CLI::App& app) {
  CLI::App* load = app.add_subcommand("load", "Make work for a broker or a node, and measure");
  load->require_subcommand(1);
  AddLoadEventsCommand(*load);
  AddLoadCallsCommand(*load);
}

}  // namespace kindred::cli
