#include "keeper/agent/password_watch.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "common/fsm/password_age.h"
#include "common/pg/connection.h"
#include "common/tls/certificate.h"
#include "common/util/sync_directory.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis password_tick{1'000};
/// Passwords grow old, and settings of this node change, without a change of a file.
constexpr Millis calm_password_interval{30'000};
constexpr Millis new_password_tick{200};
constexpr Millis login_timeout{2'000};

/// One of the formation's settings that are numbers; the monitor leaves out what has its default.
std::uint64_t setting(const protocol::Assignment& known, const std::string& name, std::uint64_t otherwise) {
  const auto found = std::ranges::find(known.standing.settings, name, &std::pair<std::string, std::string>::first);
  if (found == known.standing.settings.end()) return otherwise;
  std::uint64_t value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

bool is_too_old(const config::Files& files, std::uint64_t max_age_ms) {
  const auto age = age_of_passwords(files);
  return max_age_ms != 0 && age && age->count() > 0 && static_cast<std::uint64_t>(age->count()) > max_age_ms / 1'000;
}

}  // namespace

PasswordWatch::PasswordWatch(Board& board, const StandbyRights& rights, const LiveConfig& config,
                             const config::Files& files)
    : board_(board), rights_(rights), config_(config), files_(files) {
  static_cast<void>(look());
  thread_ = std::thread([this] { watch(); });
}

PasswordWatch::~PasswordWatch() {
  thread_.join();
}

void PasswordWatch::watch() {
  while (!board_.stopping()) {
    if (!is_due()) {
      board_.pause(password_tick);
      continue;
    }
    ordered_ = order();
    kept_.keep({files_.pgpass(), files_.next_pgpass()});
    next_look_ = Clock::now() + calm_password_interval;
    const auto waits = look();
    settled_ = waits && !*waits;
    const std::string complaint = waits ? "" : waits.error().message;
    if (complaint != complaint_ && !waits) spdlog::error("The replication password stays as it is: {}", complaint);
    complaint_ = complaint;
    board_.pause(waits && *waits ? new_password_tick : password_tick);
  }
}

bool PasswordWatch::is_due() const {
  return !settled_ || Clock::now() >= next_look_ || kept_.changed() || order() != ordered_;
}

std::optional<PasswordWatch::Order> PasswordWatch::order() const {
  const auto known = board_.assignment();
  if (!known) return std::nullopt;
  return Order{
      .round = setting(*known, "password_round", 0),
      .max_age_ms = setting(*known, "password_max_age", static_cast<std::uint64_t>(password_max_age_default.count()))};
}

Result<bool> PasswordWatch::look() {
  const config::Config config = config_.now();
  if (config.auth == "cert") {  // it logs in with its certificate, which has the name of the role that all share
    board_.set_verifier({});
    return false;
  }
  auto present = load_passwords(files_.pgpass(), config.node);
  if (!present) return fail(present.error());
  const auto next = load_passwords(files_.next_pgpass(), config.node);
  const bool waits = next && !next->own.empty();
  board_.set_verifier(verifier_.of(waits ? next->own : present->own));
  if (!waits) {
    const auto wanted = order();
    if (!wanted || (wanted->round <= present->round && !is_too_old(files_, wanted->max_age_ms))) return false;
    AUTOCTL_TRY(make_next(config, *std::move(present), wanted->round));
    return true;
  }
  if (!is_in_force(config, *next)) return true;
  AUTOCTL_TRY(take_into_use());
  return false;
}

Result<> PasswordWatch::make_next(const config::Config& config, Passwords present, std::uint64_t round) const {
  present.own = tls::random_token();
  present.round = std::max(present.round, round);
  return save_passwords(files_.next_pgpass(), config.node, present);
}

/// A primary uses it nowhere, and is told to others before it has to.
bool PasswordWatch::is_in_force(const config::Config& config, const Passwords& next) const {
  const NodeFacts facts = board_.facts();
  if (facts.postgres_running && !facts.in_recovery) return true;
  const auto peers = rights_.peers();
  const protocol::Peer* upstream = peers ? find_peer(*peers, facts.upstream) : nullptr;
  if (upstream == nullptr) return false;
  if (replication_role(config, config.node, *upstream) == replicator) return true;
  const auto session = pg::Connection::open(conninfo_of_replicator(config, files_, *upstream) +
                                                " password=" + pg::quote_conninfo(next.own) +
                                                " dbname=postgres application_name=autoctl",
                                            login_timeout);
  return session.has_value();
}

/// Who connects from now on reads the new one.
Result<> PasswordWatch::take_into_use() const {
  if (std::rename(files_.next_pgpass().c_str(), files_.pgpass().c_str()) != 0)
    return fail(Errc::system, "cannot rename " + files_.next_pgpass() + ": " + std::strerror(errno));
  AUTOCTL_TRY(sync_directory(files_.directory));
  spdlog::info("This node has a new replication password");
  board_.tell({"it has a new replication password"});
  return {};
}

}  // namespace autoctl::keeper
