// May this node join, and as what? Checks without effects.
#pragma once

#include <optional>
#include <string>

#include "monitor/engine/environment.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

struct RegistrationPlan {
  std::optional<FormationRow> changed_formation;  // its first node says what it is
  std::optional<GroupRow> changed_group;          // new, or its system identifier becomes known
  NodeRow node;                                   // goal init; no token yet
};

/// Errors: bad_usage, not_found (the formation), conflict (name or address taken, another system identifier, a standby
/// as the first node), incompatible.
Result<RegistrationPlan> plan_registration(const Model& model, const protocol::RegisterRequest& request,
                                           const Environment& env);

}  // namespace autoctl::monitor
