#include "common/config/aliases.h"

#include <array>
#include <string_view>

namespace autoctl::config {

namespace {

struct Alias {
  std::string_view theirs;
  std::string_view ours;     // empty: none
  std::string_view why;      // there is none
  std::string_view instead;  // what to type
};

constexpr std::string_view by_the_monitor = "it is a setting of the formation, which the monitor keeps";

constexpr auto alias_table = std::to_array<Alias>({
    {"pg_autoctl.role", "autoctl.role", "", ""},
    {"pg_autoctl.monitor", "autoctl.monitor", "", ""},
    {"pg_autoctl.formation", "autoctl.formation", "", ""},
    {"pg_autoctl.group", "autoctl.group", "", ""},
    {"pg_autoctl.name", "autoctl.name", "", ""},
    {"pg_autoctl.hostname", "autoctl.hostname", "", ""},
    {"pg_autoctl.nodename", "autoctl.hostname", "", ""},
    {"pg_autoctl.nodekind", "autoctl.role", "", ""},
    {"postgresql.proxyport", "citus.proxy_port", "", ""},
    {"postgresql.listen_addresses", "postgresql.listen", "", ""},
    {"postgresql.auth_method", "postgresql.auth", "", ""},
    {"ssl.active", "ssl.enabled", "", ""},
    {"ssl.sslmode", "ssl.mode", "", ""},
    {"ssl.cert_file", "ssl.server_cert", "", ""},
    {"ssl.key_file", "ssl.server_key", "", ""},
    {"citus.cluster_name", "citus.cluster", "", ""},

    {"pg_autoctl.monitor_password", "", "no password of the monitor's is kept: a node has a credential of its own",
     "`autoctl token create` on the monitor, for new nodes"},
    {"citus.role", "", "a switch says it", "use citus.secondary: true or false"},
    {"postgresql.hba_level", "", "two keys say it", "use postgresql.skip_pg_hba and postgresql.pg_hba_lan"},
    {"replication.slot", "", "each node has a slot on each other one, which the keepers name",
     "`select * from pg_replication_slots` shows them"},
    {"replication.password", "", "each node makes its own", "`autoctl rotate password` replaces it"},
    {"replication.backup_directory", "", "a copy is made beside PGDATA, as PGDATA.clone, to be renamed in one step",
     "leave room there, or make PGDATA a mount point of its own"},
    {"timeout.network_partition_timeout", "", by_the_monitor, "`autoctl set formation lease 20000` (milliseconds)"},
    {"timeout.prepare_promotion_catchup", "", "a candidate is promoted when it has everything, and not before",
     "`autoctl set formation drain-timeout 30000` bounds a planned hand-over (milliseconds)"},
    {"timeout.prepare_promotion_walreceiver", "", "a candidate is promoted when it has everything, and not before",
     "`autoctl set formation drain-timeout 30000` bounds a planned hand-over (milliseconds)"},
    {"timeout.postgresql_restart_failure_timeout", "", by_the_monitor,
     "`autoctl set formation postgres-restart-timeout 20000` (milliseconds)"},
    {"timeout.postgresql_restart_failure_max_retries", "", "the time counts, not the attempts",
     "`autoctl set formation postgres-restart-timeout 20000` (milliseconds)"},
    {"timeout.listen_notifications_timeout", "", "a node's report is held open until there is something to do",
     "`autoctl set formation heartbeat 1000` (milliseconds) is how long at most"},
    {"timeout.citus_master_update_node_lock_cooldown", "", by_the_monitor,
     "`autoctl set formation citus-switchover-cooldown 5000`, citus-failover-cooldown (milliseconds)"},
    {"timeout.citus_coordinator_wait_max_retries", "", "a worker does not wait: the coordinator's keeper adds it",
     "`autoctl activate` waits until it has"},
    {"timeout.citus_coordinator_wait_timeout", "", "a worker does not wait: the coordinator's keeper adds it",
     "`autoctl activate` waits until it has"},
});

}  // namespace

Result<std::string> without_alias(const std::string& key) {
  for (const Alias& alias : alias_table) {
    if (alias.theirs != key) continue;
    if (!alias.ours.empty()) return std::string(alias.ours);
    return fail(Errc::not_found, "there is no " + key + ": " + std::string(alias.why), std::string(alias.instead));
  }
  return key;
}

std::vector<std::pair<std::string, std::string>> aliases() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const Alias& alias : alias_table)
    if (!alias.ours.empty()) found.emplace_back(alias.theirs, alias.ours);
  return found;
}

}  // namespace autoctl::config
