// How far one node of a running formation can go towards another way of encryption, while the others are as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace autoctl::cli {

/// Another node of the formation.
struct SslNeighbour {
  std::string name;
  std::string mode;            // the sslmode of its connections, as it says
  std::optional<bool> serves;  // its Postgres speaks TLS; nullopt: it does not answer
};

struct SslStep {
  config::Ssl ssl;                     // to be in force now
  std::vector<std::string> waits_for;  // nodes that have to be changed before this one can go on; empty: it is there
  bool complete() const { return waits_for.empty(); }
};

/// Whatever is changed in which order, every node reaches every other one at each moment, also after a failover. A node
/// stops to serve TLS when nobody asks for it any more, and asks for it when all serve it. In between it serves it, and
/// takes what it gets (sslmode allow). One that asks for TLS now, and is to do so, never goes back to that.
SslStep next_ssl_step(const config::Ssl& now, const config::Ssl& wanted, const std::vector<SslNeighbour>& others);

}  // namespace autoctl::cli
