#include "keeper/agent/own_addresses.h"

#include <fmt/format.h>

#include <utility>

#include "common/pg/connection.h"
#include "common/util/route.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis address_tick{1000};
/// Routes and names change.
constexpr Millis address_interval{10'000};
/// To an upstream that lets this node in, or has said all that it can.
constexpr Millis question_interval{10'000};
constexpr Millis upstream_timeout{2000};

/// Without the zone of a link-local address, which pg_hba.conf does not know. Nothing for loopback addresses: nodes on
/// one machine let each other in by their host names.
std::optional<IpAddress> address_of(const SocketAddress& address) {
  const std::string text = address.text();
  return IpAddress::parse(text.substr(0, text.find('%')));
}

void add_sources(const std::vector<protocol::Peer>& nodes, std::set<IpAddress>& found) {
  for (const auto& node : nodes)
    for (const auto& there : resolve(node.host, {.port = node.port}).value_or(std::vector<SocketAddress>{}))
      if (const auto source = source_address_to(there))
        if (auto address = address_of(*source)) found.insert(*std::move(address));
}

}  // namespace

std::optional<IpAddress> address_seen(const std::string& refusal) {
  static constexpr std::string_view words = "failed: ";
  const auto at = refusal.find(words);
  return first_address_in(std::string_view(refusal).substr(at == std::string::npos ? 0 : at + words.size()));
}

AddressWatch::AddressWatch(Board& board, const LiveConfig& config, const config::Files& files)
    : board_(board), config_(config), files_(files), thread_([this] { watch(); }) {}

AddressWatch::~AddressWatch() {
  thread_.join();
}

void AddressWatch::watch() {
  while (!board_.stopping()) {
    const auto known = board_.assignment();
    if (known) {
      look(*known);
      ask(*known);
      board_.set_addresses(all());
    }
    board_.await_other_nodes(known, Clock::now() + address_tick);
  }
}

void AddressWatch::look(const protocol::Assignment& known) {
  const bool same = looked_for_ && !tells_of_others(known, *looked_for_);
  if (same && Clock::now() < next_look_) return;
  sources_.clear();
  add_sources(known.peers, sources_);
  add_sources(known.neighbours, sources_);
  looked_for_ = known;
  next_look_ = Clock::now() + address_interval;
}

/// The group's node that this one is to receive from, and does not: over a connection as safe as replication.
void AddressWatch::ask(const protocol::Assignment& known) {
  const protocol::Peer* upstream = find_peer(known.peers, known.goal.upstream);
  if (upstream == nullptr || board_.facts().receiving) return;
  if (upstream->id == asked_ && Clock::now() < next_question_) return;
  asked_ = upstream->id;
  const std::string place = conninfo_of_replicator(config_.now(), files_, *upstream);
  const auto session = pg::Connection::open(place + " dbname=postgres application_name=autoctl", upstream_timeout);
  const bool refused = !session && session.error().code == Errc::denied;
  next_question_ = Clock::now() + (session || refused ? question_interval : address_tick);
  if (refused) next_look_ = {};
  if (refused && pg::is_less_safe(session.error())) return tell_of_less_safe(*upstream, session.error());
  if (session) less_safe_ = {};
  look(known);  // it may be an address of this machine that is new
  const auto seen = refused ? address_seen(session.error().message) : std::nullopt;
  if (!seen || seen == seen_ || sources_.contains(*seen)) return;
  seen_ = seen;
  board_.tell({fmt::format("{} sees it at {}, and refused it: the other nodes let it in from there", upstream->name,
                           seen->text())});
}

/// Once: nothing else says why a standby does not stream, but Postgres' own log.
void AddressWatch::tell_of_less_safe(const protocol::Peer& upstream, const Error& error) {
  if (std::exchange(less_safe_, upstream.id) == upstream.id) return;
  board_.tell({fmt::format("it does not receive from {}: {} ({})", upstream.name, error.message, error.hint)});
}

std::vector<IpAddress> AddressWatch::all() const {
  std::vector<IpAddress> addresses;
  if (seen_ && !sources_.contains(*seen_)) addresses.push_back(*seen_);
  addresses.insert(addresses.end(), sources_.begin(), sources_.end());
  if (addresses.size() > protocol::addresses_max) addresses.resize(protocol::addresses_max);
  return addresses;
}

}  // namespace autoctl::keeper
