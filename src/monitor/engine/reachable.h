// A node whose host leads every machine to itself (127.0.0.1, localhost) is of use only where all of its formation, and
// the monitor, are on one machine.
#pragma once

#include <string>

#include "monitor/engine/admission.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

/// May a node join at this host, by what the monitor sees of where it and the others are? Errors: conflict, with what to
/// type.
Result<> check_reachable(const Model& model, const protocol::RegisterRequest& request, const Caller& caller);

/// The same of a node that moves: why it cannot be found at `host`; empty when it can.
std::string why_unreachable(const Model& model, const NodeRow& row, const std::string& host, const Caller& caller);

}  // namespace autoctl::monitor
