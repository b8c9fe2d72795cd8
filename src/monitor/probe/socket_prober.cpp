#include "monitor/probe/socket_prober.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "common/postgres/port_probe.h"
#include "common/util/descriptor.h"
#include "monitor/probe/address_book.h"

namespace autoctl::monitor {

namespace {

/// Pauses between tries: a port may refuse only a moment after its process died.
constexpr std::array pauses = {Millis{20}, Millis{50}, Millis{100}, Millis{200}};
/// A node that stays away is tried less often: its own report is what brings it back.
constexpr std::size_t tries_in_haste = 50;
constexpr Millis pause_later{2'000};

constexpr Millis name_retry{1'000};
constexpr Millis patience_per_address{1'000};

/// One port under watch.
struct Watch {
  std::unique_ptr<postgres::PortProbe> attempt;  // none between two tries
  TimePoint next_try;
  std::size_t tries = 0;
};

struct WatchedNode {
  ProbeTarget target;
  std::array<Watch, 2> ports;  // by ProbedPort
};

int port_of(const ProbeTarget& target, ProbedPort port) {
  return port == ProbedPort::postgres ? target.postgres_port : target.keeper_port;
}

/// A keeper's port need only take the connection: a keeper answers nothing before the TLS handshake.
postgres::Expect expected_of(ProbedPort port) {
  return port == ProbedPort::postgres ? postgres::Expect::postmaster : postgres::Expect::connection;
}

}  // namespace

class SocketProber::Impl {
 public:
  explicit Impl(Found found) : found_(std::move(found)), book_([this] { wake(); }), thread_([this] { run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    thread_.join();
  }

  void watch(NodeId id, const ProbeTarget& target) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = nodes_.find(id);
      if (found != nodes_.end() && found->second.target == target) return;
      WatchedNode fresh;
      fresh.target = target;
      nodes_.insert_or_assign(id, std::move(fresh));
    }
    wake();
  }

  void unwatch(NodeId id) {
    const std::lock_guard lock(mutex_);
    nodes_.erase(id);
  }

  void prepare(const std::string& host) { book_.find(host); }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
  }

  void run() {
    std::vector<pollfd> sockets;
    for (;;) {
      int timeout = -1;
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        timeout = advance_all(sockets);
      }
      ::poll(sockets.data(), sockets.size(), timeout);
      std::uint64_t count = 0;
      while (::read(wakeup_.get(), &count, sizeof count) > 0) {
      }
    }
  }

  /// Moves every attempt on; fills in what to poll for and returns for how long, in milliseconds.
  int advance_all(std::vector<pollfd>& sockets) {
    const TimePoint now = std::chrono::steady_clock::now();
    TimePoint next = TimePoint::max();
    sockets.assign(1, pollfd{wakeup_.get(), POLLIN, 0});
    for (auto& [id, node] : nodes_) {
      for (const ProbedPort port : {ProbedPort::postgres, ProbedPort::keeper}) {
        Watch& watch = node.ports[static_cast<std::size_t>(port)];
        next = std::min(next, advance(id, node.target, port, watch, now));
        if (watch.attempt) sockets.push_back({watch.attempt->fd(), watch.attempt->events(), 0});
      }
    }
    if (next == TimePoint::max()) return -1;
    return static_cast<int>(std::max(std::chrono::ceil<Millis>(next - now), Millis{0}).count());
  }

  /// Returns when to come back at the latest.
  TimePoint advance(NodeId id, const ProbeTarget& target, ProbedPort port, Watch& watch, TimePoint now) {
    if (port_of(target, port) == 0) return TimePoint::max();
    if (watch.attempt) {
      watch.attempt->advance(now);
    } else if (now >= watch.next_try) {
      auto addresses = book_.find(target.host);
      if (addresses.empty()) return now + name_retry;  // the address book wakes us earlier when it knows
      for (SocketAddress& address : addresses) address.set_port(port_of(target, port));
      const Millis patience = patience_per_address * static_cast<int>(addresses.size());
      watch.attempt = std::make_unique<postgres::PortProbe>(expected_of(port), std::move(addresses), patience);
      watch.attempt->start(now);
    } else {
      return watch.next_try;
    }
    if (!watch.attempt->done()) return watch.attempt->deadline();
    const auto result = watch.attempt->result();
    watch.attempt.reset();
    const std::size_t tries = watch.tries++;
    watch.next_try = now + (tries < tries_in_haste ? pauses[std::min(tries, pauses.size() - 1)] : pause_later);
    if (result) found_(id, port, *result);
    return watch.next_try;
  }

  const Found found_;
  const Descriptor wakeup_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex_;
  std::map<NodeId, WatchedNode> nodes_;
  bool stopping_ = false;
  AddressBook book_;
  std::thread thread_;
};

SocketProber::SocketProber(Found found) : impl_(std::make_unique<Impl>(std::move(found))) {}
SocketProber::~SocketProber() = default;
void SocketProber::watch(NodeId node, const ProbeTarget& target) {
  impl_->watch(node, target);
}
void SocketProber::unwatch(NodeId node) {
  impl_->unwatch(node);
}
void SocketProber::prepare(const std::string& host) {
  impl_->prepare(host);
}

}  // namespace autoctl::monitor
