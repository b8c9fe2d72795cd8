// Formations that wait for nodes that are, or were, under another monitor.
#pragma once

#include <string>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

/// Nodes of its formation are awaited: nothing is decided.
bool is_incomplete(const Model& model, const Group& group);

/// The nodes that an incomplete formation waits for, as a sentence; empty when all have come and reported.
std::string awaited_nodes(const Model& model, const std::string& formation);

/// Why nothing is decided in an incomplete formation.
std::string why_incomplete(const Model& model, const std::string& formation);

}  // namespace autoctl::monitor
