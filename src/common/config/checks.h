// Which texts are valid values: for the configuration file, `config set` and the options of `create` alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace autoctl::config {

// Each returns why the text is not a valid value, or "" when it is.
std::string check_role(const std::string& text);
std::string check_name(const std::string& text);                  // of a formation, a region, …; empty is allowed
std::string check_node_name(const std::string& text);             // the same with spaces inside
std::string check_hostname(const std::string& text);              // a host name or an IP address; empty is allowed
std::string check_port(const std::string& text);                  // 1 … 65535
std::string check_port_or_default(const std::string& text);       // also 0: autoctl chooses
std::string check_certificate_lifetime(const std::string& text);  // seconds: a minute … ten years
std::string check_priority(const std::string& text);              // 0 … 100
std::string check_monitor(const std::string& text);               // https://… or a libpq URI; empty is allowed
std::string check_absolute_path(const std::string& text);
std::string check_absolute_path_or_empty(const std::string& text);
std::string check_not_empty(const std::string& text);
std::string check_auth(const std::string& text);
std::string check_ssl_mode(const std::string& text);
std::string check_tablespace_mapping(const std::string& text);  // OLD=NEW[,OLD=NEW…], absolute paths
std::string check_rate(const std::string& text);                // pg_basebackup's: 32 kB/s … 1024 MB/s, suffix k or M

const std::vector<std::string>& auth_methods();
const std::vector<std::string>& ssl_modes();

/// true/false, on/off, yes/no, 1/0, in any case; nullopt for anything else.
std::optional<bool> parse_bool(const std::string& text);

}  // namespace autoctl::config
