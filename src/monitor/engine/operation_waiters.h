// Requests that wait for the end of an operation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

class OperationWaiters {
 public:
  /// Answers when the operation has ended, or at `until` with how far it is.
  void wait(std::int64_t id, TimePoint until, Reply<protocol::OperationDocument> reply);
  void ended(const OperationRow& operation);
  void expire(const Model& model, TimePoint now);
  std::optional<TimePoint> next_deadline() const;

 private:
  struct Waiter {
    TimePoint until;
    Reply<protocol::OperationDocument> reply;
  };
  std::multimap<std::int64_t, Waiter> waiters_;
};

}  // namespace autoctl::monitor
