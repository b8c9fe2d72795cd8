#include "keeper/postgres/replicator.h"

#include <algorithm>

#include "common/fsm/standby_names.h"

namespace autoctl::keeper {

std::string replication_role(const config::Config& here, NodeId client, const protocol::Peer& other) {
  return here.auth == "cert" || other.verifier.is_none() ? replicator : standby_name(client);
}

bool claims_to_be_standby(std::string_view application_name) {
  static constexpr std::string_view prefix = "autoctl_standby_";
  const auto same = [](char ours, char theirs) {
    return ours == (theirs >= 'A' && theirs <= 'Z' ? theirs + 32 : theirs);
  };
  return application_name.size() > prefix.size() &&
         std::ranges::equal(prefix, application_name.substr(0, prefix.size()), same);
}

std::optional<NodeId> rightful_standby(const config::Config& here, const std::vector<protocol::Peer>& peers,
                                       const std::string& application_name, const std::string& role) {
  const auto id = parse_standby_name(application_name);
  const auto peer = id ? std::ranges::find(peers, *id, &protocol::Peer::id) : peers.end();
  if (peer == peers.end() || application_name != standby_name(*id)) return std::nullopt;
  return role == application_name || role == replication_role(here, *id, *peer) ? id : std::nullopt;
}

}  // namespace autoctl::keeper
