// What a node knows of the other nodes and of its own place: enough for a monitor that knows nothing to continue where
// the last one was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "common/util/fingerprint.h"
#include "common/util/ip_address.h"
#include "common/util/scram_verifier.h"

namespace autoctl::protocol {

/// Of one node, beside what its host name leads to.
inline constexpr std::size_t addresses_max = 8;

/// Of one server: the certificate that it shows, and those that it may show from one moment to the next.
inline constexpr std::size_t certificates_max = 4;

/// By which a node is told from a stranger at its address; a list is empty where a server shows none.
struct ShownCertificates {
  std::vector<Fingerprint> postgres;
  std::vector<Fingerprint> keeper;  // at the keeper's own port
  friend bool operator==(const ShownCertificates&, const ShownCertificates&) = default;
};

/// What a keeper knows of another node of its formation.
struct Peer {
  NodeId id;
  std::string name;
  std::string host;
  int port = 0;
  NodeState goal = NodeState::init;
  GroupId group = 0;
  std::uint64_t address_epoch = 0;  // its name may have got another address since another epoch; 0: it has no name
  std::vector<IpAddress> addresses = {};       // from which it connects to the others, as it says
  std::vector<Fingerprint> certificates = {};  // that its Postgres may show, as it says; empty: none, or not known
  ScramVerifier verifier = {};  // of its own role's password; none: it logs in as the role that all share
  int candidate_priority = 50;
  friend bool operator==(const Peer&, const Peer&) = default;
};

/// What operators have set for a node and its formation. Keepers only store it, for another monitor.
struct Standing {
  int candidate_priority = 50;
  bool replication_quorum = true;
  std::string region;
  std::vector<std::pair<std::string, std::string>> settings;  // of the formation, those that are not the defaults
  friend bool operator==(const Standing&, const Standing&) = default;
};

/// Part of the registration of a node that comes from another monitor, or comes back to this one.
struct FormerNode {
  NodeId id;  // the id does not change: slots, synchronous_standby_names and application_name contain it
  std::string replication_password;
  std::vector<std::pair<std::string, std::string>> settings;  // Standing::settings
};

/// Which process, at which place, a node's report is from: the newest link of a chain. A keeper takes a new link when it
/// starts and every few seconds, and saves it before it uses it; the monitor remembers the newest one that it heard. Of
/// two keepers that hold copies of one directory only one can continue the chain (docs/operations/twins.md).
struct Instance {
  std::string id;                   // of the newest link; random
  std::uint64_t number = 0;         // of links so far
  std::vector<std::string> former;  // the links before it, back to the last one that the monitor has confirmed
  std::uint64_t confirmed = 0;      // the number of that one
  std::string place;                // the machine and the directory: another one in every copy
  friend bool operator==(const Instance&, const Instance&) = default;
};

/// What a keeper was last told. Its reports carry this until the monitor has answered one.
struct Memory {
  Goal goal;
  std::vector<Peer> peers;       // the group's other nodes
  std::vector<Peer> neighbours;  // a Citus formation's nodes of other groups
};

}  // namespace autoctl::protocol
