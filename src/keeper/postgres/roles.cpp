// The role and the databases of applications; made on the primary, streamed to the rest.
#include <fmt/format.h>

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

Result<> ensure_role(pg::Connection& sql, const std::string& name, const std::string& attributes) {
  const auto there = exists(sql, "select from pg_roles where rolname = $1", name);
  if (!there) return fail(there.error());
  return sql.script(
      fmt::format("{} role {} with {}", *there ? "alter" : "create", pg::quote_identifier(name), attributes),
      roles_timeout);
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
  if (!config.username.empty()) AUTOCTL_TRY(ensure_role(*sql, config.username, "login"));
  for (const auto& name : {formation_dbname, config.dbname})
    if (!name.empty()) AUTOCTL_TRY(ensure_database(*sql, name, config.username));
  return {};
}

}  // namespace autoctl::keeper
