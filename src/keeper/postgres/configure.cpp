// Settings and HBA on disk, then a reload where something changed.
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/config/auth.h"
#include "common/postgres/hba_file.h"
#include "common/postgres/include_file.h"
#include "common/postgres/tools.h"
#include "keeper/postgres/carried_configuration.h"
#include "keeper/postgres/citus_settings.h"
#include "keeper/postgres/hba_rules.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/replicator.h"
#include "keeper/postgres/wal_room.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using postgres::read_settings;

/// A name that led nowhere is looked up again after this.
constexpr auto name_retry_interval = 5s;

UserSettings user_settings(const Layout& layout) {
  return {read_settings(layout.config_file, layout.include_file), read_settings(layout.auto_file)};
}

ServerSettings goal_part(const ServerSettings& include) {
  ServerSettings goals;
  for (const auto& name : goal_settings()) {
    const auto found = include.find(name);
    goals[name] = found == include.end() ? "" : found->second;
  }
  return goals;
}

bool is_standby(const std::string& pgdata) {
  return ::access((pgdata + "/standby.signal").c_str(), F_OK) == 0;
}

/// The kernel cannot bind a longer path; Postgres would only say so in its log.
Result<> check_socket_path(const ServerSettings& ours, int port) {
  const auto found = ours.find("unix_socket_directories");
  if (found == ours.end()) return {};
  const std::string directory = found->second.substr(0, found->second.find(','));
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return fail(Errc::bad_config, "the socket directory " + directory + " does not exist",
                "Create it, or choose another with --pghost");
  const std::string path = directory + "/.s.PGSQL." + std::to_string(port);
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(Errc::bad_config, "the socket path " + path + " is too long",
                "Choose a shorter directory with --pghost");
  return {};
}

}  // namespace

/// A copy of a node that keeps its configuration elsewhere comes without any.
Result<> Instance::Impl::ensure_config_files(const Layout& layout) const {
  const auto create = [](const std::string& path, const std::string& text) -> Result<> {
    if (::access(path.c_str(), F_OK) == 0) return {};
    return config::write_file(path, text);
  };
  const std::string local = config.auth == "trust" ? "trust" : "peer";
  const std::string host = config.auth == "cert" ? "hostssl" : "host";
  const CarriedFiles carried = carried_files(layout.pgdata);
  AUTOCTL_TRY(create(layout.config_file,
                     "# Created by autoctl: this copy came without a configuration of its own.\n" + carried.settings));
  AUTOCTL_TRY(create(layout.hba_file, !carried.hba.empty()
                                          ? carried.hba
                                          : "local all all " + local + "\n" + host + " all all 127.0.0.1/32 " +
                                                config.auth + "\n" + host + " all all ::1/128 " + config.auth + "\n"));
  return create(layout.ident_file, !carried.ident.empty() ? carried.ident : "# Created by autoctl.\n");
}

Result<bool> Instance::Impl::reset_overrides(const Layout& layout, const ServerSettings& ours) {
  const auto harmful = harmful_overrides(read_settings(layout.auto_file), ours);
  if (harmful.empty()) return false;
  // The user's other libraries are in `ours`, too: changed in place they stay the user's.
  const std::string libraries = harmful.contains(libraries_setting) ? ours.at(libraries_setting) : "";
  if (!postmaster.running()) {
    const auto text = config::read_file(layout.auto_file);
    if (!text) return fail(text.error());
    std::string changed = postgres::without_settings(*text, harmful);
    if (!libraries.empty()) changed += postgres::conf_line(libraries_setting, libraries);
    return postgres::update_file(layout.auto_file, changed);
  }
  for (const auto& name : harmful) {
    const bool keep = name == libraries_setting && !libraries.empty();
    auto done = session.query(keep ? "alter system set shared_preload_libraries = " + libraries
                                   : "alter system reset " + pg::quote_identifier(name),
                              5s);
    if (!done) return fail(std::move(done.error()));
  }
  return true;
}

ServerSettings Instance::Impl::wanted_settings(const Layout& place) const {
  const UserSettings user = user_settings(place);
  const auto control = read_control_data(tools, place.pgdata);
  const ServerSettings before = read_settings(place.include_file);
  ServerSettings wider = room_in(before);
  for (const auto& [name, value] : room)
    if (!wider.contains(name) || value > std::atoi(wider[name].c_str())) wider[name] = std::to_string(value);
  ServerSettings ours =
      computed_settings(config, tools.major, user, control ? std::optional(*control) : std::nullopt, wider);
  const auto bounds = wal_bounds(wal_room(place.pgdata), user, before);
  for (const auto& [name, value] : bounds) ours[name] = value;
  if (config.is_citus()) add_citus_settings(ours, config, user, is_standby(place.pgdata));
  if (keeper_restarts) ours["restart_after_crash"] = "off";
  return ours;
}

Result<bool> Instance::Impl::write_settings(const Layout& place, const ServerSettings& changes) {
  AUTOCTL_TRY(ensure_config_files(place));
  ServerSettings ours = wanted_settings(place);
  wanted = ours;
  AUTOCTL_TRY(check_socket_path(ours, config.pgport));
  ours.merge(goal_part(read_settings(place.include_file)));
  for (const auto& [name, value] : changes) ours[name] = value;

  const auto written = postgres::write_settings(place.config_file, ours, postgres::Precedence::autoctl);
  if (!written) return written;
  const auto reset = reset_overrides(place, ours);
  if (!reset) return fail(reset.error());
  return *written || *reset;
}

Layout Instance::Impl::layout_of_copy(const std::string& directory) const {
  Layout place = layout();
  if (!place.config_outside()) return find_layout(directory, tools.major, read_given_files(files));
  for (std::string* path : {&place.hba_file, &place.ident_file})
    if (path->starts_with(place.pgdata + "/")) path->replace(0, place.pgdata.size(), directory);
  place.pgdata = directory;
  place.auto_file = directory + "/postgresql.auto.conf";
  return place;
}

Result<bool> Instance::Impl::change_goal(const ServerSettings& changes) {
  const Layout place = layout();
  ServerSettings ours = read_settings(place.include_file);
  if (ours.empty()) return write_settings(changes);
  for (const auto& [name, value] : changes) ours[name] = value;
  // Looked at before it is written: what somebody else has just done to it must not pass for ours.
  const bool was_kept = !kept_files.changed();
  auto written = postgres::write_include_file(place.include_file, ours, postgres::Precedence::autoctl);
  if (written && *written && was_kept) kept_files.renew(place.include_file);
  return written;
}

/// As the room on the disk changes. Reading the configuration is most of what a keeper does at rest, so it is read again
/// only when there is more or less room, or after a while: the user may have bounds of his own by now.
Result<bool> Instance::Impl::write_wal_bounds() {
  const std::uint64_t bytes = wal_room(files.pgdata);
  const auto now = std::chrono::steady_clock::now();
  if (bounds_written && bounds_written->still_good(bytes, now)) return false;
  const Layout place = layout();
  auto written = change_goal(wal_bounds(bytes, user_settings(place), read_settings(place.include_file)));
  if (written) bounds_written = BoundsWritten{bytes, now};
  return written;
}

/// The file in force is the one that counts; another may take its place at the next start.
std::vector<std::string> Instance::Impl::hba_files() {
  std::vector<std::string> paths = {layout().hba_file};
  if (!postmaster.running()) return paths;
  const auto rows = session.query("select setting from pg_settings where name = 'hba_file'", 1s);
  if (rows && !rows->empty() && rows->text(0, 0) != paths.front()) paths.push_back(rows->text(0, 0));
  return paths;
}

Result<bool> Instance::Impl::write_hba(const std::vector<protocol::Peer>& peers,
                                       const std::vector<protocol::Peer>& neighbours) {
  if (config.skip_pg_hba) return false;
  bool changed = false;
  no_line_since.reset();
  for (const auto& path : hba_files()) {
    const auto written = write_hba_file(path, peers, neighbours);
    if (!written) return written;
    changed = changed || *written;
  }
  return changed;
}

Result<bool> Instance::Impl::write_hba_file(const std::string& path, const std::vector<protocol::Peer>& peers,
                                            const std::vector<protocol::Peer>& neighbours) {
  const auto text = config::read_file(path);
  if (!text) return fail(text.error());
  const std::string user = postgres::os_user();
  HbaRules rules;
  rules.auth = config.auth;
  rules.tls = config::demands_tls(config.ssl);
  rules.certificates = config.ssl.issued && rules.tls && config.auth != "cert";
  rules.superuser = user;
  if (config.pg_hba_lan) rules.lan_database = config.dbname;
  rules.holds_clients = is_marked(files, Marker::held);
  if (rules.holds_clients || !local_user_is_let_in(postgres::without_hba_block(*text), user)) rules.local_user = user;
  const auto add = [&](const std::vector<protocol::Peer>& nodes, std::vector<HbaPeer>& to) {
    for (const auto& node : nodes) {
      auto addresses = literal_addresses(node.host);
      if (addresses.empty()) addresses = addresses_in_block(*text, node.id);
      if (addresses.empty()) no_line_since = std::chrono::steady_clock::now();
      to.push_back({node.id, node.name, with_reported(std::move(addresses), node.addresses),
                    replication_role(config, node.id, node)});
    }
    std::ranges::sort(to, {}, &HbaPeer::id);
  };
  add(peers, rules.peers);
  if (config.is_citus()) {
    rules.citus_database = config.dbname;
    add(neighbours, rules.neighbours);
    add({{config.node, config.name, config.hostname, config.pgport, NodeState::init}}, rules.neighbours);
  }
  return postgres::write_hba_block(path, hba_lines(rules));
}

/// Nothing that others told may reach the server as more than was meant; and one line that cannot be read, also a user's
/// own, keeps it at the lines that it had. One that matches nobody, as the server has not switched TLS on yet, does not.
void Instance::Impl::tell_unreadable_hba_line() {
  const auto rows = session.query(
      "select line_number, error from pg_hba_file_rules where error is not null and error not like '%cannot match%' "
      "order by line_number limit 1",
      1s);
  if (!rows) return;
  const std::string complaint = rows->empty() ? "" : "pg_hba.conf line " + rows->text(0, 0) + ": " + rows->text(0, 1);
  if (complaint == hba_complaint) return;
  hba_complaint = complaint;
  if (!complaint.empty())
    tell(complaint + "; until that is mended Postgres lets in whom it let in before, and no node that is new");
}

/// Until nothing is left to write: then the files are as we left them also where others write at the same time. What a
/// user has changed is loaded when he wants it, unless something of ours had to be put back.
Result<> Instance::configure(const std::vector<protocol::Peer>& peers, const std::vector<protocol::Peer>& neighbours) {
  constexpr int passes_max = 4;
  auto& impl = *impl_;
  const bool was_changed = impl.kept_files.changed();
  bool reloads = false;
  for (int pass = 0; pass < passes_max; ++pass) {
    const Layout place = impl.layout();
    auto paths = impl.hba_files();
    paths.insert(paths.end(), {place.config_file, place.include_file, place.auto_file});
    impl.kept_files.keep(paths);
    const auto settings = impl.write_settings({});
    if (!settings) return fail(settings.error());
    const auto hba = impl.write_hba(peers, neighbours);
    if (!hba) return fail(hba.error());
    AUTOCTL_TRY(carry_configuration(place));
    if (!*settings && !*hba) break;
    reloads = true;
  }
  if (was_changed && reloads) impl.tell("somebody changed the configuration: what autoctl needs was put back");
  if (!reloads || !running()) return {};
  impl.tell_unreadable_hba_line();
  return reload();
}

void Instance::restart_crashed_server_by_keeper(bool wanted) {
  impl_->keeper_restarts = wanted;
}

/// Also when it is time to look again where a name leads.
bool Instance::configuration_is_changed() const {
  const auto& since = impl_->no_line_since;
  return impl_->kept_files.changed() || (since && std::chrono::steady_clock::now() - *since >= name_retry_interval);
}

Result<bool> Instance::has_less_than_primary() {
  const auto control = read_control_data(impl_->tools, impl_->files.pgdata);
  if (!control) return fail(control.error());
  for (const auto& [name, value] : control->hot_standby_minima) {
    const auto rows =
        impl_->session.query("select setting::bigint < $2::bigint from pg_settings where name = $1", {name, value}, 1s);
    if (!rows) return fail(rows.error());
    if (rows->truth(0, 0)) return true;
  }
  return false;
}

}  // namespace autoctl::keeper
