// Which nodes a node's server lets in: the lines of autoctl's block in pg_hba.conf. The block itself is written by
// common/postgres/hba_file.h.
#pragma once

#include <string>
#include <vector>

#include "common/protocol/protocol.h"

namespace autoctl::keeper {

struct HbaPeer {
  NodeId id;
  std::string name;
  std::vector<std::string> addresses;  // 10.0.0.2/32, fd00::2/128; a host name where nothing better is known
  std::string role = {};               // the only one as which it may replicate and rewind
};

struct HbaRules {
  std::string auth;
  bool tls = false;
  bool certificates = false;  // the nodes show certificates that ssl_ca_file knows; with tls only
  std::string lan_database;   // every host on this machine's networks may use it, as any role; empty = none
  std::string
      local_user;  // a line of its own for autoctl's connections over the socket; empty = the user's lines allow them
  bool holds_clients = false;  // whatever the user's lines say, autoctl and the peers are let in only
  std::vector<HbaPeer> peers;
  std::string superuser;            // as whom Citus connects from node to node for the keepers
  std::string citus_database;       // of a Citus node: the formation's nodes may use it, as any role
  std::vector<HbaPeer> neighbours;  // the formation's other nodes, this one among them: it connects to itself, too
};

std::string hba_lines(const HbaRules& rules);
/// The first line for `user` over the socket to database postgres lets it in without a password.
bool local_user_is_let_in(const std::string& text, const std::string& user);
/// The addresses that an earlier block has for this node: used while its name cannot be resolved.
std::vector<std::string> addresses_in_block(const std::string& text, NodeId id);

/// The host's addresses now, sorted, as masks of a single host, so that the server never needs reverse DNS. Any
/// loopback address means all of them: the kernel answers 127.0.1.1 from 127.0.0.1. Empty when the name cannot be
/// resolved.
std::vector<std::string> literal_addresses(const std::string& host);

/// Those and what the node itself says of where it comes from: no more than protocol::addresses_max of it, each once.
std::vector<std::string> with_reported(std::vector<std::string> masks, const std::vector<IpAddress>& reported);

}  // namespace autoctl::keeper
