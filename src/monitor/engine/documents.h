// The state of everything, for people and for `show state`.
#pragma once

#include <optional>
#include <string>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

protocol::FormationDocument formation_document(const FormationRow& row);

protocol::OperationDocument operation_document(const OperationRow& operation);

/// `formation` empty = all. Errors: not_found.
Result<protocol::StateDocument> state_document(const Model& model, const std::string& formation,
                                               std::optional<GroupId> group, bool store_available, TimePoint now);

}  // namespace autoctl::monitor
