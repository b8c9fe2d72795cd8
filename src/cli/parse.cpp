#include <fmt/format.h>

#include <algorithm>

#include "cli/command_tree.h"
#include "cli/commands/patroni_words.h"
#include "cli/help_formatter.h"
#include "cli/invocation.h"
#include "cli/output/print.h"
#include "common/util/redact.h"
#include "common/util/suggest.h"

namespace autoctl::cli {

namespace {

const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : children(app))
    if (!child->get_group().empty()) names.push_back(child->get_name());
  if (!names.empty()) return names;
  for (const CLI::App* child : children(app))
    names.push_back(child->get_name());  // all are hidden: somebody found them
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// The word that no command took: a mistyped verb or option.
Error unexpected(const CLI::App& app, const std::string& word) {
  const std::string path = path_of(app);
  if (auto answer = patroni_answer(path, word)) return *answer;
  const bool is_option = word.starts_with('-');
  const std::vector<std::string> known = is_option ? options_of(app) : verbs_of(app);
  const auto near = nearest(word.substr(0, word.find('=')), known);
  std::string hint = near ? fmt::format("did you mean '{}'?", *near) : fmt::format("see {} --help", path);
  if (!near && !is_option && !known.empty()) hint = fmt::format("{} takes one of: {}", path, list(known));
  const char* what = is_option ? "option" : known.empty() ? "argument" : "command";
  return {Errc::bad_usage, fmt::format("{}: there is no {} '{}'", path, what, redact_word(word)), hint};
}

/// The words that are left are those that the deepest command could not take.
std::string first_leftover(const CLI::App& root) {
  const auto left = root.remaining(true);
  return left.empty() ? "" : left.front();
}

Error explain(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& app = deepest(root);
  // What follows such a word may be another command's name: a cluster called demo.
  for (const std::string& word : root.remaining(false))
    if (auto answer = patroni_answer(path_of(root), word)) return *answer;
  const std::string leftover = first_leftover(root);
  const bool wants_verb = app.get_require_subcommand_min() > 0;
  if (!leftover.empty() && (wants_verb || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr))
    return unexpected(app, leftover);
  if (wants_verb)
    return {Errc::bad_usage, fmt::format("{}: a command is missing", path_of(app)),
            fmt::format("{} takes one of: {}", path_of(app), list(verbs_of(app)))};
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  return {Errc::bad_usage, fmt::format("{}: {}", path_of(app), what), fmt::format("see {} --help", path_of(app))};
}

Invocation printing(const std::string& command, const std::string& text) {
  Invocation invocation;
  invocation.command = command;
  invocation.run = [text]() -> Result<ExitCode> {
    print(text);
    return ExitCode::ok;
  };
  return invocation;
}

}  // namespace

Result<Invocation> parse(const std::vector<std::string>& arguments) {
  Invocation invocation;
  LogOptions log;
  const auto root = make_command_tree(invocation, log);
  try {
    // CLI11 takes them from the back.
    root->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return printing("help", deepest(*root).help());
  } catch (const CLI::CallForVersion& version) {
    return printing("version", std::string(version.what()) + '\n');
  } catch (const CLI::ParseError& error) {
    return fail(explain(*root, error));
  }
  invocation.logging = {logging::parse_format(log.format).value_or(logging::Format::text), log.verbose - log.quiet};
  return invocation;
}

}  // namespace autoctl::cli
