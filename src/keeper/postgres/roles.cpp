// Roles, databases and grants that a formation needs; made on its primary, streamed to the rest.
#include <fmt/format.h>

#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto timeout = 10s;
constexpr auto create_database_timeout = 120s;
constexpr int first_with_pg_checkpoint = 150000;

Result<bool> exists(pg::Connection& sql, const std::string& query, const std::string& name) {
  const auto rows = sql.query(query, {name}, timeout);
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<> ensure_role(pg::Connection& sql, const std::string& name, const std::string& attributes) {
  const auto there = exists(sql, "select from pg_roles where rolname = $1", name);
  if (!there) return fail(there.error());
  return sql.script(
      fmt::format("{} role {} with {}", *there ? "alter" : "create", pg::quote_identifier(name), attributes), timeout);
}

Result<> ensure_database(pg::Connection& sql, const std::string& name, const std::string& owner) {
  const auto there = exists(sql, "select from pg_database where datname = $1", name);
  if (!there) return fail(there.error());
  if (*there) return {};
  const std::string owned = owner.empty() ? "" : " owner " + pg::quote_identifier(owner);
  return sql.script("create database " + pg::quote_identifier(name) + owned, create_database_timeout);
}

/// What pg_rewind needs of a role that is no superuser.
constexpr const char* rewind_grants =
    "grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean), pg_catalog.pg_stat_file(text, boolean), "
    "pg_catalog.pg_read_binary_file(text), pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to ";

}  // namespace

Result<> Instance::create_roles(const std::string& replication_password, const std::string& formation_dbname) {
  auto sql = impl_->session.open(2s);
  if (!sql) return fail(std::move(sql.error()));
  // Each group's primary makes its own: passed on by Citus, it would need every other group to be there.
  if (impl_->config.is_citus()) AUTOCTL_TRY(sql->script("set citus.enable_ddl_propagation = off", timeout));
  // The server gets a verifier: the password itself can appear in no log of statements.
  const auto verifier = sql->encrypt_password(replicator, replication_password);
  if (!verifier) return fail(verifier.error());
  AUTOCTL_TRY(ensure_role(*sql, replicator, "login replication password " + pg::quote_literal(*verifier)));
  AUTOCTL_TRY(sql->script(rewind_grants + pg::quote_identifier(replicator), timeout));
  if (sql->server_version() >= first_with_pg_checkpoint)
    AUTOCTL_TRY(sql->script("grant pg_checkpoint to " + pg::quote_identifier(replicator), timeout));

  const auto& config = impl_->config;
  if (!config.username.empty()) AUTOCTL_TRY(ensure_role(*sql, config.username, "login"));
  for (const auto& name : {formation_dbname, config.dbname})
    if (!name.empty()) AUTOCTL_TRY(ensure_database(*sql, name, config.username));
  return {};
}

}  // namespace autoctl::keeper
