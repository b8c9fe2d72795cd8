// Tries a port of a host: does a postmaster answer there? What an answer proves is in port_verdict.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "common/postgres/port_verdict.h"
#include "common/util/descriptor.h"
#include "common/util/resolve.h"

namespace autoctl::postgres {

/// What has to happen for a port to count as open.
enum class Expect : unsigned char {
  connection,  // it takes a connection
  postmaster,  // it answers as a postmaster does: the kernel of a frozen one still takes connections
};

/// One attempt: nonblocking, driven by poll(). Not thread-safe.
class PortProbe {
 public:
  /// `addresses` have their port. All of them together may take `patience`, each an equal share of what is left.
  PortProbe(Expect expect, std::vector<SocketAddress> addresses, Millis patience);

  void start(TimePoint now);
  /// After the socket became ready or the deadline passed.
  void advance(TimePoint now);

  int fd() const { return socket_.get(); }
  short events() const;
  TimePoint deadline() const { return deadline_; }
  bool done() const { return done_; }
  /// As judge_host(), once it is done.
  std::optional<PortState> result() const { return judge_host(signs_); }

 private:
  enum class Phase : unsigned char { connecting, reading };
  void try_next(TimePoint now);
  void connected(TimePoint now);
  void read_answer(TimePoint now);
  void take(Sign sign, TimePoint now);

  Expect expect_;
  std::vector<SocketAddress> addresses_;
  Millis patience_;
  TimePoint end_;
  std::vector<Sign> signs_;  // of the addresses that were tried, in order
  Descriptor socket_;
  Phase phase_ = Phase::connecting;
  TimePoint deadline_;
  bool done_ = false;
};

/// Does a postmaster answer at one of these? Blocks up to `timeout`; `silent` when every attempt was broken off.
PortState probe_postgres(const std::vector<SocketAddress>& addresses, Millis timeout);

/// Can this port be reached, and does a postmaster answer on it? Blocks up to `timeout`, and for as long as the
/// resolver takes. `silent` when the name cannot be resolved, or every attempt within `timeout` was broken off.
PortState probe_postgres(const std::string& host, int port, Millis timeout);

}  // namespace autoctl::postgres
