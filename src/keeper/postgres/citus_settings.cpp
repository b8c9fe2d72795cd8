#include "keeper/postgres/citus_settings.h"

#include <sstream>

namespace autoctl::keeper {
namespace {

constexpr const char* prepared_setting = "max_prepared_transactions";
/// Each transaction over several groups prepares one on every group: as Citus itself would choose for 100 connections.
constexpr const char* prepared_transactions = "200";
/// Citus tells its workers of a changed pg_dist_node in the background, and tries again after this: until then, a
/// create_distributed_table is refused.
constexpr const char* sync_retry = "100ms";

std::string trimmed(const std::string& word) {
  const auto from = word.find_first_not_of(" \"\t");
  if (from == std::string::npos) return {};
  return word.substr(from, word.find_last_not_of(" \"\t") - from + 1);
}

/// How long Citus tries to connect to a node. By default it is 30 s; for so long a session waits for a node that is gone,
/// and so does the daemon that tells the workers of a changed pg_dist_node.
constexpr const char* connection_timeout = "2s";
/// A session that waits for a node that vanished hears nothing for hours by default. These end its connection after 2 to
/// 3 s, and Citus' attempt to cancel the statement there after 2 s more: by the time at which the node is taken for dead
/// (silence_timeout), it is hardly in the way of the node's replacement.
constexpr const char* keepalives = " keepalives_idle=1 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=2000";

/// How Citus connects from node to node.
std::string node_conninfo(const config::Ssl& ssl) {
  std::string text = "sslmode=" + ssl.mode + keepalives;
  if (!ssl.ca_file.empty()) text += " sslrootcert=" + ssl.ca_file;
  if (!ssl.crl_file.empty()) text += " sslcrl=" + ssl.crl_file;
  if (ssl.issued) text += " sslcert=" + ssl.server_cert + " sslkey=" + ssl.server_key;
  return text;
}

/// Does a connection to "localhost", which Citus makes to its own node, reach a server with these listen_addresses?
bool hears_localhost(const std::string& listen) {
  for (const char* word : {"*", "localhost", "127.0.0.1", "0.0.0.0", "::"})
    if (listen.find(word) != std::string::npos) return true;
  return false;
}

}  // namespace

std::string with_citus_first(const std::string& libraries) {
  std::string result = "citus";
  std::istringstream list(libraries);
  for (std::string item; std::getline(list, item, ',');)
    if (const std::string name = trimmed(item); !name.empty() && name != "citus") result += ", " + name;
  return result;
}

void add_citus_settings(ServerSettings& ours, const config::Config& config, const UserSettings& user, bool standby) {
  ours[libraries_setting] = with_citus_first(user.value(libraries_setting).value_or(""));
  const bool enough = ours.contains(prepared_setting) ? ours[prepared_setting] != "0"
                                                      : user.value(prepared_setting).value_or("0") != "0";
  if (!enough) ours[prepared_setting] = prepared_transactions;
  // Shards are moved without blocking writes by logical replication.
  if (!user.value("wal_level")) ours["wal_level"] = "logical";
  if (!user.value("citus.node_conninfo")) ours["citus.node_conninfo"] = node_conninfo(config.ssl);
  if (!user.value("citus.node_connection_timeout")) ours["citus.node_connection_timeout"] = connection_timeout;
  if (!user.value("citus.metadata_sync_retry_interval")) ours["citus.metadata_sync_retry_interval"] = sync_retry;
  if (!hears_localhost(config.listen)) ours["citus.local_hostname"] = config.hostname;
  if (config.citus_secondary && standby) {
    ours["citus.use_secondary_nodes"] = "always";
    ours["citus.cluster_name"] = config.citus_cluster;
  }
}

}  // namespace autoctl::keeper
