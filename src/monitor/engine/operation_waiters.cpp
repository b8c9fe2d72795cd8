#include "monitor/engine/operation_waiters.h"

#include <algorithm>

#include "monitor/engine/documents.h"

namespace autoctl::monitor {

void OperationWaiters::wait(std::int64_t id, TimePoint until, Reply<protocol::OperationDocument> reply) {
  waiters_.emplace(id, Waiter{until, std::move(reply)});
}

void OperationWaiters::ended(const OperationRow& operation) {
  const auto [first, last] = waiters_.equal_range(operation.id);
  for (auto waiter = first; waiter != last; ++waiter) waiter->second.reply(operation_document(operation));
  waiters_.erase(first, last);
}

void OperationWaiters::expire(const Model& model, TimePoint now) {
  std::erase_if(waiters_, [&](const auto& entry) {
    if (entry.second.until > now) return false;
    entry.second.reply(operation_document(model.operations.at(entry.first)));
    return true;
  });
}

std::optional<TimePoint> OperationWaiters::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [id, waiter] : waiters_) next = std::min(next.value_or(waiter.until), waiter.until);
  return next;
}

}  // namespace autoctl::monitor
