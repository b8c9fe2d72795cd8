#include "keeper/core/transitions.h"

#include <array>

namespace autoctl::keeper {

std::string_view to_string(Step step) {
  switch (step) {
    case Step::create_database_cluster: return "create_database_cluster";
    case Step::hold_clients_if_asked: return "hold_clients_if_asked";
    case Step::restart_if_needed: return "restart_if_needed";
    case Step::start_as_primary: return "start_as_primary";
    case Step::apply_sync: return "apply_sync";
    case Step::await_quorum: return "await_quorum";
    case Step::admit_clients: return "admit_clients";
    case Step::checkpoint_if_asked: return "checkpoint_if_asked";
    case Step::stop_fast: return "stop_fast";
    case Step::prove_standby: return "prove_standby";
    case Step::await_handover: return "await_handover";
    case Step::stop_receiving: return "stop_receiving";
    case Step::fence_if_asked: return "fence_if_asked";
    case Step::promote: return "promote";
    case Step::fetch_missing: return "fetch_missing";
    case Step::follow_upstream: return "follow_upstream";
    case Step::leave_as_standby: return "leave_as_standby";
    case Step::join_upstream: return "join_upstream";
    case Step::run_as_standby: return "run_as_standby";
    case Step::disown: return "disown";
    case Step::keep_house: return "keep_house";
  }
  return "unknown";
}

namespace {

using S = NodeState;

constexpr std::array create = {Step::create_database_cluster, Step::restart_if_needed, Step::start_as_primary,
                               Step::apply_sync};
constexpr std::array serve = {Step::start_as_primary, Step::apply_sync, Step::admit_clients, Step::checkpoint_if_asked};
constexpr std::array serve_synchronously = {Step::hold_clients_if_asked, Step::start_as_primary,    Step::apply_sync,
                                            Step::admit_clients,         Step::checkpoint_if_asked, Step::await_quorum};
constexpr std::array hand_over = {Step::checkpoint_if_asked, Step::stop_fast};
constexpr std::array stop = {Step::stop_fast};
constexpr std::array fence = {Step::stop_receiving};
constexpr std::array prepare = {Step::prove_standby, Step::await_handover, Step::fence_if_asked};
constexpr std::array fetch = {Step::fetch_missing, Step::stop_receiving};
constexpr std::array take_over = {Step::await_handover, Step::stop_receiving, Step::apply_sync, Step::promote};
constexpr std::array follow = {Step::follow_upstream};
constexpr std::array join = {Step::join_upstream};
constexpr std::array leave = {Step::leave_as_standby};
constexpr std::array retire = {Step::stop_fast, Step::leave_as_standby};
constexpr std::span<const Step> nothing{};

/// A node that is, or was when it stopped, the primary of its lineage.
constexpr StateSet primary_lineage([](S s) { return may_accept_writes(s) || is_outgoing_state(s); });
/// A node that has data and may become a standby of any other.
constexpr StateSet anything_with_data([](S s) { return s != S::init && s != S::dropped; });
/// A standby that may become a candidate.
constexpr StateSet standbys([](S s) { return is_standby_state(s) || can_be_called_off(s); });
constexpr StateSet standbys_to_let_go([](S s) { return standbys.contains(s) || s == S::wait_maintenance; });
constexpr StateSet anything([](S) { return true; });

constexpr std::array table = {
    Transition{{S::init}, S::single, "creates the database cluster, or adopts the one that is there", create},
    Transition{primary_lineage, S::single, "serves alone: no standby is left", serve},
    Transition{primary_lineage, S::wait_primary,
               "accepts writes; a commit waits for no standby, or for as many as it must in any case", serve},
    Transition{primary_lineage, S::primary, "accepts writes, each commit waits for the quorum", serve_synchronously},

    Transition{{S::init, S::wait_standby}, S::wait_standby, "waits until the primary is ready for it", nothing},
    Transition{anything_with_data, S::catchingup, "follows the primary: as it is, rewound, or from a fresh copy", join},
    Transition{standbys, S::secondary, "streams from the primary", follow},

    Transition{primary_lineage, S::draining, "hands over: checkpoint, then a fast shutdown", hand_over},
    Transition{anything, S::demote_timeout, "stops: another node takes over", stop},
    Transition{anything, S::demoted, "stays stopped until the new primary is ready for it", stop},

    Transition{standbys, S::report_lsn, "stops receiving and tells how far it got", fence},
    Transition{
        {S::report_lsn, S::fast_forward}, S::fast_forward, "fetches the WAL that another standby has more", fetch},
    Transition{standbys, S::prepare_promotion, "gets ready to be promoted", prepare},
    Transition{{S::prepare_promotion, S::fast_forward, S::stop_replication},
               S::stop_replication,
               "stops receiving and opens for writes",
               take_over},

    Transition{standbys_to_let_go, S::wait_maintenance, "streams on until the primary need not wait for it any more",
               nothing},
    Transition{anything_with_data, S::maintenance, "leaves Postgres to the operator, as a standby", leave},

    Transition{anything, S::dropped,
               "stops for good, and accepts no writes if it is started again: an operator removed it", retire},
};

}  // namespace

std::span<const Transition> transitions() {
  return table;
}

const Transition* find_transition(NodeState from, NodeState to) {
  for (const Transition& transition : table)
    if (transition.to == to && transition.from.contains(from)) return &transition;
  return nullptr;
}

}  // namespace autoctl::keeper
