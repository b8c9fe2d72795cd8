// The rule table: every decision the monitor can take, in the order in which they are tried. A rule's number never
// changes; new ones go into the gaps.
#include <algorithm>
#include <array>
#include <utility>

#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

struct Rule {
  RuleInfo info;
  Outcome (*fire)(const Context&);
};

// What a rule is, beside its name and what it does.
constexpr RuleTraits begins{};
constexpr RuleTraits finishes{.finishes = true};
constexpr RuleTraits judges{.judges = true};
constexpr RuleTraits operator|(RuleTraits a, RuleTraits b) {
  return {a.finishes || b.finishes, a.judges || b.judges};
}

constexpr std::array rule_table = {
    // The end of an operation comes first: nothing else may change the leader before it is noticed.
    Rule{{100, "switchover_done", finishes,
          "the node that an operator asked for is the primary, and the coordinator sends a worker's statements there: "
          "the operation has succeeded"},
         switchover_done},

    Rule{{195, "timeline_accepted", begins,
          "an operator has chosen the node whose history is kept, and there is no primary: all other nodes stop, then "
          "that node takes over"},
         timeline_accepted},
    Rule{{200, "primary_is_dead", judges,
          "the primary is dead by conclusive evidence, and enough of its quorum is present: fence the quorum, then "
          "promote"},
         primary_is_dead},
    Rule{{201, "failover_with_bounded_loss", judges,
          "the primary is dead and waited for no standby, and an operator allows a failover to lose commits: a standby "
          "takes over that lacks no more than failover_max_lost_time and failover_max_lost_bytes say, when the old "
          "primary's lease is over"},
         failover_with_bounded_loss},
    Rule{{202, "primary_cannot_write", begins,
          "the primary is alive, but its disk is full, and no voter's disk is: a standby takes over"},
         primary_cannot_write},
    Rule{{203, "primary_is_cut_off", judges,
          "the primary is alive, but its links to so many standbys are broken that no commit completes, and those "
          "standbys are enough to elect one of them and to acknowledge for it"},
         primary_is_cut_off},
    Rule{{205, "primary_lost_while_draining", finishes | judges,
          "the primary died while it handed over: the switchover becomes a failover"},
         primary_lost_while_draining},
    Rule{{210, "primary_was_dropped", begins, "the primary was dropped and has stopped: its quorum elects another"},
         primary_was_dropped},
    Rule{{212, "failover_forced", begins,
          "an operator accepts that commits may be lost, and no standby can be elected: the most advanced standby that "
          "is present takes over"},
         failover_forced},
    Rule{{215, "voter_returns", finishes,
          "a member of the quorum returns during an election: it reports how far it got, too"},
         voter_returns},
    Rule{{220, "standbys_elect", finishes,
          "enough fenced standbys have reported how far they got: the highest priority, then the most advanced, "
          "becomes the candidate; it fetches the WAL that it lacks from the most advanced"},
         standbys_elect},
    Rule{{225, "fast_forward_failed", finishes | judges,
          "the candidate cannot fetch the WAL that it lacks: the standby that has it becomes the candidate, or the "
          "election starts again"},
         fast_forward_failed},
    Rule{{230, "election_called_off", finishes,
          "the candidate or too many voters were lost before any node was told to promote, and the old primary is "
          "back: it stays the primary"},
         election_called_off},
    Rule{{235, "candidate_lost", finishes | judges,
          "the candidate was lost before it was told to promote: the other voters, if they are enough, elect another"},
         candidate_lost},
    Rule{{237, "handover_fell_short", finishes,
          "the old primary has stopped, but the candidate did not receive everything from it: all standbys elect"},
         handover_fell_short},
    Rule{{240, "candidate_is_fenced", finishes,
          "no member of the quorum receives from the old primary any more, so the old primary cannot acknowledge a "
          "commit: promote the candidate"},
         candidate_is_fenced},
    Rule{{250, "candidate_promoted", finishes,
          "the candidate accepts writes: it is the primary, and the others follow it"},
         candidate_promoted},

    Rule{{300, "old_primary_drained", finishes,
          "the old primary has stopped after handing over everything: promote the candidate"},
         old_primary_drained},
    Rule{{310, "switchover_called_off", finishes | judges,
          "the candidate was lost or did not get ready before the primary had handed over, or the primary crashed and "
          "the candidate may lack what another standby acknowledged: the primary stays the primary"},
         switchover_called_off},
    Rule{{315, "switchover_overdue", finishes | judges,
          "the primary was to hand over but did not stop in time: it stays the primary"},
         switchover_overdue},
    Rule{{317, "switchover_not_held", finishes,
          "a worker was to hand over, but the candidate is gone or the coordinator does not hold the statements in "
          "time: the primary stays the primary"},
         switchover_not_held},
    Rule{{318, "switchover_prepares", begins,
          "an operator asked for another primary in a Citus worker group: checkpoint first, then the coordinator holds "
          "the statements"},
         switchover_prepares},
    Rule{{320, "switchover_starts", begins,
          "an operator asked for another primary, and a worker's statements are held: stop the old primary, then "
          "promote the candidate"},
         switchover_starts},
    Rule{{330, "switchover_refused", begins, "an operator asked for another primary, but no standby can take over"},
         switchover_refused},

    Rule{{340, "maintenance_reached", begins,
          "the node that an operator takes out of service has reached maintenance: the operation has succeeded"},
         maintenance_reached},
    Rule{{342, "maintenance_refused", begins,
          "the node that an operator wants to take out of service is needed, or the primary does not release it in "
          "time"},
         maintenance_refused},
    Rule{{344, "maintenance_starts", begins,
          "the primary has proved that it no longer waits for the node that an operator takes out of service: "
          "maintenance begins"},
         maintenance_starts},
    Rule{{346, "maintenance_ends", begins, "an operator ends a node's maintenance: the node rejoins"},
         maintenance_ends},
    Rule{{348, "maintenance_end_refused", begins,
          "an operator wants to end a node's maintenance, but there is no primary for it to follow"},
         maintenance_end_refused},

    Rule{{400, "standby_lost", judges,
          "a standby of the quorum is lost and too few are left: the primary stops waiting for it"},
         standby_lost},
    Rule{{405, "quorum_disproved", finishes,
          "the primary reports other synchronous_standby_names in force than it has proved (after an ALTER SYSTEM, "
          "say): no standby is electable until they are restored and proved again"},
         quorum_disproved},
    Rule{{410, "quorum_confirmed", finishes,
          "the primary has proved what it requires of every commit: its voters are electable"},
         quorum_confirmed},
    Rule{{420, "quorum_turned_on", begins, "a standby streams and has caught up: the primary waits for it from now on"},
         quorum_turned_on},
    Rule{{430, "quorum_grows", begins,
          "the set of streaming standbys, or number_sync_standbys, has changed: the quorum follows, as long as it "
          "stays large enough"},
         quorum_grows},
    Rule{{435, "standby_forked_off", begins,
          "a standby was promoted outside autoctl, or its history has diverged from the primary's: it rejoins, rewound "
          "or copied"},
         standby_forked_off},
    Rule{{440, "standby_stalled", judges,
          "a standby is alive but has not streamed for long: it rejoins, rewound or copied if it has to be"},
         standby_stalled},

    Rule{{500, "first_node_becomes_single", begins, "the first node of a group becomes its primary"},
         first_node_becomes_single},
    Rule{{510, "newcomer_waits_for_primary", begins,
          "a further node of the group waits until the primary is ready to be copied"},
         newcomer_waits_for_primary},
    Rule{{520, "primary_opens_to_newcomer", begins, "a standby wants to join: the primary gets ready for replication"},
         primary_opens_to_newcomer},
    Rule{{530, "newcomer_starts_copy", begins, "the primary is ready for the new standby: the standby copies it"},
         newcomer_starts_copy},
    Rule{{540, "old_primary_rejoins", begins,
          "the former primary has stopped and the new primary is ready for it: it rejoins as a standby"},
         old_primary_rejoins},
    Rule{{550, "standby_follows_primary", begins, "a standby follows a node that is not the primary: it is redirected"},
         standby_follows_primary},
    Rule{{560, "standby_caught_up", begins, "the standby streams and is close to the primary: it becomes a secondary"},
         standby_caught_up},
    Rule{{570, "primary_is_alone", begins, "no other node is left in the group: the primary becomes single"},
         primary_is_alone},
};

constexpr bool ids_ascend() {
  for (std::size_t i = 1; i < rule_table.size(); ++i)
    if (rule_table[i - 1].info.id >= rule_table[i].info.id) return false;
  return true;
}
static_assert(ids_ascend(), "rule numbers are unique and in the order in which the rules are tried");

constexpr auto infos = [] {
  std::array<RuleInfo, rule_table.size()> result{};
  for (std::size_t i = 0; i < rule_table.size(); ++i) result[i] = rule_table[i].info;
  return result;
}();

}  // namespace

std::span<const RuleInfo> rules() {
  return infos;
}

const RuleInfo* find_rule(int id) {
  const auto found = std::ranges::find(infos, id, &RuleInfo::id);
  return found == infos.end() ? nullptr : &*found;
}

std::optional<Decision> decide(const GroupSnapshot& group, const Settings& settings, TimePoint now) {
  const Context context{group, settings, now, leader_of(group), candidate_of(group), draining_of(group)};
  for (const Rule& rule : rule_table) {
    if (settings.paused && !rule.info.traits.finishes) continue;
    Outcome outcome = rule.fire(context);
    if (!outcome) continue;
    outcome->rule_id = rule.info.id;
    outcome->rule = rule.info.name;
    return outcome;
  }
  return std::nullopt;
}

std::optional<Decision> withheld(const GroupSnapshot& group, Settings settings, TimePoint now) {
  const bool manual = std::exchange(settings.manual_failover, {}).contains(group.group);
  if (!std::exchange(settings.paused, false) && !manual) return std::nullopt;
  auto would = decide(group, settings, now);
  return would && !find_rule(would->rule_id)->traits.finishes ? would : std::nullopt;
}

}  // namespace autoctl::monitor
