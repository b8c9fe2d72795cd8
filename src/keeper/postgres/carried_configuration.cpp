#include "keeper/postgres/carried_configuration.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/hba_file.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

/// Each server has its own.
constexpr std::array<std::string_view, 4> of_one_server = {"data_directory", "hba_file", "ident_file",
                                                           "external_pid_file"};

std::string directory_in(const std::string& pgdata) {
  return pgdata + "/autoctl-configuration";
}

/// All files that postgresql.conf includes, in one.
std::string settings_of(const Layout& layout) {
  std::string text =
      "# Settings of the node that this one was first copied from; its files are not in its data directory.\n";
  for (const auto& [name, value] : postgres::read_settings(layout.config_file, layout.include_file))
    if (std::ranges::find(of_one_server, name) == of_one_server.end()) text += postgres::conf_line(name, value);
  return text;
}

bool is_missing(const std::string& value) {
  std::error_code error;
  return value.starts_with('/') && !fs::exists(value.substr(0, value.find_first_of(", ")), error);
}

std::string usable_here(const std::string& text) {
  const auto lines = postgres::parse_conf(text);
  const bool lacks_certificate = std::ranges::any_of(
      lines, [](const auto& line) { return line.name.starts_with("ssl_") && is_missing(line.value); });
  std::string usable;
  for (const auto& line : lines) {
    const bool here = !is_missing(line.value) && !(lacks_certificate && line.name.starts_with("ssl"));
    usable += (here ? "" : "# not on this machine: ") + postgres::conf_line(line.name, line.value);
  }
  return usable;
}

}  // namespace

Result<> carry_configuration(const Layout& layout) {
  if (!layout.config_outside()) return {};
  const std::string directory = directory_in(layout.pgdata);
  std::error_code error;
  fs::create_directory(directory, error);
  if (error) return fail(Errc::system, "cannot create " + directory + ": " + error.message());
  const auto write = [&](const char* name, const std::string& text) -> Result<> {
    const auto written = postgres::update_file(directory + "/" + name, text);
    return written ? Result<>{} : fail(written.error());
  };
  AUTOCTL_TRY(write("postgresql.conf", settings_of(layout)));
  AUTOCTL_TRY(write("pg_hba.conf", postgres::without_hba_block(config::read_file(layout.hba_file).value_or(""))));
  return write("pg_ident.conf", config::read_file(layout.ident_file).value_or(""));
}

CarriedFiles carried_files(const std::string& pgdata) {
  const auto read = [&](const char* name) { return config::read_file(directory_in(pgdata) + "/" + name).value_or(""); };
  return {usable_here(read("postgresql.conf")), read("pg_hba.conf"), read("pg_ident.conf")};
}

}  // namespace autoctl::keeper
