// The programs of one Postgres installation, and how they are called.
#pragma once

#include <string>
#include <vector>

#include "common/process/process.h"
#include "common/util/result.h"

namespace autoctl::postgres {

/// The tools of one Postgres installation.
struct Tools {
  std::string bindir;
  int major = 0;
  std::string version;  // "15.4"
  std::string path(const std::string& tool) const { return bindir + "/" + tool; }
};
/// `pg_ctl` may be empty: then $PATH, then the newest supported version under /usr/lib/postgresql and /usr/pgsql-*.
/// Errors: not_found, incompatible (13 to 18 are supported).
Result<Tools> find_tools(const std::string& pg_ctl);

/// With untranslated messages, so that they can be parsed, and without libpq's variables of the caller's environment
/// (PGPORT would move the server, PGHOST and PGSSLMODE its WAL receiver).
Command tool_command(const Tools& tools, const std::string& tool, std::vector<std::string> arguments);

/// The account that autoctl, and so Postgres, runs as: also the name of initdb's superuser.
std::string os_user();

/// The last lines of a program's output, in one: for error messages.
std::string last_lines(const std::string& output, int count = 3);

/// Does a program's or the server's complaint come from a full disk?
bool means_disk_full(const std::string& output);

/// The error for a program that failed with this output: the server's own complaint if there is one, else the last
/// lines. system for a full disk, else postgres.
Error failure(const std::string& program, const std::string& output);

}  // namespace autoctl::postgres
