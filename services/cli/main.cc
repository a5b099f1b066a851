#include "CLI/CLI.hpp"
#include "cli/ask_commands.h"
#include "cli/audiences_command.h"
#include "cli/client.h"
#include "cli/completion_command.h"
#include "cli/dead_letters_command.h"
#include "cli/demo_command.h"
#include "cli/evaluate_command.h"
#include "cli/forecast_command.h"
#include "cli/identity_command.h"
#include "cli/import_command.h"
#include "cli/load_command.h"
#include "cli/plot_command.h"
#include "cli/predict_command.h"
#include "cli/quality_command.h"
#include "cli/recommend_commands.h"
#include "cli/rules_command.h"
#include "cli/series_command.h"
#include "cli/tune_command.h"
#include "node/version.h"

int main(int argc, char** argv) {
  CLI::App app("kindred: live customer profiles, from the command line");
  app.footer(
      "Examples:\n"
      "  kindred demo --once\n"
      "  kindred import purchases.csv --brokers localhost:9092\n"
      "  kindred get u-7\n"
      "  kindred recommend u-7 --explain\n"
      "Exit status: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 no connection or not "
      "ready.");
  app.set_version_flag("--version", std::string(kindred::node::kVersion));
  app.require_subcommand(1);
  kindred::cli::AddDemoCommand(app);
  kindred::cli::AddImportCommands(app);
  kindred::cli::AddAskCommands(app);
  kindred::cli::AddIdentityCommand(app);
  kindred::cli::AddRecommendCommands(app);
  kindred::cli::AddAudiencesCommand(app);
  kindred::cli::AddRulesCommand(app);
  kindred::cli::AddDeadLettersCommand(app);
  kindred::cli::AddEvaluateCommand(app);
  kindred::cli::AddSeriesCommand(app);
  kindred::cli::AddQualityCommand(app);
  kindred::cli::AddTuneCommand(app);
  kindred::cli::AddForecastCommand(app);
  kindred::cli::AddPlotCommand(app);
  kindred::cli::AddClusterCommands(app);
  kindred::cli::AddPredictCommand(app);
  kindred::cli::AddLoadCommand(app);
  kindred::cli::AddCompletionCommand(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kindred::cli::kExitUsage;
  }
  return 0;
}
