// Who answers at the upstream's Postgres port? Its certificate tells. A node that has none is told from a stranger by its
// system identifier, which it says to whom it lets in: any server can begin to answer as Postgres does.
#include <charconv>
#include <thread>

#include "common/postgres/port_probe.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis probe_timeout{300};
constexpr Millis retry_pause{20};
/// A Postgres that is slow or hangs is not a stranger at once.
constexpr Millis login_hangs_max{1'000};

enum class Greeting : unsigned char { ours, foreign, speaks, hangs, breaks_off };

Greeting greet(const std::string& conninfo, SystemId own, TimePoint end) {
  const auto left = [end] { return std::max(std::chrono::ceil<Millis>(end - Clock::now()), Millis{1}); };
  auto session = pg::Connection::open(conninfo, left());
  if (!session) {
    if (session.error().code == Errc::timeout) return Greeting::hangs;
    const bool speaks = pg::server_spoke(session.error()) || session.error().code == Errc::denied;
    return speaks ? Greeting::speaks : Greeting::breaks_off;
  }
  const auto rows = session->query("select system_identifier from pg_control_system()", left());
  if (!rows) {
    if (rows.error().code == Errc::timeout) return Greeting::hangs;
    return rows.error().code == Errc::postgres ? Greeting::speaks : Greeting::breaks_off;
  }
  const std::string text = rows->text(0, 0);
  SystemId theirs;
  std::from_chars(text.data(), text.data() + text.size(), theirs.value);
  return theirs == own ? Greeting::ours : Greeting::foreign;
}

/// A Postgres that starts or ends breaks off for moments only.
Greeting greet_until(const std::string& conninfo, SystemId own, TimePoint end) {
  for (;;) {
    const Greeting greeting = greet(conninfo, own, end);
    if (greeting != Greeting::breaks_off || Clock::now() + retry_pause >= end) return greeting;
    std::this_thread::sleep_for(retry_pause);
  }
}

}  // namespace

PortState Instance::probe_upstream(const protocol::Peer& upstream, SystemId own) {
  const auto look = [&] {
    return postgres::probe_postgres(upstream.host, upstream.port, probe_timeout, upstream.certificates);
  };
  const TimePoint began = Clock::now();
  const auto hangs_since = std::exchange(impl_->login_hangs_since, std::nullopt);
  const PortState found = look();
  if (found != PortState::open || !upstream.certificates.empty() || !own) return found;
  switch (greet_until(impl_->query_conninfo(upstream) + " application_name=autoctl", own, began + probe_timeout)) {
    case Greeting::ours:
    case Greeting::speaks: return PortState::open;
    case Greeting::foreign: return PortState::stranger;
    case Greeting::hangs:
      impl_->login_hangs_since = hangs_since.value_or(began);
      return Clock::now() - *impl_->login_hangs_since < login_hangs_max ? PortState::silent : PortState::stranger;
    case Greeting::breaks_off: break;
  }
  const PortState still = look();  // it may be this side that failed
  return still == PortState::open ? PortState::stranger : still;
}

}  // namespace autoctl::keeper
