#include "keeper/postgres/pgpass.h"

#include <sys/stat.h>

#include <charconv>
#include <cstring>
#include <ctime>
#include <sstream>
#include <string_view>

#include "common/fsm/standby_names.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {

namespace {

constexpr std::string_view round_line = "# made for password_round ";

/// Any host, port and database: the role is what counts.
std::string line_of(const std::string& role) {
  return "*:*:*:" + role + ":";
}

}  // namespace

Result<> save_passwords(const std::string& path, NodeId node, const Passwords& passwords) {
  std::string text = std::string(round_line) + std::to_string(passwords.round) + "\n" + line_of(replicator) +
                     passwords.formation + "\n";
  if (!passwords.own.empty()) text += line_of(standby_name(node)) + passwords.own + "\n";
  return config::write_file(path, text, 0600);
}

Result<Passwords> load_passwords(const std::string& path, NodeId node) {
  const auto text = config::read_file(path);
  if (!text) return fail(text.error());
  const std::string of_formation = line_of(replicator), of_node = line_of(standby_name(node));
  Passwords found;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(of_formation)) found.formation = line.substr(of_formation.size());
    if (line.starts_with(of_node)) found.own = line.substr(of_node.size());
    if (line.starts_with(round_line))
      std::from_chars(line.data() + round_line.size(), line.data() + line.size(), found.round);
  }
  if (found.formation.empty() || !text->ends_with('\n'))
    return fail(Errc::bad_config, path + " is not what autoctl wrote",
                "bring it back from a backup, or drop this node and create it again; its data stays");
  return found;
}

Result<> ensure_own_password(const config::Files& files, NodeId node) {
  auto passwords = load_passwords(files.pgpass(), node);
  if (!passwords) return fail(passwords.error());
  if (!passwords->own.empty()) return {};
  passwords->own = tls::random_token();
  return save_passwords(files.pgpass(), node, *passwords);
}

Result<std::chrono::seconds> age_of_passwords(const config::Files& files) {
  struct stat info {};
  if (::stat(files.pgpass().c_str(), &info) != 0)
    return fail(Errc::system, "cannot look at " + files.pgpass() + ": " + std::strerror(errno));
  return std::chrono::seconds(::time(nullptr) - info.st_mtim.tv_sec);
}

Result<std::string> replication_password(const config::Files& files) {
  auto passwords = load_passwords(files.pgpass(), {});
  if (!passwords) return fail(passwords.error());
  return std::move(passwords->formation);
}

}  // namespace autoctl::keeper
