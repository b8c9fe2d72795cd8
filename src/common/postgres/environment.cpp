#include <pwd.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "common/pg/own_settings.h"
#include "common/postgres/tools.h"

namespace autoctl::postgres {

Command tool_command(const Tools& tools, const std::string& tool, std::vector<std::string> arguments) {
  Command command;
  command.argv = std::move(arguments);
  command.argv.insert(command.argv.begin(), tools.path(tool));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (pg::is_of_libpq(text)) command.without_env.emplace_back(text.substr(0, text.find('=')));
  }
  command.without_env.emplace_back("LANGUAGE");
  // LC_ALL would win over LC_MESSAGES: it is split into LANG and the rest.
  if (const char* all = std::getenv("LC_ALL"); all != nullptr && *all != '\0') {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_NUMERIC", "LC_TIME", "LC_MONETARY"})
      command.without_env.emplace_back(name);
    command.env["LANG"] = all;
  }
  command.env["LC_MESSAGES"] = "C";
  return command;
}

std::string os_user() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(::geteuid());
}

std::string last_lines(const std::string& output, int count) {
  std::vector<std::string> lines;
  std::string_view rest = output;
  while (!rest.empty()) {
    const auto end = rest.find_first_of("\r\n");
    if (const auto line = rest.substr(0, end); !line.empty()) lines.emplace_back(line);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::string out;
  for (std::size_t i = lines.size() > static_cast<std::size_t>(count) ? lines.size() - static_cast<std::size_t>(count)
                                                                      : 0;
       i < lines.size(); ++i)
    out += (out.empty() ? "" : "; ") + lines[i];
  return out;
}

bool means_disk_full(const std::string& output) {
  // After a short write the server has no errno to tell, only this hint.
  return output.find("No space left on device") != std::string::npos ||
         output.find("Check free disk space") != std::string::npos ||
         output.find("Disk quota exceeded") != std::string::npos;
}

Error failure(const std::string& program, const std::string& output) {
  std::string words = last_lines(output);
  for (const char* mark : {"FATAL:  ", "PANIC:  ", "ERROR:  "}) {
    const auto at = output.find(mark);
    if (at == std::string::npos) continue;
    const auto from = at + std::string_view(mark).size();
    words = output.substr(from, output.find('\n', from) - from);
    break;
  }
  if (means_disk_full(output))
    return {Errc::system, program + ": the disk is full: " + words, "make room, then try again"};
  return {Errc::postgres, program + " failed: " + words, ""};
}

}  // namespace autoctl::postgres
