#include "keeper/agent/sender_watch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/fsm/standby_names.h"
#include "common/postgres/proc.h"
#include "keeper/postgres/replicator.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// For about so long an impostor is believed: docs/security.md says so.
constexpr Millis sender_tick{100};
/// One that streams could stop, call itself something else and stream again between two ticks.
constexpr Millis whole_look_interval{1'000};
constexpr Millis sender_open_timeout{2'000};
constexpr Millis sender_query_timeout{2'000};
constexpr Millis sender_retry_interval{1'000};
constexpr Millis kept_out_for{600'000};

constexpr const char* all_senders =
    "select w.pid, w.application_name, coalesce(w.usename, ''), coalesce(host(w.client_addr), 'a socket of its own'), "
    "w.state in ('streaming', 'catchup'), coalesce((select s.active_pid = w.pid from pg_replication_slots s where "
    "s.slot_name = w.application_name), false) from pg_stat_replication w";

}  // namespace

SenderWatch::SenderWatch(Board& board, StandbyRights& rights, const LiveConfig& config, std::string pgdata)
    : board_(board), rights_(rights), config_(config), pgdata_(std::move(pgdata)), thread_([this] { watch(); }) {}

SenderWatch::~SenderWatch() {
  thread_.join();
}

void SenderWatch::watch() {
  while (!board_.stopping()) {
    if (!board_.serves_as_primary()) {
      sql_.reset();
      board_.await_primary();
      continue;
    }
    if (Clock::now() >= next_try_) {
      if (const auto looked = look(); !looked) {
        spdlog::debug("The WAL senders cannot be looked at: {}", looked.error().message);
        sql_.reset();
        next_try_ = Clock::now() + sender_retry_interval;
      }
    }
    board_.pause(sender_tick);
  }
}

Result<> SenderWatch::look() {
  const auto peers = rights_.peers();
  if (!peers || peers->empty()) return {};
  const std::optional<pid_t> last_process = postgres::proc::last_given();
  if (nobody_came(last_process)) return {};
  AUTOCTL_TRY(open());
  if (Clock::now() < next_whole_look_) {
    const auto same = is_as_before();
    if (!same) return fail(same.error());
    if (*same) {
      settled_since_ = last_process;
      return {};
    }
  }
  const auto found = senders();
  if (!found) return fail(found.error());
  next_whole_look_ = Clock::now() + whole_look_interval;
  settled_.clear();
  settled_since_.reset();
  const std::set<pid_t> slotless_before = std::exchange(slotless_, {});
  for (const Sender& sender : *found) AUTOCTL_TRY(judge(sender, *peers));
  for (const Sender& sender : *found)
    if (slotless_.contains(sender.pid) && slotless_before.contains(sender.pid)) AUTOCTL_TRY(end(sender));
  if (settled_.size() == found->size()) settled_since_ = last_process;
  return {};
}

bool SenderWatch::nobody_came(std::optional<pid_t> last_process) const {
  return Clock::now() < next_whole_look_ && last_process && last_process == settled_since_;
}

/// What it changes about a role stays in this group.
Result<> SenderWatch::open() {
  if (sql_ && sql_->is_open()) return {};
  settled_.clear();
  settled_since_.reset();
  next_whole_look_ = {};
  const std::string options = config_.now().is_citus() ? "-c citus.enable_ddl_propagation=off" : "";
  auto fresh =
      Session(pgdata_).open(sender_open_timeout, "postgres", {.application_name = "autoctl", .options = options});
  if (!fresh) return fail(std::move(fresh.error()));
  sql_ = *std::move(fresh);
  return {};
}

Result<bool> SenderWatch::is_as_before() {
  const auto rows = sql_->query("select pid from pg_stat_get_wal_senders()", sender_query_timeout);
  if (!rows) return fail(rows.error());
  for (int row = 0; row < rows->size(); ++row)
    if (!settled_.contains(static_cast<pid_t>(rows->number(row, 0)))) return false;
  return true;
}

Result<std::vector<SenderWatch::Sender>> SenderWatch::senders() {
  const auto rows = sql_->query(all_senders, sender_query_timeout);
  if (!rows) return fail(rows.error());
  std::vector<Sender> found;
  for (int row = 0; row < rows->size(); ++row)
    found.push_back({static_cast<pid_t>(rows->number(row, 0)), rows->text(row, 1), rows->text(row, 2),
                     rows->text(row, 3), rows->truth(row, 4), rows->truth(row, 5)});
  return found;
}

/// A node that was dropped a moment ago, in its own name, loses its role by itself.
Result<> SenderWatch::judge(const Sender& sender, const std::vector<protocol::Peer>& peers) {
  const bool claims = claims_to_be_standby(sender.application_name);
  const bool rightful = rightful_standby(config_.now(), peers, sender.application_name, sender.role).has_value();
  if (claims && !rightful && sender.role != sender.application_name) return end_impostor(sender);
  if (claims && sender.streams && !sender.holds_slot) slotless_.insert(sender.pid);
  if (sender.streams && (!claims || sender.holds_slot)) settled_.insert(sender.pid);
  return {};
}

/// If it is still the same: a process may have got the number of one that has ended.
Result<> SenderWatch::end(const Sender& sender) {
  const auto ended = sql_->query(
      "select pg_terminate_backend(pid) from pg_stat_replication where pid = $1 and application_name = $2 and "
      "coalesce(usename, '') = $3",
      {std::to_string(sender.pid), sender.application_name, sender.role}, sender_query_timeout);
  if (!ended) return fail(ended.error());
  spdlog::warn("A WAL sender called {}, of role {} from {}, was ended", sender.application_name, sender.role,
               sender.address);
  return {};
}

/// Its node keeps what streams in its own name; it makes no new connection for a while. One in the role that was shared is
/// the node itself, as a rule, which has had its own for a moment only.
Result<> SenderWatch::end_impostor(const Sender& sender) {
  const auto offender = parse_standby_name(sender.role);
  if (offender && !rights_.is_kept_out(*offender, Clock::now())) {
    rights_.keep_out(*offender, Clock::now() + kept_out_for);
    AUTOCTL_TRY(sql_->script("alter role " + pg::quote_identifier(sender.role) + " nologin", sender_query_timeout));
  }
  AUTOCTL_TRY(end(sender));
  if (sender.role == replicator)
    board_.tell({fmt::format("{} at {} streamed as {}, which it is not to use any more: it has to log in as itself",
                             sender.application_name, sender.address, sender.role)});
  else
    board_.tell({fmt::format("somebody at {} replicated as {} in the name of {}, and was ended{}", sender.address,
                             sender.role.empty() ? "a role that is gone" : sender.role, sender.application_name,
                             offender ? fmt::format("; that role may not log in for {} min",
                                                    std::chrono::floor<std::chrono::minutes>(kept_out_for).count())
                                      : "")});
  return {};
}

}  // namespace autoctl::keeper
