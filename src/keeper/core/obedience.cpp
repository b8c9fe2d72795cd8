// From the monitor's word to the goal that the keeper works for.
#include "keeper/core/core.h"

namespace autoctl::keeper {

namespace {

/// Two goals that ask for the same thing, whatever their terms.
bool same_task(Goal a, Goal b) {
  a.term = b.term = Term{};
  return a == b;
}

bool knows(const SavedState& saved, const protocol::Assignment& assignment) {
  return assignment.goal == saved.goal && assignment.lease_required == saved.lease_required &&
         assignment.strict_lease == saved.strict_lease && assignment.peers == saved.peers &&
         assignment.neighbours == saved.neighbours && assignment.standing == saved.standing;
}

}  // namespace

/// A lower term than one obeyed before: never.
bool Core::has_newer_goal() const {
  const auto& newest = assignment();
  return newest && newest->goal.term >= saved_.goal.term && !knows(saved_, *newest);
}

/// What is to be saved before it is obeyed: after a crash an older goal would be obeyed again.
std::optional<SavedState> Core::newer_goal(TimePoint now) {
  const auto& newest = assignment();
  if (newest) note(newest->notice);
  if (!has_newer_goal() || (disobeys() && !retry_.is_due(now))) return std::nullopt;
  SavedState next = saved_;
  next.goal = newest->goal;
  next.lease_required = newest->lease_required;
  next.strict_lease = newest->strict_lease;
  next.peers = newest->peers;
  next.neighbours = newest->neighbours;
  next.standing = newest->standing;
  return next;
}

bool Core::disobeys() const {
  return unsaved_version_ != 0 && assignment()->version == unsaved_version_;
}

void Core::goal_was_saved() {
  const bool other_task = !same_task(saving_state_.goal, saved_.goal);
  saved_ = std::move(saving_state_);
  unsaved_version_ = 0;
  if (!other_task) return;
  say(LogLine::Level::info, "Goal: " + std::string(to_string(saved_.goal.state)) + " (term " +
                                std::to_string(saved_.goal.term.value) + "), from " +
                                std::string(to_string(saved_.state)));
  succeeded();
}

bool Core::cancelled() const {
  const auto& newest = assignment();
  const bool other_goal = newest && newest->goal.term > saved_.goal.term && !same_task(newest->goal, saved_.goal);
  return other_goal || is_refused();
}

void Core::note(const std::string& notice) {
  if (notice == notice_) return;
  say(LogLine::Level::info, notice.empty() ? "No longer: this node " + notice_ : "This node " + notice);
  notice_ = notice;
}

// ---- who this keeper is

void Core::refused(const Error& why) {
  if (why.message != refusal_)
    say(LogLine::Level::error, "This is not the node that it says to be: " + why.message + "; its Postgres stops" +
                                   (why.hint.empty() ? "" : ". " + why.hint));
  if (!is_refused()) fenced_ = false;
  refusal_ = why.message;
}

void Core::became_the_node() {
  say(LogLine::Level::info, "The monitor takes this keeper for the node");
  unproved_ = false;
  refusal_.clear();
  succeeded();
}

/// Also a standby does harm where two are one: what it receives counts as received by the node.
void Core::stand_aside() {
  run_.reset();
  facts_.trouble = is_refused() ? refusal_
                                : "waits for the monitor: this directory was copied or moved, and the node may run "
                                  "elsewhere";
  if (facts_.trouble != last_failure_ && !is_refused()) say(LogLine::Level::warning, facts_.trouble);
  last_failure_ = facts_.trouble;
}

}  // namespace autoctl::keeper
