#include "common/postgres/hba_file.h"

#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"

namespace autoctl::postgres {

namespace {

constexpr std::string_view begin_marker =
    "# autoctl: begin. Rewritten by autoctl; lines of your own belong below the end.";
constexpr std::string_view begin_prefix = "# autoctl: begin";
constexpr std::string_view end_marker = "# autoctl: end";

}  // namespace

std::string hba_line(const std::string& type, const std::string& database, const std::string& user,
                     const std::string& address, const std::string& method) {
  return fmt::format("{} {} {} {}{}{}\n", type, database, user, address, address.empty() ? "" : " ", method);
}

std::string method_for_sockets(const std::string& method) {
  for (const char* either : {"trust", "md5", "scram-sha-256", "password", "pam"})
    if (method == either) return method;
  return "peer";
}

std::string without_hba_block(const std::string& text) {
  std::istringstream lines(text);
  std::string line, out;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line.starts_with(begin_prefix)) inside = true;
    if (!inside) out += line + "\n";
    if (line.starts_with(end_marker)) inside = false;
  }
  return out;
}

std::string with_hba_block(const std::string& text, const std::string& lines) {
  return fmt::format("{}\n{}{}\n{}", begin_marker, lines, end_marker, without_hba_block(text));
}

Result<bool> write_hba_block(const std::string& path, const std::string& lines) {
  const auto text = config::read_file(path);
  if (!text) return fail(text.error());
  return update_file(path, with_hba_block(*text, lines));
}

}  // namespace autoctl::postgres
