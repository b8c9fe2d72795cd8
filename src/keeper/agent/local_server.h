// The Postgres beside the keeper as the worker sees it: it looks at it and gives it orders.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/util/result.h"
#include "keeper/core/observation.h"
#include "keeper/core/order.h"
#include "keeper/core/saved_state.h"

namespace autoctl::keeper {

class LocalServer {
 public:
  struct Attention {
    bool takes_over_servers = false;  // one that was started by others counts as ours
    bool probes_upstream = false;     // and try its port
    const SavedState& saved;          // the upstream and the group's other nodes
  };
  /// What an order under way is told, and tells. Called from the thread that carries it out.
  struct Talk {
    std::function<bool()> cancelled;                                     // true: give up, a newer goal came
    std::function<void(int percent, const std::string& what)> progress;  // of a copy or a rewind
    std::function<void(const std::vector<NodeId>&)> slots_given_up;
  };

  virtual ~LocalServer() = default;
  /// Blocks for a bounded time, a second or two. What could not be seen is missing in the answer.
  virtual Observation look(const Attention& attention) = 0;
  /// Idempotent; may take as long as a copy takes. Errors: unavailable when cancelled; conflict from `rewind` is proof
  /// that it cannot work; timeout from `start`: it makes no progress.
  virtual Result<> carry_out(const Order& order, const SavedState& saved, const Talk& talk) = 0;
  /// What happened since the last call that belongs into the event log.
  virtual std::vector<std::string> take_news() = 0;
  /// Readable once the server has ended; -1 when none runs. For poll().
  virtual int ended_fd() const = 0;
};

}  // namespace autoctl::keeper
