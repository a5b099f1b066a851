#include "simulation/simulation.h"

namespace kindred::simulation {

absl::string_view DefectName(Defect defect) {
  switch (defect) {
    case Defect::kNone:
      return "none";
    case Defect::kSkipOffset:
      return "skip-offset";
    case Defect::kOffsetBeforeState:
      return "offset-before-state";
    case Defect::kForgetDuplicates:
      return "forget-duplicates";
    case Defect::kApplyTwice:
      return "apply-twice";
  }
  return "?";
}

}  // namespace kindred::simulation
