#include "cli/output/uri.h"

#include <fmt/format.h>

#include "cli/output/state_document.h"
#include "common/postgres/client_tls.h"

namespace autoctl::cli {

namespace {

/// Percent-encodes what a URI's path or query would misread.
std::string encode(const std::string& text, bool slashes = true) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       c == '-' || c == '.' || c == '~' || (c == '/' && !slashes);
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace

std::string formation_uri(const protocol::StateDocument& state, const std::string& formation, SessionAttrs access,
                          const std::string& authority_file) {
  std::string hosts;
  std::string ssl_mode;
  for (const auto& node : state.nodes) {
    if (node.formation != formation || node.group != 0 || node.assigned == NodeState::dropped) continue;
    hosts += (hosts.empty() ? "" : ",") + host_port(node.host, node.port);
    if (ssl_mode.empty()) ssl_mode = node.ssl_mode;
  }
  if (hosts.empty()) return {};
  const auto* found = find_formation(state, formation);
  const bool verifies = ssl_mode.starts_with("verify-") && !authority_file.empty();
  return fmt::format("postgres://{}/{}?target_session_attrs={}&sslmode={}{}", hosts,
                     encode(found == nullptr ? "postgres" : found->dbname),
                     access == SessionAttrs::read_write ? "read-write" : "prefer-standby", ssl_mode,
                     verifies ? "&sslrootcert=" + encode(authority_file, false) : "");
}

std::string monitor_uri(const config::Config& monitor) {
  const std::string authority = monitor.ssl.issued ? "&sslrootcert=" + encode(monitor.ssl.ca_file, false) : "";
  return fmt::format("postgres://autoctl_node@{}/pg_auto_failover?sslmode={}{}{}",
                     host_port(monitor.hostname, monitor.pgport), monitor.ssl.mode, authority,
                     postgres::demands_channel_binding(monitor) ? "&channel_binding=require" : "");
}

}  // namespace autoctl::cli
