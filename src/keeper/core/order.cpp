#include "keeper/core/order.h"

namespace autoctl::keeper {

std::string_view to_string(Order::Kind kind) {
  switch (kind) {
    case Order::Kind::create_cluster: return "create_cluster";
    case Order::Kind::configure: return "configure";
    case Order::Kind::keep_own_history: return "keep_own_history";
    case Order::Kind::mark_forked: return "mark_forked";
    case Order::Kind::create_accounts: return "create_accounts";
    case Order::Kind::set_upstream: return "set_upstream";
    case Order::Kind::start: return "start";
    case Order::Kind::stop: return "stop";
    case Order::Kind::set_sync: return "set_sync";
    case Order::Kind::checkpoint: return "checkpoint";
    case Order::Kind::stop_receiving: return "stop_receiving";
    case Order::Kind::promote: return "promote";
    case Order::Kind::rewind: return "rewind";
    case Order::Kind::copy: return "copy";
    case Order::Kind::keep_slots: return "keep_slots";
    case Order::Kind::reload: return "reload";
    case Order::Kind::hold_clients: return "hold_clients";
    case Order::Kind::admit_clients: return "admit_clients";
  }
  return "unknown";
}

}  // namespace autoctl::keeper
