// Where a cluster keeps its configuration: inside PGDATA, or elsewhere (Debian: /etc/postgresql/<major>/<cluster>).
#pragma once

#include <string>

namespace autoctl::keeper {

struct Layout {
  std::string pgdata;
  std::string config_file;  // postgresql.conf
  std::string hba_file;
  std::string ident_file;
  std::string include_file;  // autoctl's, beside config_file
  std::string auto_file;     // postgresql.auto.conf, always in PGDATA

  bool config_outside() const;  // the server must be told where its configuration is
};

/// Debian's place if the configuration there names this PGDATA; else the files the cluster was last started with; else
/// PGDATA.
Layout find_layout(const std::string& pgdata, int major, const std::string& debian_root = "/etc/postgresql");

}  // namespace autoctl::keeper
