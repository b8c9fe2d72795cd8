#include "common/postgres/include_file.h"

#include <filesystem>

#include "common/config/files.h"

namespace autoctl::postgres {

Result<bool> write_include_file(const std::string& path, const ServerSettings& settings, Precedence precedence) {
  std::string text =
      precedence == Precedence::autoctl
          ? "# Written by autoctl, which overwrites it. Your own settings belong in postgresql.conf or ALTER SYSTEM;\n"
            "# autoctl leaves them alone unless replication cannot work with them.\n"
          : "# Written by autoctl, which overwrites it. Your own settings belong below the include line of "
            "postgresql.conf.\n";
  for (const auto& [name, value] : settings) text += conf_line(name, value);
  return update_file(path, text);
}

Result<bool> write_settings(const std::string& main_file, const ServerSettings& settings, Precedence precedence) {
  const std::string path = (std::filesystem::path(main_file).parent_path() / include_name).string();
  const auto include = write_include_file(path, settings, precedence);
  if (!include) return include;
  const auto text = config::read_file(main_file);
  if (!text) return fail(text.error());
  const bool stays = precedence == Precedence::user && includes(*text, include_name);
  const auto line = stays ? Result<bool>(false) : update_file(main_file, with_include_at_end(*text, include_name));
  if (!line) return line;
  return *include || *line;
}

}  // namespace autoctl::postgres
