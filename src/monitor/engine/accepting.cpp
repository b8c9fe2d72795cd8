#include "monitor/engine/accepting.h"

#include <algorithm>
#include <vector>

#include "monitor/fsm/accepted.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

constexpr std::size_t reason_max = 500;

std::string number_of(Timeline timeline) {
  return "timeline " + std::to_string(timeline.value);
}

/// Empty when the text is fit for the event log.
std::string why_no_reason(const std::string& text) {
  if (text.size() > reason_max) return "the reason is longer than " + std::to_string(reason_max) + " bytes";
  const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  return std::ranges::any_of(text, control) ? "the reason has control characters in it" : "";
}

/// While a node serves, its history is the group's.
Result<> check_that_no_node_serves(const GroupSnapshot& group, Timeline wanted) {
  const NodeView* serving = leader_of(group);
  if (serving == nullptr) serving = draining_of(group);
  const NodeView* candidate = candidate_of(group);
  if (serving == nullptr && candidate != nullptr && !can_be_called_off(candidate->goal.state)) serving = candidate;
  if (serving == nullptr || lost(*serving)) return {};
  if (serving == candidate) return fail(Errc::conflict, candidate->name + " is being promoted", "wait for that");
  if (serving->facts.timeline == wanted)
    return fail(Errc::conflict, serving->name + " is the primary, and is on " + number_of(wanted) + " already",
                "there is nothing to settle; nodes of another history join it by themselves");
  return fail(Errc::conflict,
              serving->name + " is the primary, on " + number_of(serving->facts.timeline) + ", and is " +
                  std::string(to_string(serving->health.verdict)) +
                  ": nodes of another history are rewound or copied and follow it",
              "what only they have is kept beside their data (<pgdata>.autoctl/diverged); an event names it");
}

std::string timelines_here(const GroupSnapshot& group) {
  std::string text;
  for (const NodeView& node : group.nodes)
    if (node.reported && node.facts.timeline)
      text += (text.empty() ? "" : ", ") + node.name + " is on " + number_of(node.facts.timeline);
  return text.empty() ? "no node has reported" : text;
}

/// Those that have it and could go on with it.
Result<std::vector<NodeId>> find_those_on(const GroupSnapshot& group, const protocol::OperationRequest& request) {
  std::vector<NodeId> fit;
  std::string unfit;
  for (const NodeView& node : group.nodes) {
    const bool is_meant = request.name.empty() || request.name == node.name;
    if (!is_meant || !node.reported || node.facts.timeline != request.timeline) continue;
    const std::string why = why_not_acceptable(group, node);
    if (why.empty())
      fit.push_back(node.id);
    else
      unfit += (unfit.empty() ? "" : "; ") + node.name + " cannot go on with what it has: " + why;
  }
  if (fit.empty() && !unfit.empty()) return fail(Errc::conflict, unfit, "`autoctl show timeline` lists the histories");
  if (fit.empty())
    return fail(Errc::not_found,
                (request.name.empty() ? "no node that is here is" : request.name + " is not here, or not") + " on " +
                    number_of(request.timeline) + ": " + timelines_here(group),
                "`autoctl show timeline` lists the histories");
  return fit;
}

bool same_history(const NodeView& a, const NodeView& b) {
  return a.facts.history == b.facts.history && a.facts.forked == b.facts.forked;
}

}  // namespace

Result<AcceptedTimeline> plan_acceptance(const GroupSnapshot& group, const protocol::OperationRequest& request) {
  if (!request.timeline) return fail(Errc::bad_usage, "which timeline?", "`autoctl show timeline` lists them");
  if (const std::string why = why_no_reason(request.reason); !why.empty()) return fail(Errc::bad_usage, why);
  AUTOCTL_TRY(check_that_no_node_serves(group, request.timeline));
  const auto fit = find_those_on(group, request);
  if (!fit) return fail(fit.error());
  const NodeView& first = *group.find(fit->front());
  for (NodeId id : *fit)
    if (const NodeView& other = *group.find(id); !same_history(first, other))
      return fail(Errc::conflict,
                  first.name + " and " + other.name + " each have a " + number_of(request.timeline) +
                      ", which are not the same",
                  "say with --name which of them");
  const NodeView& node = *most_advanced(group, *fit);
  const std::string given_up = "given up: " + what_is_given_up(group, node);
  const std::string what =
      number_of(request.timeline) + " is that of " + node.name + ", which is at " + to_string(node.facts.lsn);
  if (request.reason.empty())
    return fail(Errc::bad_usage, what + "; " + given_up, "if that is what you want, say why: --reason '…'");
  return AcceptedTimeline{node.id, "an operator accepts " + number_of(request.timeline) + " (" + request.reason +
                                       "): " + what + "; " + given_up};
}

}  // namespace autoctl::monitor
