// How a command declares itself: a name, a sentence, an example, its options, and the function that does it.
//
// The parser is CLI11, which costs each file that includes it several seconds. Only command.cpp and the files that build,
// print and parse the whole tree do so; a command sees the two handles below.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/invocation.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace autoctl::cli {

/// An option or argument that has been added to a verb. A handle: as long-lived as the tree of commands.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required();
  Option type_name(const std::string& name);
  Option description(const std::string& sentence);
  /// Help shows the value that the variable has now.
  Option capture_default_str();
  /// How many words it takes.
  Option expected(int least, int most);
  /// The environment variable that its default comes from.
  Option from(const std::string& variable);
  /// Not in help, manual and completion.
  Option hide();
  Option excludes(Option other);
  Option needs(Option other);

  Option range(int least, int most);
  Option range(std::uint32_t least, std::uint32_t most);
  Option range(double least, double most);
  Option positive();
  Option not_negative();
  Option existing_file();
  Option one_of(std::initializer_list<std::string> words);
  /// `why_not` returns why a text is not a valid value, or "".
  Option check(std::string (*why_not)(const std::string& text));

 private:
  CLI::Option* option_;
};

/// A word of the command line, with what may follow it. A handle, as above. `names` are as CLI11 takes them: "-f,--flag",
/// "--flag{value}", or a bare word for an argument. The variables must outlive the parsing.
class Verb {
 public:
  explicit Verb(CLI::App& app) : app_(&app) {}

  Option add_option(const std::string& names, std::string& value, const std::string& sentence);
  Option add_option(const std::string& names, std::optional<std::string>& value, const std::string& sentence);
  Option add_option(const std::string& names, std::vector<std::string>& value, const std::string& sentence);
  Option add_option(const std::string& names, int& value, const std::string& sentence);
  Option add_option(const std::string& names, std::optional<int>& value, const std::string& sentence);
  Option add_option(const std::string& names, std::uint32_t& value, const std::string& sentence);
  Option add_option(const std::string& names, double& value, const std::string& sentence);
  Option add_option(const std::string& names, std::optional<bool>& value, const std::string& sentence);
  Option add_flag(const std::string& names, bool& value, const std::string& sentence);

  /// A word that only has commands below it.
  Verb add_group(const std::string& name, const std::string& sentence);
  /// A command: it does something.
  Verb add_leaf(const std::string& name, const std::string& sentence, const std::string& example);
  /// Not in help, manual and completion: a name that other programs' users know.
  Verb hide();
  /// Whatever follows is taken, and not looked at.
  Verb take_anything();
  /// `chosen` is called with the whole path ("show state") when the command is on the line and its options are read.
  void on_parsed(std::function<void(const std::string& path)> chosen);

 private:
  CLI::App* app_;
};

/// Adds the command `name`, which may have others below it. `declare` binds options to the struct; when the line is parsed, `invocation` gets `run`.
template <class Options>
Verb add_command(Verb parent, Invocation& invocation, const std::string& name, const std::string& sentence,
                 const std::string& example, void (*declare)(Verb, Options&), Result<ExitCode> (*run)(const Options&)) {
  Verb command = parent.add_leaf(name, sentence, example);
  auto options = std::make_shared<Options>();
  declare(command, *options);
  command.on_parsed([&invocation, options, run](const std::string& path) {
    invocation.command = path;
    invocation.options = *options;
    invocation.run = [options, run] { return run(*options); };
  });
  return command;
}

}  // namespace autoctl::cli
