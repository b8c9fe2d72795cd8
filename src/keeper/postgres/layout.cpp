#include "keeper/postgres/layout.h"

#include <filesystem>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/include_file.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// /var/lib/postgresql/15/main -> /etc/postgresql/15/main/postgresql.conf, if that one says that it is for this
/// directory.
std::string debian_config(const std::string& pgdata, int major, const std::string& root) {
  const std::string cluster = fs::path(pgdata).filename().string();
  const std::string candidate = root + "/" + std::to_string(major) + "/" + cluster + "/postgresql.conf";
  if (!is_file(candidate)) return {};
  const auto settings = postgres::read_settings(candidate);
  const auto directory = settings.find("data_directory");
  return directory != settings.end() && config::Files(directory->second).pgdata == config::Files(pgdata).pgdata
             ? candidate
             : std::string{};
}

/// postmaster.opts is the last command line, each argument in double quotes.
std::string started_with(const std::string& pgdata) {
  static constexpr std::string_view option = "config_file=";
  const auto text = config::read_file(pgdata + "/postmaster.opts");
  if (!text) return {};
  const auto start = text->find(option);
  if (start == std::string::npos) return {};
  const auto from = start + option.size();
  const std::string path = text->substr(from, text->find_first_of("\"\n", from) - from);
  return is_file(path) ? path : std::string{};
}

}  // namespace

bool Layout::config_outside() const {
  return config_file != pgdata + "/postgresql.conf";
}

Layout find_layout(const std::string& pgdata, int major, const std::string& debian_root) {
  Layout layout;
  layout.pgdata = pgdata;
  layout.config_file = debian_config(pgdata, major, debian_root);
  if (layout.config_file.empty()) layout.config_file = started_with(pgdata);
  if (layout.config_file.empty()) layout.config_file = pgdata + "/postgresql.conf";
  const std::string directory = fs::path(layout.config_file).parent_path().string();
  layout.include_file = directory + "/" + postgres::include_name;
  layout.auto_file = pgdata + "/postgresql.auto.conf";

  auto settings = postgres::read_settings(layout.config_file);
  for (const auto& [name, value] : postgres::read_settings(layout.auto_file)) settings[name] = value;  // ALTER SYSTEM's
  const auto place = [&](const char* setting, const char* usual) {
    const auto found = settings.find(setting);
    if (found == settings.end() || found->second.empty()) return pgdata + "/" + usual;
    return (fs::path(pgdata) / found->second).string();
  };
  layout.hba_file = place("hba_file", "pg_hba.conf");
  layout.ident_file = place("ident_file", "pg_ident.conf");
  return layout;
}

}  // namespace autoctl::keeper
