// What is promised of a keeper, whatever happens to it.
#include <algorithm>

#include "keeper.h"

namespace autoctl::simulator {

namespace {

/// A streaming standby counts this long after it was last seen (keeper/core/lease.cpp).
constexpr Micros streaming_memory = ms(2500);

}  // namespace

void Keeper::judge_obedience() {
  const Term obeyed = saved().goal.term;
  if (obeyed < highest_obeyed_)
    throw Violation{servers_->group_of(node_), "a keeper obeys term " + std::to_string(obeyed.value) + " after term " +
                                                   std::to_string(highest_obeyed_.value)};
  highest_obeyed_ = obeyed;
}

/// After a crash another goal would be obeyed than the one that the order is for.
void Keeper::judge_order() const {
  if (saved().goal != on_disk_.goal)
    throw Violation{servers_->group_of(node_), "a keeper acts for a goal that it has not saved"};
}

/// After a crash it would know nothing of what it has told the monitor.
void Keeper::judge_report(const protocol::Report& report) const {
  const NodeFacts& facts = report.facts;
  if (facts.term && (facts.term != on_disk_.term || facts.state != on_disk_.state))
    throw Violation{servers_->group_of(node_), "a keeper reports a state that it has not saved"};
}

/// The monitor counts on a primary that fences itself no later than this.
void Keeper::judge_lease() {
  if (core_->saved_state().state == NodeState::init) return;
  for (const auto& peer : saved().peers)
    if (server().answers() && servers_->streams_to(node_, servers_->node_of(peer.id)))
      fenced_later_ = std::max(fenced_later_, kernel_->now + streaming_memory);
  const auto at = core_->fence_at();
  if (at && *at > clock_of(fenced_later_))
    throw Violation{servers_->group_of(node_), "a primary's lease outlives what the monitor has granted"};
}

}  // namespace autoctl::simulator
