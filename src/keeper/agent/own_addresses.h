// From which addresses this node connects to the others, so that they can let it in there: a machine may have several,
// and not the one that its host name leads to on the way to another node (docs/operations/addresses.md).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/config/files.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"

namespace autoctl::keeper {

/// The address that a server has seen, in its words when it refused a connection: "no pg_hba.conf entry for … host
/// "10.0.0.2", …", in any language. What comes before "failed: " is libpq's, and names the server's own address.
std::optional<IpAddress> address_seen(const std::string& refusal);

/// A thread of its own: name servers and nodes that do not answer hold up nothing else.
class AddressWatch {
 public:
  /// All must outlive it. Board::stop() ends it.
  AddressWatch(Board& board, const LiveConfig& config, const config::Files& files);
  ~AddressWatch();

 private:
  void watch();
  void look(const protocol::Assignment& known);
  void ask(const protocol::Assignment& known);
  void tell_of_less_safe(const protocol::Peer& upstream, const Error& error);
  std::vector<IpAddress> all() const;

  Board& board_;
  const LiveConfig& config_;
  const config::Files& files_;
  std::set<IpAddress> sources_;    // of this machine, towards the others
  std::optional<IpAddress> seen_;  // by an upstream: where addresses are translated on the way, not one of this machine
  std::optional<protocol::Assignment> looked_for_;
  NodeId asked_;
  NodeId less_safe_;  // an upstream of which the operator was told
  TimePoint next_look_, next_question_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
