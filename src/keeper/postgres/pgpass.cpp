#include "keeper/postgres/pgpass.h"

#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {

namespace {

/// Any host, port and database: the role is what counts.
std::string prefix() {
  return std::string("*:*:*:") + replicator + ":";
}

}  // namespace

Result<> save_replication_password(const config::Files& files, const std::string& password) {
  return config::write_file(files.pgpass(), prefix() + password + "\n", 0600);
}

Result<std::string> replication_password(const config::Files& files) {
  auto text = config::read_file(files.pgpass());
  if (!text) return fail(text.error());
  if (!text->starts_with(prefix()) || !text->ends_with('\n'))
    return fail(Errc::bad_config, files.pgpass() + " is not what autoctl wrote");
  return text->substr(prefix().size(), text->size() - prefix().size() - 1);
}

}  // namespace autoctl::keeper
