#include "common/config/keys.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/config/checks.h"

namespace autoctl::config {

namespace {

template <class Integer>
bool parse_integer(const std::string& text, Integer& out) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

struct Reader {
  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const int* number) const { return std::to_string(*number); }
  std::string operator()(const bool* truth) const { return *truth ? "true" : "false"; }
  std::string operator()(const std::optional<GroupId>* group) const { return *group ? std::to_string(**group) : ""; }
  std::string operator()(const NodeId* node) const { return std::to_string(node->value); }
};

struct Writer {
  const std::string& text;
  bool operator()(std::string* out) const {
    *out = text;
    return true;
  }
  bool operator()(int* out) const { return parse_integer(text, *out); }
  bool operator()(bool* out) const {
    const auto truth = parse_bool(text);
    if (truth) *out = *truth;
    return truth.has_value();
  }
  bool operator()(std::optional<GroupId>* out) const {
    if (text.empty()) {
      out->reset();
      return true;
    }
    GroupId group = 0;
    if (!parse_integer(text, group) || group < 0) return false;
    *out = group;
    return true;
  }
  bool operator()(NodeId* out) const { return parse_integer(text, out->value); }
};

constexpr bool settable = true;
constexpr bool by_create = false;
constexpr bool of_nodes = true;

// clang-format off
constexpr auto table = std::to_array<Key>({
    {"autoctl.role",        [](Config& c) -> Slot { return &c.role; },        by_create, check_role},
    {"autoctl.name",        [](Config& c) -> Slot { return &c.name; },        by_create, check_node_name, of_nodes},
    {"autoctl.hostname",    [](Config& c) -> Slot { return &c.hostname; },    settable,  check_hostname},
    {"autoctl.api_port",    [](Config& c) -> Slot { return &c.api_port; },    settable,  check_port_or_default},
    {"autoctl.certificate_lifetime", [](Config& c) -> Slot { return &c.certificate_lifetime; }, settable, check_certificate_lifetime, false, true},
    {"autoctl.formation",   [](Config& c) -> Slot { return &c.formation; },   by_create, check_name, of_nodes},
    {"autoctl.group",       [](Config& c) -> Slot { return &c.group; },       by_create, nullptr, of_nodes},
    {"autoctl.node",        [](Config& c) -> Slot { return &c.node; },        by_create, nullptr, of_nodes},
    {"autoctl.region",      [](Config& c) -> Slot { return &c.region; },      by_create, nullptr, of_nodes},
    {"autoctl.candidate_priority", [](Config& c) -> Slot { return &c.candidate_priority; }, by_create, check_priority, of_nodes},
    {"autoctl.replication_quorum", [](Config& c) -> Slot { return &c.replication_quorum; }, by_create, nullptr, of_nodes},
    {"autoctl.monitor",     [](Config& c) -> Slot { return &c.monitor; },     settable,  check_monitor, of_nodes},
    {"autoctl.monitor_ca_file", [](Config& c) -> Slot { return &c.monitor_ca_file; }, settable, check_absolute_path_or_empty, of_nodes},
    {"autoctl.token_file",  [](Config& c) -> Slot { return &c.token_file; },  settable,  check_absolute_path_or_empty, of_nodes},
    {"autoctl.monitor_url", [](Config& c) -> Slot { return &c.monitor_url; }, by_create, nullptr, of_nodes},
    {"autoctl.monitor_id",  [](Config& c) -> Slot { return &c.monitor_id; },  by_create, nullptr, of_nodes},

    {"postgresql.pgdata",      [](Config& c) -> Slot { return &c.pgdata; },      by_create, check_absolute_path},
    {"postgresql.pg_ctl",      [](Config& c) -> Slot { return &c.pg_ctl; },      settable,  check_absolute_path_or_empty},
    {"postgresql.host",        [](Config& c) -> Slot { return &c.pghost; },      settable,  nullptr},
    {"postgresql.port",        [](Config& c) -> Slot { return &c.pgport; },      settable,  check_port},
    {"postgresql.listen",      [](Config& c) -> Slot { return &c.listen; },      settable,  check_not_empty},
    {"postgresql.username",    [](Config& c) -> Slot { return &c.username; },    by_create, nullptr, of_nodes},
    {"postgresql.superuser",   [](Config& c) -> Slot { return &c.superuser; },   by_create, nullptr, of_nodes},
    {"postgresql.dbname",      [](Config& c) -> Slot { return &c.dbname; },      by_create, check_not_empty},
    {"postgresql.auth",        [](Config& c) -> Slot { return &c.auth; },        settable,  check_auth},
    {"postgresql.skip_pg_hba", [](Config& c) -> Slot { return &c.skip_pg_hba; }, settable,  nullptr},
    {"postgresql.waldir",      [](Config& c) -> Slot { return &c.waldir; },      settable,  check_absolute_path_or_empty, of_nodes},
    {"postgresql.tablespace_mapping", [](Config& c) -> Slot { return &c.tablespace_mapping; }, settable, check_tablespace_mapping, of_nodes},
    {"postgresql.pg_hba_lan",  [](Config& c) -> Slot { return &c.pg_hba_lan; },  settable,  nullptr, of_nodes},

    {"ssl.enabled",     [](Config& c) -> Slot { return &c.ssl.enabled; },     settable,  nullptr},
    {"ssl.self_signed", [](Config& c) -> Slot { return &c.ssl.self_signed; }, by_create, nullptr},
    {"ssl.issued_by_monitor", [](Config& c) -> Slot { return &c.ssl.issued; }, by_create, nullptr},
    {"ssl.mode",        [](Config& c) -> Slot { return &c.ssl.mode; },        settable,  check_ssl_mode},
    {"ssl.ca_file",     [](Config& c) -> Slot { return &c.ssl.ca_file; },     settable,  check_absolute_path_or_empty},
    {"ssl.crl_file",    [](Config& c) -> Slot { return &c.ssl.crl_file; },    settable,  check_absolute_path_or_empty},
    {"ssl.server_cert", [](Config& c) -> Slot { return &c.ssl.server_cert; }, settable,  check_absolute_path_or_empty},
    {"ssl.server_key",  [](Config& c) -> Slot { return &c.ssl.server_key; },  settable,  check_absolute_path_or_empty},

    {"replication.maximum_backup_rate", [](Config& c) -> Slot { return &c.maximum_backup_rate; }, settable, check_rate, of_nodes},

    {"citus.proxy_port", [](Config& c) -> Slot { return &c.proxy_port; },      by_create, check_port_or_default, of_nodes},
    {"citus.secondary",  [](Config& c) -> Slot { return &c.citus_secondary; }, by_create, nullptr, of_nodes},
    {"citus.cluster",    [](Config& c) -> Slot { return &c.citus_cluster; },   by_create, check_name, of_nodes},
});
// clang-format on

}  // namespace

std::span<const Key> keys() {
  return table;
}

std::string read(const Slot& slot) {
  return std::visit(Reader{}, slot);
}

bool write(const Slot& slot, const std::string& text) {
  return std::visit(Writer{text}, slot);
}

}  // namespace autoctl::config
