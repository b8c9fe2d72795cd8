#include "monitor/engine/operation_kind.h"

#include <algorithm>
#include <array>

namespace autoctl::monitor {

namespace {

constexpr std::array kinds = {OperationKind::switchover,      OperationKind::promotion,
                              OperationKind::forced_failover, OperationKind::accept_timeline,
                              OperationKind::maintenance,     OperationKind::end_maintenance,
                              OperationKind::reinit};
constexpr std::array statuses = {OperationStatus::running, OperationStatus::done, OperationStatus::failed};

template <class T, std::size_t size>
std::optional<T> find_by_name(const std::array<T, size>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, [](T value) { return to_string(value); });
  if (found == all.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::string_view to_string(OperationKind kind) {
  switch (kind) {
    case OperationKind::switchover: return "switchover";
    case OperationKind::promotion: return "promotion";
    case OperationKind::forced_failover: return "forced_failover";
    case OperationKind::accept_timeline: return "accept_timeline";
    case OperationKind::maintenance: return "maintenance";
    case OperationKind::end_maintenance: return "end_maintenance";
    case OperationKind::reinit: return "reinit";
  }
  return "unknown";
}

std::optional<OperationKind> parse_operation_kind(std::string_view name) {
  return find_by_name(kinds, name);
}

std::string_view to_string(OperationStatus status) {
  switch (status) {
    case OperationStatus::running: return "running";
    case OperationStatus::done: return "done";
    case OperationStatus::failed: return "failed";
  }
  return "unknown";
}

std::optional<OperationStatus> parse_operation_status(std::string_view name) {
  return find_by_name(statuses, name);
}

}  // namespace autoctl::monitor
