// Whose credential is that? Asked by the server's thread before anything of a request but its header is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "monitor/engine/access.h"
#include "monitor/engine/rights.h"

namespace autoctl::monitor {

/// What it says gives room and attention, and may refuse what no holder of a credential of that kind may have. Rights are
/// the engine's to judge, on each request. So it need not know at once that a node was dropped. Thread-safe.
class Credentials {
 public:
  struct Owner {
    std::string name;  // "operator", "node 7", "token 3"; empty: nobody
    Role role = Role::nobody;
    NodeId node;            // 0 = no node
    std::string formation;  // of the node; empty: not known
    bool formerly = false;  // of a token that has ended: nobody, who is to hear what became of it

    /// Of what it has no right to. Its code is denied.
    Error refusal(const std::string& bearer) const;
  };

  /// `image`: the nodes and tokens that are known at the start.
  Credentials(Access access, const Image& image);

  Owner owner_of(const std::string& bearer) const;
  /// Does the engine let in who shows this and is no owner: with --auth trust everybody, else who was let in by the
  /// monitor's Postgres?
  bool enters(const std::string& bearer) const;
  /// Of a node that shows none.
  static Error no_credential_to_join();

  /// It is the node's; what the node had before is no longer good.
  void note(NodeId node, const std::string& formation, const std::string& bearer);
  /// It is not the node's any more. Nothing where it is another one's.
  void forget(NodeId node, const std::string& bearer);
  /// An operator's token was made. Join tokens are not kept here: who has one comes once.
  void note_token(std::int64_t id, const std::string& role, const std::string& secret, Millis ttl);
  void forget_token(std::int64_t id);

 private:
  /// How long after its time one that has ended is told from one that never was.
  static constexpr std::chrono::hours remembered{1};

  struct Member {
    NodeId node;
    std::string formation;
  };
  struct OfToken {
    std::int64_t id = 0;
    Role role = Role::nobody;
    std::chrono::system_clock::time_point until;
    bool revoked = false;
  };

  const Access access_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Member> node_by_hash_;
  std::unordered_map<std::string, OfToken> token_by_hash_;
};

}  // namespace autoctl::monitor
