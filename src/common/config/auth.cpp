#include "common/config/auth.h"

#include <fmt/format.h>

namespace autoctl::config {

namespace {

constexpr const char* own_lines =
    "choose another --auth; or --skip-pg-hba, and write the lines of pg_hba.conf yourself";

}  // namespace

bool demands_tls(const Ssl& ssl) {
  return ssl.enabled && ssl.mode != "disable" && ssl.mode != "allow";
}

bool asks_for_password(const std::string& method) {
  return method == "scram-sha-256" || method == "md5" || method == "password";
}

Result<> check_method(const Config& config) {
  const std::string& method = config.auth;
  if (config.skip_pg_hba) return {};
  if (method == "peer" || method == "sspi")
    return fail(Errc::bad_usage, fmt::format("postgresql.auth: '{}' lets in nobody from another machine", method),
                own_lines);
  if (method == "ldap" || method == "radius")
    return fail(
        Errc::bad_usage,
        fmt::format("postgresql.auth: a line with '{}' needs the server to ask, which autoctl does not know", method),
        own_lines);
  if (method != "cert") return {};
  if (!demands_tls(config.ssl))
    return fail(Errc::bad_usage, "postgresql.auth: 'cert' needs TLS: clients show certificates over TLS only",
                "give --server-cert, --server-key and --ssl-ca-file");
  if (config.ssl.ca_file.empty())
    return fail(Errc::bad_usage, "postgresql.auth: 'cert' needs to know whose certificates to believe",
                "give --ssl-ca-file: the authority that has signed the clients' certificates");
  return {};
}

}  // namespace autoctl::config
