// Roles, databases and grants that a formation needs; made on its primary, streamed to the rest.
#include <fmt/format.h>

#include <sstream>

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

/// Each group's primary makes its own: passed on by Citus, they would need every other group to be there.
Result<pg::Connection> Instance::Impl::open_for_roles() const {
  auto sql = session.open(2s);
  if (!sql || !config.is_citus()) return sql;
  if (auto local = sql->script("set citus.enable_ddl_propagation = off", timeout); !local)
    return fail(std::move(local.error()));
  return sql;
}

/// The server gets a verifier: the password itself can appear in no log of statements.
Result<> Instance::Impl::ensure_replicator(pg::Connection& sql, const std::string& password) {
  const auto verifier = sql.encrypt_password(replicator, password);
  if (!verifier) return fail(verifier.error());
  AUTOCTL_TRY(ensure_role(
      sql, replicator,
      "login replication connection limit -1 valid until 'infinity' password " + pg::quote_literal(*verifier)));
  AUTOCTL_TRY(sql.script(rewind_grants + pg::quote_identifier(replicator), timeout));
  if (sql.server_version() >= first_with_pg_checkpoint)
    AUTOCTL_TRY(sql.script("grant pg_checkpoint to " + pg::quote_identifier(replicator), timeout));
  // It may not say so itself when it connects, and a database's libraries must not keep pg_rewind out. In this session
  // of ours there are none.
  AUTOCTL_TRY(sql.script(
      "alter role " + pg::quote_identifier(replicator) + " set session_preload_libraries from current", timeout));
  role_verifier = *verifier;
  return {};
}

/// Other settings of the role, also in one database, would reach the standbys' sessions.
Result<bool> Instance::keep_replication_role(const std::string& replication_password) {
  auto& impl = *impl_;
  const auto rows = impl.session.query(
      "select coalesce(r.rolpassword, ''), r.rolcanlogin and r.rolreplication and r.rolconnlimit = -1 and "
      "coalesce(r.rolvaliduntil, 'infinity') = 'infinity' and has_function_privilege(r.oid, "
      "'pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)', 'execute') and "
      "exists (select from pg_db_role_setting where setrole = r.oid and setconfig = $2), "
      "(select string_agg(coalesce(quote_ident(d.datname), ''), ',') from pg_db_role_setting s "
      "left join pg_database d on d.oid = s.setdatabase where s.setrole = r.oid and s.setconfig <> $2) "
      "from pg_authid r where rolname = $1",
      {replicator, "{session_preload_libraries=}"}, timeout);
  if (!rows) return fail(rows.error());
  const bool same = !rows->empty() && rows->text(0, 0) == impl.role_verifier && rows->truth(0, 1);
  const bool has_settings = !rows->empty() && rows->get(0, 2);
  if (same && !has_settings) return false;
  auto sql = impl.open_for_roles();
  if (!sql) return fail(std::move(sql.error()));
  const bool first = impl.role_verifier.empty() && !rows->empty() && rows->truth(0, 1);
  if (has_settings) {
    std::istringstream databases(rows->text(0, 2) + ",");
    for (std::string name; std::getline(databases, name, ',');)
      AUTOCTL_TRY(sql->script("alter role " + pg::quote_identifier(replicator) +
                                  (name.empty() ? "" : " in database " + name) + " reset all",
                              timeout));
  }
  AUTOCTL_TRY(impl.ensure_replicator(*sql, replication_password));
  if (first && !has_settings) return false;
  impl.tell("the role " + std::string(replicator) + " was changed by somebody else: put back");
  return true;
}

Result<> Instance::create_roles(const std::string& replication_password, const std::string& formation_dbname) {
  auto sql = impl_->open_for_roles();
  if (!sql) return fail(std::move(sql.error()));
  AUTOCTL_TRY(impl_->ensure_replicator(*sql, replication_password));
  const auto& config = impl_->config;
  if (!config.username.empty()) AUTOCTL_TRY(ensure_role(*sql, config.username, "login"));
  for (const auto& name : {formation_dbname, config.dbname})
    if (!name.empty()) AUTOCTL_TRY(ensure_database(*sql, name, config.username));
  return {};
}

}  // namespace autoctl::keeper
