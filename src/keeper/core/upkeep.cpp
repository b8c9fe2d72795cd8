// What should run while the goal stays the same: a Postgres that died is restarted in place, a setting that was changed
// is put back, the other nodes get their slots.
#include <array>

#include "common/fsm/standby_names.h"
#include "keeper/core/core.h"
#include "keeper/core/restart_needs.h"

namespace autoctl::keeper {

namespace {

using Level = LogLine::Level;

constexpr std::array stop = {Step::stop_fast};
constexpr std::array disown_data = {Step::disown};
constexpr std::array run_primary = {Step::hold_clients_if_asked, Step::start_as_primary, Step::admit_clients};
constexpr std::array admit = {Step::admit_clients};
constexpr std::array run_standby = {Step::run_as_standby};
constexpr std::array restart_standby = {Step::stop_fast, Step::run_as_standby};
constexpr std::array house = {Step::keep_house};

}  // namespace

void Core::begin_upkeep(TimePoint now) {
  const Role role = wanted_role();
  if (role == Role::stopped) {
    if (!seen_.running) return succeeded();
    say(Level::warning, "Postgres runs though this node is " + std::string(to_string(saved_.state)) + ": stopping it");
    return start_run(Run::Purpose::stop, stop);
  }
  if (role == Role::operators) return tolerate();
  if (!seen_.running) return start_again(now);
  // Without our HBA lines no session of ours may be let in: that must not keep us from putting them back.
  if (!facts_.postgres_running && seen_.configuration_changed) return start_run(Run::Purpose::house, house);
  if (!facts_.postgres_running) return;
  // What is set in our file has no effect where the server no longer reads it.
  if (seen_.configuration_changed && last_failure_.empty()) return start_run(Run::Purpose::house, house);
  // Its keeper was started again, or it was to be a primary, and is none.
  if (seen_.clients_held && last_failure_.empty()) return start_run(Run::Purpose::house, admit);
  if (saved_.state == NodeState::primary && seen_.answer && facts_.sync_in_force != saved_.goal.sync) {
    say(Level::warning, "synchronous_standby_names was changed behind our back: putting it back");
    saved_.term = Term{};  // unsettled until the quorum has proved itself again
    return;
  }
  if (seen_.answer && seen_.answer->restart_helps && !enlarged_) {
    enlarged_ = true;
    announce("Postgres has stopped to replay, as its primary has larger settings: restarting it with enough");
    return start_run(Run::Purpose::restart, restart_standby);
  }
  start_run(Run::Purpose::house, house);
}

/// hot_standby = off: nothing can be seen of it, whatever it is to become. Once: what that does not help is a failure.
bool Core::lets_no_session_in() const {
  return !restarted_for_sessions_ && wanted_role() == Role::standby && role_of(saved_.goal.state) == Role::standby &&
         seen_.running && !seen_.answer && !seen_.restart_needs.empty();
}

void Core::restart_for_sessions() {
  restarted_for_sessions_ = true;
  announce("Postgres lets no session in: restarting it for " + list_of(seen_.restart_needs));
  start_run(Run::Purpose::restart, restart_standby);
}

/// In maintenance: whatever the operator does is right, but for a second primary.
void Core::tolerate() {
  if (!seen_.running || !facts_.postgres_running) return;
  if (facts_.in_recovery) return succeeded();
  say(Level::error, "Postgres accepts writes in maintenance, while another node is the primary: stopping it");
  start_run(Run::Purpose::end_trespass, disown_data);
}

/// A node that is joining finds this out for itself; one that is told to promote or to stop does that.
bool Core::was_promoted_outside_autoctl() const {
  if (wanted_role() != Role::standby || !facts_.postgres_running || facts_.in_recovery) return false;
  return saved_.settled() ||
         (role_of(saved_.goal.state) == Role::standby && saved_.goal.state != NodeState::catchingup);
}

/// The monitor has heard of it already. What clients write here would be lost: it stops now, and remembers that it may
/// only be rewound or copied, as its history need not show it (a standby that was started without its standby.signal).
void Core::end_foreign_promotion() {
  if (!self_.has_monitor) return note("was promoted outside autoctl; with no monitor it stays what it is");
  say(Level::warning,
      "Postgres was promoted outside autoctl on timeline " + std::to_string(facts_.timeline.value) +
          ": this node is a standby; it stops and joins its primary again. To promote a node, `autoctl perform "
          "promotion`; by hand only with autoctl stopped");
  facts_.trouble = "Postgres was promoted outside autoctl";
  start_run(Run::Purpose::disown, disown_data);
}

void Core::start_again(TimePoint now) {
  const bool leased = saved_.state == NodeState::primary || (lease_.is_strict() && wanted_role() == Role::primary);
  if (leased && !lease_.may_serve(now)) {
    facts_.trouble = "waits for the monitor: another node could have been promoted meanwhile";
    return;
  }
  if (seen_.disk && seen_.disk->control_missing) {
    failed_task({Errc::postgres, "pg_control is missing or damaged: this data directory cannot be started", ""}, now);
    facts_.cannot_run = true;
    return;
  }
  say(Level::warning, "Postgres is not running: starting it in place");
  start_run(Run::Purpose::restart, wanted_role() == Role::primary ? std::span<const Step>(run_primary) : run_standby);
}

void Core::upkeep_done(Run::Purpose purpose, TimePoint now) {
  switch (purpose) {
    case Run::Purpose::transition: return;  // reached() is the end of it
    case Run::Purpose::stop:
      if (!disobeys()) succeeded();
      return;
    case Run::Purpose::hold:
    case Run::Purpose::house: return succeeded();
    case Run::Purpose::restart:
      fenced_ = false;
      succeeded();
      return say(Level::info, "Postgres runs again");
    case Run::Purpose::disown:
      saved_.state = NodeState::catchingup;
      saved_.term = Term{};
      return;
    case Run::Purpose::end_trespass:
      return failed_task({Errc::conflict,
                          "Postgres was opened for writes in maintenance, and was stopped: another node is the primary",
                          "start it with standby.signal, or end the maintenance: the node joins again then"},
                         now);
  }
}

bool Core::takes_over_servers() const {
  return left_alone_ || is_refused() || wanted_role() == Role::operators ||
         role_of(saved_.goal.state) == Role::operators || saved_.goal.state == NodeState::dropped;
}

void Core::slots_given_up(const std::vector<NodeId>& standbys) {
  for (const NodeId id : standbys) {
    const protocol::Peer* peer = find_peer(saved_.peers, id);
    announce("the replication slot " + standby_name(id) + " of " + (peer == nullptr ? "a node" : peer->name) +
             " kept more WAL than max_slot_wal_keep_size and was given up, so that the disk does not fill: that node "
             "comes back with a copy");
  }
}

/// Nothing else shows that commits may hang.
void Core::notice_replay(const ServerView& server) {
  if (!server.replay_paused) enlarged_ = false;
  const bool paused = server.replay_paused && !server.restart_helps;
  if (paused == pause_told_) return;
  pause_told_ = paused;
  tell(paused ? std::string(replay_is_paused) : "replay goes on");
}

}  // namespace autoctl::keeper
