#include "keeper/postgres/hba_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <sstream>

#include "common/fsm/standby_names.h"
#include "common/pg/connection.h"
#include "common/postgres/hba_file.h"
#include "common/util/resolve.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line.substr(0, line.find('#')));
  return {std::istream_iterator<std::string>(stream), {}};
}

/// "all", the bare name or the quoted name, in a comma-separated list.
bool names(const std::string& list, const std::string& wanted) {
  std::istringstream stream(list);
  std::string item;
  while (std::getline(stream, item, ','))
    if (item == "all" || item == wanted || item == "\"" + wanted + "\"") return true;
  return false;
}

std::string peer_comment(NodeId id, const std::string& name) {
  return fmt::format("# node {} {}", id.value, name);
}

/// A role of its own is what the node's certificate was issued to: nobody else's certificate opens it.
std::string method_for(const HbaRules& rules, const HbaPeer& peer) {
  if (!rules.certificates) return rules.auth;
  return rules.auth + (peer.role == standby_name(peer.id) ? " clientcert=verify-full" : " clientcert=verify-ca");
}

}  // namespace

std::string hba_lines(const HbaRules& rules) {
  using postgres::hba_line;
  const std::string type = rules.tls ? "hostssl" : "host";
  std::string text;
  if (!rules.local_user.empty())
    text +=
        hba_line("local", "all", pg::quote_identifier(rules.local_user), "", rules.auth == "trust" ? "trust" : "peer");
  for (const auto& peer : rules.peers) {
    text += peer_comment(peer.id, peer.name) + "\n";
    for (const auto& address : peer.addresses)
      for (const char* database : {"replication", "postgres"})
        text += hba_line(type, database, peer.role, address, method_for(rules, peer));
  }
  if (rules.holds_clients) {
    text += "# clients are held off until the quorum has what was written before Postgres was started again\n";
    return text + hba_line("local", "all", "all", "", "reject") + hba_line("host", "all", "all", "all", "reject");
  }
  if (!rules.citus_database.empty()) {
    const std::string database = pg::quote_identifier(rules.citus_database);
    for (const auto* nodes : {&rules.peers, &rules.neighbours}) {
      for (const auto& node : *nodes) {
        text += peer_comment(node.id, node.name) + "\n";
        for (const auto& address : node.addresses) {
          if (rules.certificates)  // applications on the nodes' machines have none
            text += hba_line(type, database, pg::quote_identifier(rules.superuser), address,
                             rules.auth + " clientcert=verify-ca");
          text += hba_line(type, database, "all", address, rules.auth);
        }
      }
    }
  }
  if (!rules.lan_database.empty())
    text += "# the local network\n" +
            hba_line(type, pg::quote_identifier(rules.lan_database), "all", "samenet", rules.auth);
  return text;
}

bool local_user_is_let_in(const std::string& text, const std::string& user) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const auto words = words_of(line);
    if (words.size() < 4 || words[0] != "local" || !names(words[1], "postgres") || !names(words[2], user)) continue;
    return words[3] == "trust" || (words[3] == "peer" && words.size() == 4);
  }
  return false;
}

std::vector<std::string> addresses_in_block(const std::string& text, NodeId id) {
  const std::string begins = fmt::format("# node {} ", id.value), own = standby_name(id);
  const auto is_of_node = [&](const std::string& role) { return role == own || role == replicator || role == "all"; };
  std::istringstream lines(text);
  std::string line;
  std::set<std::string> found;
  bool ours = false;
  while (std::getline(lines, line)) {
    if (line.starts_with('#')) ours = line.starts_with(begins);
    if (!ours) continue;
    const auto words = words_of(line);
    if (words.size() >= 5 && words[1] != "all" && is_of_node(words[2])) found.insert(words[3]);
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> literal_addresses(const std::string& host) {
  std::set<std::string> found;
  for (const auto& address : resolve(host).value_or(std::vector<SocketAddress>{})) {
    const std::string text = address.text();  // pg_hba.conf has no zones: "fe80::1%eth0"
    found.insert(text.substr(0, text.find('%')) + (address.family() == AF_INET6 ? "/128" : "/32"));
    if (address.is_loopback()) found.insert({"127.0.0.0/8", "::1/128"});
  }
  if (found.contains("127.0.0.0/8"))
    std::erase_if(found, [](const auto& mask) { return mask.starts_with("127.") && mask.ends_with("/32"); });
  return {found.begin(), found.end()};
}

std::vector<std::string> with_reported(std::vector<std::string> masks, const std::vector<IpAddress>& reported) {
  for (const IpAddress& address : reported | std::views::take(static_cast<std::ptrdiff_t>(protocol::addresses_max)))
    if (const std::string mask = address.as_mask(); std::ranges::find(masks, mask) == masks.end())
      masks.push_back(mask);
  return masks;
}

}  // namespace autoctl::keeper
