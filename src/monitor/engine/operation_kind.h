// The operations that an operator can ask for, and their statuses. The names cross the wire and are in the store.
#pragma once

#include <optional>
#include <string_view>

namespace autoctl::monitor {

enum class OperationKind : unsigned char {
  switchover,
  promotion,
  forced_failover,
  accept_timeline,
  maintenance,
  end_maintenance,
  reinit,  // end_maintenance, by a fresh copy
};
std::string_view to_string(OperationKind kind);
std::optional<OperationKind> parse_operation_kind(std::string_view name);

enum class OperationStatus : unsigned char { running, done, failed };
std::string_view to_string(OperationStatus status);
std::optional<OperationStatus> parse_operation_status(std::string_view name);

/// Does it take a node out of service, or back?
constexpr bool is_maintenance(OperationKind kind) {
  return kind == OperationKind::maintenance || kind == OperationKind::end_maintenance || kind == OperationKind::reinit;
}

/// It may give commits up, and ends the operation that is under way.
constexpr bool gives_up(OperationKind kind) {
  return kind == OperationKind::forced_failover || kind == OperationKind::accept_timeline;
}

}  // namespace autoctl::monitor
