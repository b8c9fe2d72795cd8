#include "keeper/postgres/hba.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <sstream>

#include "common/pg/connection.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {
namespace {

constexpr std::string_view begin_marker =
    "# autoctl: begin. Rewritten by autoctl; lines of your own belong below the end.";
constexpr std::string_view begin_prefix = "# autoctl: begin";
constexpr std::string_view end_marker = "# autoctl: end";

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

}  // namespace

std::string render_hba_block(const HbaRules& rules) {
  const char* type = rules.tls ? "hostssl" : "host";
  std::string text = std::string(begin_marker) + "\n";
  if (!rules.local_user.empty())
    text += fmt::format("local all {} {}\n", pg::quote_identifier(rules.local_user),
                        rules.auth == "trust" ? "trust" : "peer");
  for (const auto& peer : rules.peers) {
    text += peer_comment(peer.id, peer.name) + "\n";
    for (const auto& address : peer.addresses)
      for (const char* database : {"replication", "postgres"})
        text += fmt::format("{} {} {} {} {}\n", type, database, replicator, address, rules.auth);
  }
  if (!rules.citus_database.empty()) {
    for (const auto* nodes : {&rules.peers, &rules.neighbours}) {
      for (const auto& node : *nodes) {
        text += peer_comment(node.id, node.name) + "\n";
        for (const auto& address : node.addresses)
          text +=
              fmt::format("{} {} all {} {}\n", type, pg::quote_identifier(rules.citus_database), address, rules.auth);
      }
    }
  }
  if (rules.lan) text += fmt::format("{} all all samenet {}\n", type, rules.auth);
  return text + std::string(end_marker) + "\n";
}

std::string without_hba_block(const std::string& text) {
  std::istringstream lines(text);
  std::string line, out;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line.starts_with(begin_prefix)) inside = true;
    if (!inside) out += line + "\n";
    if (line.starts_with(end_marker)) inside = false;
  }
  return out;
}

std::string with_hba_block(const std::string& text, const std::string& block) {
  return block + without_hba_block(text);
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
  const std::string begins = fmt::format("# node {} ", id.value);
  std::istringstream lines(text);
  std::string line;
  std::set<std::string> found;
  bool ours = false;
  while (std::getline(lines, line)) {
    if (line.starts_with('#')) ours = line.starts_with(begins);
    if (!ours) continue;
    const auto words = words_of(line);
    if (words.size() == 5 && words[1] != "all" && (words[2] == replicator || words[2] == "all")) found.insert(words[3]);
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> literal_addresses(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &raw) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, ::freeaddrinfo);
  std::set<std::string> found;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    bool loopback = false;
    if (entry->ai_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      loopback = (ntohl(address->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
      ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
      found.insert(std::string(text.data()) + "/32");
    } else if (entry->ai_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
      ::inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
      found.insert(std::string(text.data()) + "/128");
    }
    if (loopback) found.insert({"127.0.0.0/8", "::1/128"});
  }
  if (found.contains("127.0.0.0/8"))
    std::erase_if(found, [](const auto& mask) { return mask.starts_with("127.") && mask.ends_with("/32"); });
  return {found.begin(), found.end()};
}

}  // namespace autoctl::keeper
