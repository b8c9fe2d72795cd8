// What Citus needs in the formation's database; made on each group's primary, streamed to its standbys.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>

#include "common/tls/certificate.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto database_timeout = 10s;
constexpr auto create_extension_timeout = 60s;

/// A password appears in no log, whatever the user has switched on.
constexpr const char* keep_quiet =
    "set log_statement = none; set log_min_duration_statement = -1; set log_min_error_statement = panic; "
    "set log_parameter_max_length = 0; set log_parameter_max_length_on_error = 0";

bool needs_password(const std::string& auth) {
  return auth == "scram-sha-256" || auth == "md5" || auth == "password";
}

/// Nodes log in to each other as the role whose statement it is. pg_dist_authinfo is not copied by Citus: each group
/// has its own, and all have the same, because the password is derived from what the formation shares.
Result<> let_nodes_log_in(pg::Connection& sql, const std::string& role, const std::string& secret) {
  const auto known = sql.query(
      "select rolpassword is not null, exists (select from pg_dist_authinfo where rolename = $1) from pg_authid "
      "where rolname = $1",
      {role}, database_timeout);
  if (!known) return fail(known.error());
  if (known->empty() || known->truth(0, 1)) return {};
  if (known->truth(0, 0)) {
    spdlog::warn(
        "Role {} has a password already: insert it into pg_dist_authinfo on each node, so that Citus can use it", role);
    return {};
  }
  const std::string password = tls::hmac_sha256_hex(secret, "citus " + role);
  const auto verifier = sql.encrypt_password(role, password);
  if (!verifier) return fail(verifier.error());
  return sql.script(fmt::format("begin; alter role {} password {}; "
                                "insert into pg_dist_authinfo (nodeid, rolename, authinfo) values (0, {}, {}); commit",
                                pg::quote_identifier(role), pg::quote_literal(*verifier), pg::quote_literal(role),
                                pg::quote_literal("password=" + password)),
                    database_timeout);
}

}  // namespace

Result<> Instance::prepare_citus(const std::string& secret, const std::string& formation_dbname) {
  const auto& config = impl_->config;
  auto sql = impl_->session.open(2s, formation_dbname);
  if (!sql) return fail(std::move(sql.error()));
  AUTOCTL_TRY(sql->script("set citus.enable_ddl_propagation = off", database_timeout));
  AUTOCTL_TRY(sql->script("create extension if not exists citus", create_extension_timeout));
  if (!needs_password(config.auth)) return {};
  AUTOCTL_TRY(sql->script(keep_quiet, database_timeout));
  std::set<std::string> roles = {postgres::os_user()};
  if (!config.username.empty()) roles.insert(config.username);
  for (const auto& role : roles) AUTOCTL_TRY(let_nodes_log_in(*sql, role, secret));
  return {};
}

}  // namespace autoctl::keeper
