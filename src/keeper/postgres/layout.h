// Where a cluster keeps its configuration: inside PGDATA, or elsewhere (Debian: /etc/postgresql/<major>/<cluster>; a
// server started with -D of a directory whose postgresql.conf has data_directory; files named on its command line).
#pragma once

#include <string>
#include <vector>

#include "common/config/files.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Where the node's files were when it was created; empty: as it is found. Kept in postgres-files.conf among autoctl's.
struct GivenFiles {
  std::string config_file, hba_file, ident_file;
  bool is_empty() const { return config_file.empty() && hba_file.empty() && ident_file.empty(); }
};
GivenFiles read_given_files(const config::Files& files);
Result<> save_given_files(const config::Files& files, const GivenFiles& given);

struct Layout {
  std::string pgdata;
  std::string config_file;  // postgresql.conf
  std::string hba_file;
  std::string ident_file;
  std::string include_file;                // autoctl's, beside config_file
  std::string auto_file;                   // postgresql.auto.conf, always in PGDATA
  std::vector<std::string> start_options;  // that tell the server what it would not find by itself

  bool config_outside() const;
};

/// Two paths that lead to one file or directory; or are spelled alike, where there is none.
bool is_same(const std::string& one, const std::string& other);

/// The files that the node was created with. Else Debian's, if the configuration there names this PGDATA; else those
/// that the cluster was last started with; else PGDATA's.
Layout find_layout(const std::string& pgdata, int major, const GivenFiles& given = {},
                   const std::string& debian_root = "/etc/postgresql");

}  // namespace autoctl::keeper
