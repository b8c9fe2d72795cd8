// A network of our own: every place has its network namespace and one link to a router in ours, where packets can be
// dropped without a word. Needs the rights that ./scripts/sandbox gives.
#pragma once

#include <string>
#include <vector>

#include "common/process/process.h"
#include "common/util/result.h"
#include "lab/cluster.h"
#include "support/slow_wire.h"

namespace autoctl::test {

/// True where ./scripts/sandbox could make namespaces; else prints why a test must be skipped.
bool may_make_networks();

/// Not thread-safe. Goes, with all its links, when it is destroyed.
class Network {
 public:
  enum class Links { plain, adjustable };
  /// `places` places, numbered from 0. Errors: system, with the words of ip or nft.
  static Result<Network> make(int places, Links links = Links::plain);
  Network(Network&&) noexcept = default;
  ~Network();

  /// Where to put an agent; its Postgres has a port of its own.
  lab::LocalCluster::Place place(int number) const;

  /// The file that leads to its network; for setns().
  std::string namespace_of(int number) const;

  /// Packets from `from` to `to` vanish; cut both ways with two calls.
  Result<> cut(int from, int to);
  /// Packets from `number` to everybody else, us included, vanish.
  Result<> mute(int number);
  /// Packets from everybody else, us included, to `number` vanish.
  Result<> deafen(int number);
  /// Both.
  Result<> isolate(int number);
  /// Of the packets between `number` and the other places so many vanish.
  Result<> lose(int number, int percent);
  /// From now on `number`'s adjustable link delays and loses what goes through it.
  void adjust(int number, WireQuality quality);
  /// Ends all cuts, and all links are fast again.
  Result<> heal();

  /// Another address of `number`, outside of the others' network; returns it.
  Result<std::string> add_address(int number);
  /// What `from` sends to `to` comes from that address of its own now.
  Result<> send_from(int from, int to, const std::string& address);
  /// What `from` sends to `to` seems to come from that address, which is nobody's: NAT.
  Result<> translate(int from, int to, const std::string& address);

 private:
  Network() = default;
  Result<> add_place(int number, Links links);
  Result<> add_wire(const std::string& link, int number, pid_t holder);
  std::string ip_inside(int number) const;  // the beginning of an ip command

  std::vector<Child> holders_;                    // one process per namespace keeps it alive
  std::vector<std::unique_ptr<SlowWire>> wires_;  // of adjustable links, by number
};

}  // namespace autoctl::test
