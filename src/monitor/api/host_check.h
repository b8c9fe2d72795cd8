// Can this machine find a node's host? Asked before the node is registered: one that the monitor cannot resolve, or finds
// on its own machine although it is on another one, waits for ever.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/util/result.h"

namespace autoctl::monitor {

class HostCheck {
 public:
  using Then = std::function<void(Result<> found)>;

  HostCheck();
  /// Nothing is told any more; a lookup under way ends by itself.
  ~HostCheck();
  HostCheck(const HostCheck&) = delete;
  HostCheck& operator=(const HostCheck&) = delete;

  /// Never blocks. `elsewhere`: the address of the node's machine, if that is not this one. `then` is told at once where no
  /// name server is needed, else in a thread of its own; it must not block. Errors: conflict, timeout, unavailable (too many
  /// are asked about at once).
  void check(const std::string& host, const std::string& elsewhere, Then then) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace autoctl::monitor
