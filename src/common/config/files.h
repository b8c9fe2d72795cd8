// Where autoctl keeps its own files: one directory beside PGDATA, so that no copy or rewind of PGDATA ever touches it
// and nothing that cleans /tmp does (/var/lib/postgresql/15/main -> /var/lib/postgresql/15/main.autoctl).
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::config {

struct Files {
  std::string pgdata;     // absolute, no trailing slash
  std::string directory;  // <pgdata>.autoctl, mode 0700

  explicit Files(const std::string& pgdata);

  std::string config() const { return directory + "/autoctl.toml"; }     // what create wrote and `config set` changes
  std::string state() const { return directory + "/state.json"; }        // keeper: newest goal obeyed and state reached
  std::string instance() const { return directory + "/instance.json"; }  // keeper: who it is, renewed with the monitor
  std::string pid() const { return directory + "/autoctl.pid"; }         // locked while the daemon runs
  std::string token() const { return directory + "/token"; }             // node's or operator's credential, 0600
  std::string monitor_ca() const { return directory + "/monitor-ca.pem"; }
  std::string ca() const { return directory + "/ca.crt"; }  // whose certificates are believed, of servers and clients
  std::string authority() const { return directory + "/ca"; }  // monitor: its certificate authority
  std::string authority_certificate() const { return authority() + "/ca.crt"; }
  std::string authority_key() const { return authority() + "/ca.key"; }  // 0600; may be kept elsewhere
  /// While the authority is replaced: that which comes, that which goes.
  std::string next_authority_certificate() const { return authority() + "/next.crt"; }
  std::string next_authority_key() const { return authority() + "/next.key"; }
  std::string former_authority_certificate() const { return authority() + "/former.crt"; }
  std::string former_authority_key() const { return authority() + "/former.key"; }
  std::string renew_before() const { return authority() + "/renew-before"; }  // what is older is to be replaced now
  std::string certificate() const {
    return directory + "/server.crt";
  }  // of the daemon's own port and, if autoctl or the monitor's authority made it, Postgres'
  std::string key() const { return directory + "/server.key"; }           // 0600
  std::string pgpass() const { return directory + "/pgpass"; }            // 0600; passwords for other nodes' Postgres
  std::string next_pgpass() const { return pgpass() + ".next"; }          // 0600; until its password is in force there
  std::string startup_log() const { return directory + "/startup.log"; }  // what a starting postmaster prints
  std::string clone_directory() const {
    return pgdata + ".clone";
  }  // a copy that is under way; becomes PGDATA when complete
};

/// Reads a whole file. Errors: not_found, system.
Result<std::string> read_file(const std::string& path);
/// Writes a temporary file, fsyncs, renames it over `path`, fsyncs the directory: after a crash, either the old or the
/// new file is there.
/// Where `path` is a symbolic link its target is replaced. Errors: system; then the old file is untouched.
Result<> write_file(const std::string& path, const std::string& text, unsigned mode = 0600);

}  // namespace autoctl::config
