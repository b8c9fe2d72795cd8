// One try at one port of a host: nonblocking, driven by poll().
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "monitor/engine/prober.h"

namespace autoctl::monitor {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

class ProbeAttempt {
 public:
  ProbeAttempt(ProbedPort kind, int port, std::vector<Address> addresses);
  ~ProbeAttempt();
  ProbeAttempt(const ProbeAttempt&) = delete;
  ProbeAttempt& operator=(const ProbeAttempt&) = delete;

  /// Begins with the first address. A host may have several; it is `refused` only if all refuse.
  void start(TimePoint now);
  /// After the socket became ready or the deadline passed.
  void advance(TimePoint now);

  int fd() const { return fd_; }
  short events() const;
  TimePoint deadline() const { return deadline_; }
  bool done() const { return done_; }
  /// nullopt: it broke off halfway, which proves nothing.
  std::optional<PortState> result() const { return result_; }

 private:
  enum class Phase { connecting, reading };
  void try_next(TimePoint now);
  void failed(int error, TimePoint now);
  void connected(TimePoint now);
  void read_answer(TimePoint now);
  void finish(std::optional<PortState> result);
  void close();

  ProbedPort kind_;
  int port_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  bool any_silent_ = false, any_refused_ = false, any_broken_ = false;
  int fd_ = -1;
  Phase phase_ = Phase::connecting;
  TimePoint deadline_;
  bool done_ = false;
  std::optional<PortState> result_;
};

}  // namespace autoctl::monitor
