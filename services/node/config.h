// The node's configuration: YAML (or --set key=value) read into kindred.config.v1.NodeConfig.
#ifndef KINDRED_NODE_CONFIG_H_
#define KINDRED_NODE_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kindred/config/v1/config.pb.h"

namespace kindred::node {

// Every field set to its default.
config::v1::NodeConfig DefaultConfig();

// Reads `yaml` over `config`. InvalidArgument names source, line and column, what was found and
// what was expected; `config` is then unchanged. Unknown keys are errors, with the nearest known
// key.
absl::Status ReadYaml(absl::string_view source, absl::string_view yaml,
                      config::v1::NodeConfig* config);

// Reads the file at `path` over `config`.
absl::Status ReadConfigFile(const std::string& path, config::v1::NodeConfig* config);

// Applies one "section.key=value", as --set takes it.
absl::Status ApplyOverride(absl::string_view assignment, config::v1::NodeConfig* config);

// What cannot work: values out of range, required ones that are missing. InvalidArgument lists all.
absl::Status ValidateConfig(const config::v1::NodeConfig& config);

// The configuration as YAML with every value in force; secrets are not shown.
std::string PrintConfig(const config::v1::NodeConfig& config);

}  // namespace kindred::node

#endif  // KINDRED_NODE_CONFIG_H_
