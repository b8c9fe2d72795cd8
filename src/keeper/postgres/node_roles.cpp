// The roles that nodes log in as for replication, copies and rewinds: one for each node, so that none can pass for
// another, beside the one that has the rights. Made on the primary, streamed to the rest.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto node_roles_timeout = 10s;
constexpr int first_with_pg_checkpoint = 150000;

struct WantedRole {
  std::string name;
  std::string password;  // as pg_authid has it; empty: none
  bool may_log_in = true;
  bool replicates = true;
  bool is_node = true;  // its rights are those of `replicator`
};

struct FoundRole {
  std::string name;
  std::string password;
  bool may_log_in = false;
  bool replicates = false;
  bool is_as_made = false;      // in all else
  std::string settings_places;  // databases that it has other settings in, as SQL names them; "" for all of them
  bool has_settings = false;
};

constexpr const char* present_roles =
    "select r.rolname, coalesce(r.rolpassword, ''), r.rolcanlogin, r.rolreplication, "
    "r.rolinherit and r.rolconnlimit = -1 and coalesce(r.rolvaliduntil, 'infinity') = 'infinity' and "
    "not (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls) and has_function_privilege(r.oid, "
    "'pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)', 'execute') and "
    "exists (select from pg_db_role_setting where setrole = r.oid and setconfig = $2), "
    "(select string_agg(coalesce(quote_ident(d.datname), ''), ',') from pg_db_role_setting s "
    "left join pg_database d on d.oid = s.setdatabase where s.setrole = r.oid and s.setconfig <> $2) "
    "from pg_authid r where r.rolname = $1 or r.rolname ~ '^autoctl_standby_[0-9]+$'";

/// What pg_rewind needs of a role that is no superuser.
constexpr const char* rewind_grants =
    "grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean), pg_catalog.pg_stat_file(text, boolean), "
    "pg_catalog.pg_read_binary_file(text), pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to ";

FoundRole found_role(const pg::Rows& rows, int row) {
  return {rows.text(row, 0),  rows.text(row, 1), rows.truth(row, 2),          rows.truth(row, 3),
          rows.truth(row, 4), rows.text(row, 5), rows.get(row, 5).has_value()};
}

bool is_as_wanted(const FoundRole& found, const WantedRole& wanted) {
  return found.password == wanted.password && found.may_log_in == wanted.may_log_in &&
         found.replicates == wanted.replicates && found.is_as_made && !found.has_settings;
}

/// Settings of the role, also in one database, would reach the standbys' sessions.
Result<> reset_settings(pg::Connection& sql, const FoundRole& role) {
  if (!role.has_settings) return {};
  std::istringstream places(role.settings_places + ",");
  for (std::string place; std::getline(places, place, ',');)
    AUTOCTL_TRY(sql.script(
        "alter role " + pg::quote_identifier(role.name) + (place.empty() ? "" : " in database " + place) + " reset all",
        node_roles_timeout));
  return {};
}

/// The server gets a verifier: the password itself can appear in no log of statements.
Result<> make(pg::Connection& sql, const WantedRole& wanted, bool exists) {
  const std::string name = pg::quote_identifier(wanted.name);
  std::string text =
      std::string(exists ? "alter" : "create") + " role " + name + " with " +
      (wanted.may_log_in ? "login " : "nologin ") + (wanted.replicates ? "replication " : "noreplication ") +
      "inherit nosuperuser nocreaterole nocreatedb nobypassrls connection limit -1 valid until 'infinity' "
      "password " +
      (wanted.password.empty() ? "null" : pg::quote_literal(wanted.password)) + "; ";
  if (wanted.is_node)
    text += "grant " + pg::quote_identifier(replicator) + " to " + name + "; ";
  else
    text += rewind_grants + name + "; ";
  if (!wanted.is_node && sql.server_version() >= first_with_pg_checkpoint)
    text += "grant pg_checkpoint to " + name + "; ";
  // It may not say so itself when it connects, and a database's libraries must not keep pg_rewind out. In this session
  // of ours there are none.
  text += "alter role " + name + " set session_preload_libraries from current";
  return sql.script(text, node_roles_timeout);
}

/// What others have made depend on it keeps the role itself, and nobody can log in as it.
Result<> revoke(pg::Connection& sql, const std::string& name) {
  const std::string role = pg::quote_identifier(name);
  AUTOCTL_TRY(sql.script("alter role " + role + " with nologin noreplication password null", node_roles_timeout));
  const auto ended = sql.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", {name},
                               node_roles_timeout);
  if (!ended) return fail(ended.error());
  if (const auto dropped = sql.script("drop role " + role, node_roles_timeout); !dropped)
    spdlog::warn("The role {} of a node that is gone stays, but may not log in: {}", name, dropped.error().message);
  return {};
}

/// The shared one comes first: the others get its rights.
std::vector<WantedRole> wanted_roles(const ReplicationRoles& roles, const std::string& shared_verifier) {
  const bool shared = !shared_verifier.empty();
  std::vector<WantedRole> wanted = {{replicator, shared_verifier, shared, shared, false}};
  for (const auto& role : roles.nodes)
    if (!role.verifier.is_none()) wanted.push_back({standby_name(role.node), role.verifier.text(), role.may_log_in});
  return wanted;
}

}  // namespace

Result<bool> Instance::keep_replication_roles(const ReplicationRoles& roles) {
  auto& impl = *impl_;
  const auto rows = impl.session.query(present_roles, {replicator, "{session_preload_libraries=}"}, node_roles_timeout);
  if (!rows) return fail(rows.error());
  std::map<std::string, FoundRole> found;
  for (int row = 0; row < rows->size(); ++row) found[rows->text(row, 0)] = found_role(*rows, row);

  std::optional<pg::Connection> sql;
  const auto open = [&]() -> Result<> {
    if (sql) return {};
    auto fresh = impl.open_for_roles();
    if (!fresh) return fail(std::move(fresh.error()));
    sql = *std::move(fresh);
    return {};
  };
  bool put_back = false;
  std::set<std::string> names;
  for (const auto& role : roles.nodes) names.insert(standby_name(role.node));  // also of one that nobody has told of
  const bool shared = !roles.shared_password.empty();
  for (const auto& wanted :
       wanted_roles(roles, shared ? impl.shared_verifier.of(roles.shared_password).text() : std::string())) {
    names.insert(wanted.name);
    const auto there = found.find(wanted.name);
    const auto before = impl.kept_roles.find(wanted.name);
    const Impl::KeptRole now{wanted.password, wanted.may_log_in};
    const bool differs = there == found.end() || !is_as_wanted(there->second, wanted);
    if (differs) {
      AUTOCTL_TRY(open());
      if (there != found.end()) AUTOCTL_TRY(reset_settings(*sql, there->second));
      AUTOCTL_TRY(make(*sql, wanted, there != found.end()));
      const bool by_others = before != impl.kept_roles.end()
                                 ? before->second == now
                                 : there != found.end() && (!there->second.is_as_made || there->second.has_settings);
      if (by_others) impl.tell("the role " + wanted.name + " was changed by somebody else: put back");
      put_back = put_back || by_others;
    }
    impl.kept_roles[wanted.name] = now;
  }
  for (const auto& [name, role] : found) {
    if (names.contains(name) || (!role.may_log_in && !role.replicates)) continue;
    AUTOCTL_TRY(open());
    AUTOCTL_TRY(revoke(*sql, name));
    impl.kept_roles.erase(name);
  }
  return put_back;
}

}  // namespace autoctl::keeper
