// docs/cli.md and the completion script: the tree of commands, written down.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_tree.h"
#include "cli/help_formatter.h"
#include "common/util/program_name.h"

namespace autoctl::cli {

namespace {

std::vector<std::string> spellings(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool is_documented(const CLI::Option& option) {
  return option.get_group() != "Log" && !option.get_group().empty() && option.get_name() != "--help" &&
         !option.get_description().empty();
}

std::string option_line(const CLI::Option& option) {
  const std::vector<std::string> names = spellings(option);
  const std::string name = names.empty() ? option.get_name(true) : fmt::format("{}", fmt::join(names, ", "));
  const std::string environment =
      option.get_envname().empty() ? "" : fmt::format(" Environment: `{}`.", option.get_envname());
  return fmt::format("- `{}`: {}.{}\n", name, option.get_description(), environment);
}

bool is_hidden(const CLI::App& command) {
  return command.get_group().empty();
}

std::string section(const CLI::App& command) {
  std::string text = fmt::format("\n## `{}`\n\n{}\n\n", path_of(command), command.get_description());
  for (const CLI::Option* option : command.get_options())
    if (is_documented(*option)) text += option_line(*option);
  const std::string footer = command.get_footer();
  const auto example = footer.find("\n  ");
  if (example != std::string::npos) text += fmt::format("\n```sh\n{}\n```\n", footer.substr(example + 3));
  return text;
}

void append_sections(const CLI::App& app, std::string& text) {
  for (const CLI::App* child : children(app)) {
    if (is_hidden(*child)) continue;
    if (child->get_require_subcommand_min() == 0) text += section(*child);
    append_sections(*child, text);
  }
}

void append_cases(const CLI::App& app, std::string& text) {
  std::vector<std::string> words;
  for (const CLI::App* child : children(app))
    if (!is_hidden(*child)) words.push_back(child->get_name());
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty())
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  text += fmt::format("    \"{}\") words=\"{}\" ;;\n", path_of(app), fmt::join(words, " "));
  for (const CLI::App* child : children(app)) append_cases(*child, text);
}

constexpr const char* introduction = R"(# The command line of autoctl

Written by `autoctl help --markdown`; a test keeps it true.

Every command also takes `-v`/`--verbose` and `-q`/`--quiet` (twice for more, or less), `--log-format text|json` for the log
lines on stderr, and `--help`. Results go to stdout, log lines to stderr. [exit-codes.md](exit-codes.md) lists what commands
end with.

An option whose environment variable is named `AUTOCTL_…` also listens to `PG_AUTOCTL_…`; one that listens to libpq's own variable
(`PGDATA`, `PGPORT`, `PGUSER`, `PGDATABASE`) also listens to it with the prefix `AUTOCTL_`, which wins. The command line wins
over all of them. Encryption follows `AUTOCTL_SSL_SELF_SIGNED`, `AUTOCTL_NO_SSL`, `AUTOCTL_SSL_CERT`, `AUTOCTL_SSL_KEY`,
`AUTOCTL_SSL_CA_FILE`, `AUTOCTL_SSL_CRL_FILE` and `AUTOCTL_SSL_MODE` where the command line says nothing about it.
)";

constexpr const char* completion_script = R"(# bash completion for {2}
_autoctl() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" path="{2}" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) _autoctl_is_command "$path $word" && path="$path $word" ;; esac
  done
  case "$previous" in
    -D|--pgdata) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --*-file|--*-cert|--*-key|--pgctl) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
  esac
  case "$path" in
{0}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
_autoctl_is_command() {{
  case "$1" in
    {1}) return 0 ;;
  esac
  return 1
}}
complete -F _autoctl {2}
)";

void append_paths(const CLI::App& app, std::vector<std::string>& paths) {
  for (const CLI::App* child : children(app)) {
    paths.push_back('"' + path_of(*child) + '"');
    append_paths(*child, paths);
  }
}

}  // namespace

std::string manual() {
  Invocation ignored;
  LogOptions log;
  std::string text = introduction;
  append_sections(*make_command_tree(ignored, log), text);
  return text;
}

std::string bash_completion() {
  Invocation ignored;
  LogOptions log;
  const auto root = make_command_tree(ignored, log);
  std::string cases;
  append_cases(*root, cases);
  std::vector<std::string> paths;
  append_paths(*root, paths);
  return fmt::format(fmt::runtime(completion_script), cases, fmt::join(paths, "|"), program_name());
}

}  // namespace autoctl::cli
