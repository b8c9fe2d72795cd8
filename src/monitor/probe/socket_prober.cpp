#include "monitor/probe/socket_prober.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
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
/// A postmaster that starts or ends breaks connections off for moments. What does nothing else is none: a proxy whose
/// server is gone, say.
constexpr Millis broken_off_max{1'000};

/// Bounds on what all tries together may cost, however many nodes are silent at once: a monitor that probes thousands
/// has no time left to hear them. A node that has just become silent comes first.
constexpr std::size_t under_way_max = 256;
constexpr std::chrono::microseconds start_interval{500};
constexpr Millis start_credit{50};  // for as many as were not started before

using Key = std::pair<NodeId, ProbedPort>;

/// One port under watch.
struct Watch {
  std::string host;
  int port = 0;
  std::vector<Fingerprint> certificates;
  std::unique_ptr<postgres::PortProbe> attempt;  // none between two tries
  TimePoint due;                                 // of the next try; between two tries
  std::size_t tries = 0;
  std::optional<TimePoint> broken_off_since;  // and nothing else came of it

  /// Of an attempt that has ended; nullopt: nothing is known.
  std::optional<PortState> judge(TimePoint now) {
    const auto result = attempt->result();
    if (result || !attempt->was_broken_off()) {
      broken_off_since.reset();
      return result;
    }
    if (!broken_off_since) broken_off_since = now;
    return now - *broken_off_since < broken_off_max ? std::nullopt : std::optional(PortState::stranger);
  }
};

int port_of(const ProbeTarget& target, ProbedPort port) {
  return port == ProbedPort::postgres ? target.postgres_port : target.keeper_port;
}

const std::vector<Fingerprint>& certificates_of(const ProbeTarget& target, ProbedPort port) {
  return port == ProbedPort::postgres ? target.certificates.postgres : target.certificates.keeper;
}

postgres::Expect expected_of(ProbedPort port) {
  return port == ProbedPort::postgres ? postgres::Expect::postmaster : postgres::Expect::keeper;
}

/// All of one thread: when each port is tried next, and the tries that are under way.
class Rounds {
 public:
  Rounds(const SocketProber::Found& found, AddressBook& book) : found_(found), book_(book) {}

  void watch(NodeId id, const ProbeTarget& target) {
    forget(id);
    for (const ProbedPort port : {ProbedPort::postgres, ProbedPort::keeper}) {
      if (port_of(target, port) == 0) continue;
      Watch& watch = watches_[{id, port}];
      watch.host = target.host;
      watch.port = port_of(target, port);
      watch.certificates = certificates_of(target, port);
      schedule({id, port}, watch, TimePoint::min());
    }
  }

  void forget(NodeId id) {
    for (const ProbedPort port : {ProbedPort::postgres, ProbedPort::keeper}) {
      const auto found = watches_.find({id, port});
      if (found == watches_.end()) continue;
      due_.erase({found->second.due, found->first});
      under_way_.erase(found->first);
      nameless_.erase(found->first);
      watches_.erase(found);
    }
  }

  /// A name that was unknown has its addresses.
  void look_up_again() {
    for (const Key& key : std::exchange(nameless_, {})) {
      Watch& watch = watches_.at(key);
      due_.erase({watch.due, key});
      schedule(key, watch, TimePoint::min());
    }
  }

  /// Moves on what is under way, and begins what is due. Fills in what to poll for, and returns until when.
  TimePoint advance(std::vector<pollfd>& sockets) {
    const TimePoint now = std::chrono::steady_clock::now();
    for (auto next = under_way_.begin(); next != under_way_.end();) {
      const Key key = *next++;  // its end takes it out
      Watch& watch = watches_.at(key);
      watch.attempt->advance(now);
      if (watch.attempt->done()) take(key, watch, now);
    }
    const TimePoint next = begin_due(now);
    return std::min(next, add_sockets(sockets));
  }

 private:
  /// Returns when the next one may begin.
  TimePoint begin_due(TimePoint now) {
    paid_until_ = std::max(paid_until_, now - start_credit);
    while (!due_.empty() && due_.begin()->first <= now) {
      if (under_way_.size() >= under_way_max) return TimePoint::max();  // an end of one of them makes room
      if (paid_until_ > now) return paid_until_;
      paid_until_ += start_interval;
      const Key key = due_.begin()->second;
      due_.erase(due_.begin());
      begin(key, watches_.at(key), now);
    }
    return due_.empty() ? TimePoint::max() : due_.begin()->first;
  }

  void begin(const Key& key, Watch& watch, TimePoint now) {
    auto addresses = book_.find(watch.host);
    if (addresses.empty()) {
      nameless_.insert(key);
      return schedule(key, watch, now + name_retry);
    }
    nameless_.erase(key);
    for (SocketAddress& address : addresses) address.set_port(watch.port);
    const Millis patience = patience_per_address * static_cast<int>(addresses.size());
    watch.attempt = std::make_unique<postgres::PortProbe>(expected_of(key.second), std::move(addresses), patience,
                                                          watch.certificates);
    under_way_.insert(key);
    watch.attempt->start(now);
    if (watch.attempt->done()) take(key, watch, now);
  }

  void take(const Key& key, Watch& watch, TimePoint now) {
    const auto result = watch.judge(now);
    watch.attempt.reset();
    under_way_.erase(key);
    const std::size_t tries = watch.tries++;
    schedule(key, watch, now + (tries < tries_in_haste ? pauses[std::min(tries, pauses.size() - 1)] : pause_later));
    if (result) found_(key.first, key.second, *result);
  }

  void schedule(const Key& key, Watch& watch, TimePoint due) {
    watch.due = due;
    due_.emplace(due, key);
  }

  /// Returns the first deadline of those under way.
  TimePoint add_sockets(std::vector<pollfd>& sockets) const {
    TimePoint next = TimePoint::max();
    for (const Key& key : under_way_) {
      const postgres::PortProbe& attempt = *watches_.at(key).attempt;
      sockets.push_back({attempt.fd(), attempt.events(), 0});
      next = std::min(next, attempt.deadline());
    }
    return next;
  }

  const SocketProber::Found& found_;
  AddressBook& book_;
  std::map<Key, Watch> watches_;
  std::set<std::pair<TimePoint, Key>> due_;
  std::set<Key> under_way_;
  std::set<Key> nameless_;  // those whose host has no address yet
  TimePoint paid_until_;
};

}  // namespace

class SocketProber::Impl {
 public:
  explicit Impl(Found found)
      : found_(std::move(found)),
        book_([this] {
          name_found_ = true;
          wake();
        }),
        thread_([this] { run(); }) {}

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
      const auto [known, is_new] = wanted_.try_emplace(id, target);
      if (!is_new && known->second == target) return;
      known->second = target;
      changed_.insert(id);
    }
    wake();
  }

  void unwatch(NodeId id) {
    {
      const std::lock_guard lock(mutex_);
      if (wanted_.erase(id) == 0) return;
      changed_.insert(id);
    }
    wake();
  }

  void prepare(const std::string& host) { book_.find(host); }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
  }

  void run() {
    Rounds rounds(found_, book_);
    std::vector<pollfd> sockets;
    while (take_orders(rounds)) {
      sockets.assign(1, pollfd{wakeup_.get(), POLLIN, 0});
      const TimePoint until = rounds.advance(sockets);
      ::poll(sockets.data(), sockets.size(), milliseconds_to(until));
      std::uint64_t count = 0;
      while (::read(wakeup_.get(), &count, sizeof count) > 0) {
      }
    }
  }

  /// False when it is over. The engine waits for this mutex: nothing is done under it that could take time.
  bool take_orders(Rounds& rounds) {
    std::map<NodeId, std::optional<ProbeTarget>> orders;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      for (const NodeId id : changed_) {
        const auto found = wanted_.find(id);
        orders[id] = found == wanted_.end() ? std::nullopt : std::optional(found->second);
      }
      changed_.clear();
    }
    for (const auto& [id, target] : orders) target ? rounds.watch(id, *target) : rounds.forget(id);
    if (name_found_.exchange(false)) rounds.look_up_again();
    return true;
  }

  static int milliseconds_to(TimePoint until) {
    if (until == TimePoint::max()) return -1;
    const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::max(left, Millis{0}).count());
  }

  const Found found_;
  const Descriptor wakeup_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex_;  // guards the next three
  std::map<NodeId, ProbeTarget> wanted_;
  std::set<NodeId> changed_;
  bool stopping_ = false;
  std::atomic<bool> name_found_ = false;
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
