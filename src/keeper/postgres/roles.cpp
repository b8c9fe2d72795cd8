// The role and the databases of applications; made on the primary, streamed to the rest.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/config/auth.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto roles_timeout = 10s;
constexpr auto create_database_timeout = 120s;

Result<bool> exists(pg::Connection& sql, const std::string& query, const std::string& name) {
  const auto rows = sql.query(query, {name}, roles_timeout);
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

/// A role that is there may log in, and else stays what it is: what more it may is not changed by an upgrade or a failover.
Result<> ensure_role(pg::Connection& sql, const config::Config& config) {
  const auto there = exists(sql, "select from pg_roles where rolname = $1", config.username);
  if (!there) return fail(there.error());
  const std::string name = pg::quote_identifier(config.username);
  if (*there) return sql.script("alter role " + name + " with login", roles_timeout);
  AUTOCTL_TRY(sql.script(fmt::format("create role {} with login{}", name, config.superuser ? " superuser" : ""),
                         roles_timeout));
  if (config::asks_for_password(config.auth) && !config.is_citus())
    spdlog::info(
        "Role {} is made without a password: give it one before it can log in from elsewhere, with psql's "
        "\\password {} on this machine",
        config.username, name);
  return {};
}

Result<> ensure_database(pg::Connection& sql, const std::string& name, const std::string& owner) {
  const auto there = exists(sql, "select from pg_database where datname = $1", name);
  if (!there) return fail(there.error());
  if (*there) return {};
  const std::string owned = owner.empty() ? "" : " owner " + pg::quote_identifier(owner);
  return sql.script("create database " + pg::quote_identifier(name) + owned, create_database_timeout);
}

}  // namespace

/// Each group's primary makes its own: passed on by Citus, they would need every other group to be there.
Result<pg::Connection> Instance::Impl::open_for_roles() const {
  auto sql = session.open(2s);
  if (!sql || !config.is_citus()) return sql;
  if (auto local = sql->script("set citus.enable_ddl_propagation = off", roles_timeout); !local)
    return fail(std::move(local.error()));
  return sql;
}

Result<> Instance::create_roles(const std::string& formation_dbname) {
  auto sql = impl_->open_for_roles();
  if (!sql) return fail(std::move(sql.error()));
  const auto& config = impl_->config;
  if (!config.username.empty()) AUTOCTL_TRY(ensure_role(*sql, config));
  for (const auto& name : {formation_dbname, config.dbname})
    if (!name.empty()) AUTOCTL_TRY(ensure_database(*sql, name, config.username));
  return {};
}

}  // namespace autoctl::keeper
