#include "keeper/agent/instance_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>

#include "common/config/reload_answer.h"
#include "common/util/sync_directory.h"
#include "keeper/core/role.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/pgpass.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {

namespace {

constexpr Millis observe_timeout{1000};
/// How long a fast shutdown may take before it becomes an immediate one.
constexpr Millis shutdown_patience{10'000};

/// Standbys are those alone that nobody else could be.
ServerView view_of(const Observed& seen, const config::Config& config, const std::vector<protocol::Peer>& peers) {
  ServerView view{.in_recovery = seen.in_recovery,
                  .system_id = seen.system_id,
                  .timeline = seen.timeline,
                  .history = read_history(config.pgdata, seen.timeline),
                  .lsn = seen.lsn,
                  .flush_awaited = seen.flush_awaited,
                  .lsn_final = seen.lsn_final,
                  .replayed = seen.replayed,
                  .sync = parse_sync_names(seen.sync_names).value_or(SyncQuorum{}),
                  .receiving = seen.receiving,
                  .senders = {}};
  for (const auto& sender : seen.walsenders)
    if (const auto standby = rightful_standby(config, peers, sender.application_name, sender.role);
        standby && sender.holds_slot)
      view.senders.push_back({*standby, sender.streaming, sender.flushed});
  return view;
}

Priorities priorities_of(const std::vector<protocol::Peer>& peers) {
  Priorities priorities;
  for (const auto& peer : peers) priorities[peer.id] = peer.candidate_priority;
  return priorities;
}

DiskView view_of(const DataDirectory& found) {
  return {.exists = found.exists,
          .is_postgres = found.is_postgres,
          .control_missing = found.control_missing,
          .system_id = found.system_id,
          .timeline = found.timeline,
          .history = found.history,
          .end = found.clean_shutdown ? found.lsn : Lsn{}};
}

/// No bytes are of use where no file can be created: no inodes are left (some file systems count none), or it was
/// mounted, or remounted after an error, read-only.
bool is_full(const struct statvfs& disk) {
  return (disk.f_files != 0 && disk.f_favail == 0) || (disk.f_flag & ST_RDONLY) != 0;
}

/// Of PGDATA and, where it is elsewhere, of the WAL.
std::uint64_t bytes_left(const std::string& pgdata) {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  for (const char* part : {"", "/pg_wal"}) {
    struct statvfs disk {};
    if (::statvfs((pgdata + part).c_str(), &disk) == 0)
      left = std::min<std::uint64_t>(left, is_full(disk) ? 0 : std::uint64_t{disk.f_bavail} * disk.f_frsize);
  }
  return left;
}

/// The marker goes last, so that this can be begun again.
Result<> keep_own_history(const config::Files& files) {
  const std::string signal = files.pgdata + "/standby.signal";
  std::error_code error;
  std::filesystem::remove(signal, error);
  if (error) return fail(Errc::system, "cannot remove " + signal + ": " + error.message());
  AUTOCTL_TRY(sync_directory(files.pgdata));
  spdlog::warn("An operator wants what this node wrote of its own: it goes on as the primary");
  return clear_marker(files, Marker::forked);
}

/// What the upstream's data have to say, too, if a session is to show who it is. A receiver that streams has seen that.
SystemId proof_of_upstream(const Observation& seen) {
  if (seen.answer) return seen.answer->receiving ? SystemId{} : seen.answer->system_id;
  return seen.disk ? seen.disk->system_id : SystemId{};
}

/// Postgres' data may be another's afterwards.
bool changes_data(Order::Kind kind) {
  using Kind = Order::Kind;
  return kind == Kind::create_cluster || kind == Kind::start || kind == Kind::stop || kind == Kind::rewind ||
         kind == Kind::copy;
}

}  // namespace

// ---- looking

Observation InstanceServer::look(const Attention& attention) {
  Observation seen;
  seen.began = std::chrono::steady_clock::now();
  seen.running = postgres_.running() || (attention.takes_over_servers && postgres_.adopt());
  seen.server = postgres_.servers_seen();
  rights_.set_peers(attention.saved.peers);
  if (seen.running)
    look_at_server(seen, attention.saved.peers);
  else
    look_at_disk(seen);
  seen.rewinding = is_marked(files_, Marker::rewinding);
  seen.forked = is_marked(files_, Marker::forked);
  seen.held_stopped = is_marked(files_, Marker::stopped);
  seen.clients_held = is_marked(files_, Marker::held);
  std::error_code error;
  // Half rewound it is neither a standby nor a primary.
  seen.standby_signal = !seen.rewinding && std::filesystem::exists(files_.pgdata + "/standby.signal", error);
  seen.fresh_backup = std::filesystem::exists(files_.pgdata + "/backup_label", error);
  seen.disk_left = bytes_left(files_.pgdata);
  seen.configuration_changed = seen.running && postgres_.configuration_is_changed();
  if (attention.probes_upstream) {
    const protocol::Peer* upstream = find_peer(attention.saved.peers, attention.saved.goal.upstream);
    seen.upstream_port =
        upstream == nullptr ? PortState::unknown : postgres_.probe_upstream(*upstream, proof_of_upstream(seen));
  }
  return seen;
}

void InstanceServer::look_at_server(Observation& seen, const std::vector<protocol::Peer>& peers) {
  disk_.reset();
  const auto answer = postgres_.observe(observe_timeout);
  if (answer) seen.answer = view_of(*answer, postgres_.config(), peers);
  if (answer && answer->replay_paused) {
    seen.answer->replay_paused = true;
    seen.answer->restart_helps = postgres_.has_less_than_primary().value_or(false);
  }
  if (answer || postgres_.lets_nobody_in())
    if (auto needs = postgres_.restart_needs(observe_timeout)) seen.restart_needs = *std::move(needs);
  if (!answer) seen.problem = answer.error().message;
  seen.crowded = !answer && pg::is_crowded(answer.error());
  if (!answer || (answer->in_recovery && !answer->receiving)) seen.refusal = log_.refusal();
}

void InstanceServer::look_at_disk(Observation& seen) {
  if (!disk_) {
    const auto found = postgres_.inspect();
    if (found)
      disk_ = view_of(*found);
    else
      seen.problem = found.error().message;
  }
  seen.disk = disk_;
  seen.refusal = log_.refusal();
}

// ---- orders

Result<> InstanceServer::carry_out(const Order& order, const SavedState& saved, const Talk& talk) {
  if (changes_data(order.kind)) disk_.reset();
  switch (order.kind) {
    case Order::Kind::create_cluster: return postgres_.initdb(talk.cancelled);
    case Order::Kind::configure: return configure(saved);
    case Order::Kind::keep_own_history: return keep_own_history(files_);
    case Order::Kind::mark_forked: return set_marker(files_, Marker::forked);
    case Order::Kind::create_accounts: return create_accounts();
    case Order::Kind::set_upstream:
      log_.begin();
      return postgres_.set_upstream(find_peer(saved.peers, order.upstream), config_.node);
    case Order::Kind::start: return postgres_.start(talk.cancelled);
    case Order::Kind::stop: return postgres_.stop(StopMode::fast, shutdown_patience);
    case Order::Kind::set_sync: return postgres_.set_sync(order.sync, priorities_of(saved.peers));
    case Order::Kind::checkpoint: return postgres_.checkpoint(talk.cancelled);
    case Order::Kind::stop_receiving: {
      const auto received = postgres_.stop_receiving();
      return received ? Result<>{} : fail(received.error());
    }
    case Order::Kind::promote: return postgres_.promote(talk.cancelled);
    case Order::Kind::rewind:
    case Order::Kind::copy: return replace_data(order, saved, talk);
    case Order::Kind::keep_slots: return keep_slots(saved, talk);
    case Order::Kind::reload: return reload(saved);
    case Order::Kind::hold_clients: return set_marker(files_, Marker::held);
    case Order::Kind::admit_clients: return admit_clients(saved);
  }
  return fail(Errc::internal, "unknown order");
}

Result<> InstanceServer::configure(const SavedState& saved) {
  postgres_.restart_crashed_server_by_keeper(restart_holds_clients(saved));
  return postgres_.configure(saved.peers, saved.neighbours);
}

Result<> InstanceServer::admit_clients(const SavedState& saved) {
  AUTOCTL_TRY(clear_marker(files_, Marker::held));
  return configure(saved);
}

Result<> InstanceServer::replace_data(const Order& order, const SavedState& saved, const Talk& talk) {
  const protocol::Peer* upstream = find_peer(saved.peers, order.upstream);
  if (upstream == nullptr) return fail(Errc::unavailable, "the monitor has not said where the upstream is");
  if (order.kind == Order::Kind::copy) return postgres_.clone(*upstream, config_.node, talk.cancelled, talk.progress);
  return postgres_.rewind(*upstream, talk.cancelled, talk.progress);
}

/// All of autoctl.toml that a running node can take in. What makes it another node (its name, its address, its monitor)
/// the daemon itself sees to.
Result<> InstanceServer::reload(const SavedState& saved) {
  auto fresh = config::load(files_);
  if (!fresh) {
    static_cast<void>(config::answer_reload(files_, {"refused: " + fresh.error().message}));
    return fail(std::move(fresh.error()));
  }
  std::vector<std::string> lines = config::differences(postgres_.config(), *fresh);
  if (lines.empty()) lines.emplace_back("nothing has changed in " + files_.config());
  if (taken_in_) std::ranges::move(taken_in_(*fresh), std::back_inserter(lines));
  postgres_.change_config(*std::move(fresh));
  auto done = configure(saved);
  if (done) done = postgres_.reload();
  if (!done) lines.push_back("failed: " + done.error().message);
  // Postgres takes a moment to notice, and says it of the user's own settings, too.
  if (done)
    if (const auto waiting = postgres_.pending_restart(); waiting && !waiting->empty())
      lines.push_back(fmt::format("waits for a restart (`autoctl restart postgres`): {}", fmt::join(*waiting, ", ")));
  for (const auto& line : lines) spdlog::info("Reload: {}", line);
  AUTOCTL_TRY(config::answer_reload(files_, lines));
  return done;
}

Result<> InstanceServer::create_accounts() {
  const auto password = replication_password(files_);
  if (!password) return fail(password.error());
  AUTOCTL_TRY(postgres_.create_roles(config_.dbname));
  return config_.is_citus() ? postgres_.prepare_citus(*password, config_.dbname) : Result<>{};
}

Result<> InstanceServer::keep_slots(const SavedState& saved, const Talk& talk) {
  std::vector<NodeId> ids;
  for (const auto& peer : saved.peers) ids.push_back(peer.id);
  std::ranges::sort(ids);
  if (role_of(saved.state) == Role::primary)  // first: a node that was dropped is not to come back between
    if (const auto kept = keep_roles(saved); !kept)
      spdlog::warn("The replication roles cannot be looked after: {}", kept.error().message);
  AUTOCTL_TRY(postgres_.sync_slots(ids));
  if (role_of(saved.state) == Role::standby) return postgres_.advance_slots();
  if (role_of(saved.state) != Role::primary) return {};
  if (const auto kept = postgres_.keep_sync_order(priorities_of(saved.peers)); !kept)
    spdlog::debug("The order of synchronous_standby_names is not kept: {}", kept.error().message);
  const auto lost = postgres_.bound_slots();
  if (lost)
    talk.slots_given_up(*lost);
  else
    spdlog::debug("The slots' WAL is not bounded: {}", lost.error().message);
  return {};
}

/// This node's own among them: it has to be there when another one takes over.
Result<> InstanceServer::keep_roles(const SavedState& saved) {
  const config::Config& config = postgres_.config();
  const auto passwords = load_passwords(files_.pgpass(), config_.node);
  if (!passwords) return fail(passwords.error());
  const auto next = load_passwords(files_.next_pgpass(), config_.node);
  const std::string own = next ? next->own : passwords->own;
  ReplicationRoles roles;
  if (config.auth != "cert" && !own.empty()) roles.nodes.push_back({config_.node, own_verifier_.of(own)});
  for (const auto& peer : saved.peers) {
    if (replication_role(config, peer.id, peer) == replicator) roles.shared_password = passwords->formation;
    const bool kept_out = rights_.is_kept_out(peer.id, std::chrono::steady_clock::now());
    roles.nodes.push_back({peer.id, peer.verifier, !kept_out});
  }
  const auto kept = postgres_.keep_replication_roles(roles);
  return kept ? Result<>{} : fail(kept.error());
}

}  // namespace autoctl::keeper
