#include "keeper/core/instance_chain.h"

#include <utility>

namespace autoctl::keeper {

namespace {

/// A copy that is older than this is known as one, also when the node itself is gone.
constexpr Millis link_interval{2000};
/// Starts while the monitor is away. Of more of them those in the middle are forgotten.
constexpr std::size_t former_max = 64;

}  // namespace

InstanceChain::InstanceChain(protocol::Instance saved, std::string place)
    : instance_(std::move(saved)), place_(std::move(place)) {}

protocol::Instance InstanceChain::with_link(std::string id) const {
  protocol::Instance next = instance_;
  if (!next.id.empty()) next.former.push_back(next.id);
  if (next.former.size() > former_max) next.former.erase(next.former.begin() + 1);
  next.id = std::move(id);
  ++next.number;
  return next;
}

void InstanceChain::saved(protocol::Instance instance, TimePoint now) {
  instance_ = std::move(instance);
  linked_at_ = now;
}

TimePoint InstanceChain::next_link_at() const {
  return instance_.former.empty() && !instance_.id.empty() ? linked_at_ + link_interval : TimePoint::max();
}

protocol::Instance InstanceChain::current() const {
  protocol::Instance current = instance_;
  current.place = place_;
  return current;
}

void InstanceChain::confirmed(const std::string& id) {
  if (id.empty() || id != instance_.id) return;
  instance_.former.clear();
  instance_.confirmed = instance_.number;
  instance_.place = place_;
}

}  // namespace autoctl::keeper
