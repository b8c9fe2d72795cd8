#include "common/util/program_name.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace autoctl {

namespace {

constexpr std::string_view own_name = "autoctl";
constexpr std::string_view other_name = "pg_autoctl";

std::string_view called_as = own_name;

/// First words of commands, and what stands for them in help: "autoctl run", "autoctl -q show", "autoctl COMMAND".
constexpr std::array verbs = {
    "accept",  "activate", "certificate", "completion", "config",  "create",   "demo",    "disable", "drop",   "dsn",
    "enable",  "explain",  "failover",    "get",        "help",    "history",  "inspect", "list",    "manual", "pause",
    "perform", "query",    "reinit",      "reload",     "restart", "resume",   "rotate",  "run",     "set",    "show",
    "start",   "status",   "stop",        "switchover", "token",   "topology", "version", "watch",   "COMMAND"};

/// Is `at` where a command's own name begins? What stands before it must not be a part of it, nor of a path.
bool begins_word(const std::string& text, std::size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  return std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '_' && before != '/' && before != '.' &&
         before != '-';
}

bool command_follows(std::string_view rest) {
  if (rest.starts_with(" -q ")) rest.remove_prefix(3);
  if (!rest.starts_with(' ')) return false;
  rest.remove_prefix(1);
  const auto end = std::ranges::find_if(rest, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) == 0; });
  const std::string_view word = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  return std::ranges::find(verbs, word) != verbs.end();
}

}  // namespace

void set_program_name(std::string_view called) {
  const auto slash = called.rfind('/');
  if (slash != std::string_view::npos) called.remove_prefix(slash + 1);
  called_as = called == other_name ? other_name : own_name;
}

std::string_view program_name() {
  return called_as;
}

std::string with_program_name(std::string text) {
  if (called_as == own_name) return text;
  for (auto at = text.find(own_name); at != std::string::npos; at = text.find(own_name, at + called_as.size())) {
    if (begins_word(text, at) && command_follows(std::string_view(text).substr(at + own_name.size())))
      text.replace(at, own_name.size(), called_as);
  }
  return text;
}

}  // namespace autoctl
