#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <limits>

namespace autoctl::cli {

Option Option::required() {
  return Option(*option_->required());
}
Option Option::type_name(const std::string& name) {
  return Option(*option_->type_name(name));
}
Option Option::description(const std::string& sentence) {
  return Option(*option_->description(sentence));
}
Option Option::capture_default_str() {
  return Option(*option_->capture_default_str());
}
Option Option::expected(int least, int most) {
  return Option(*option_->expected(least, most));
}
Option Option::from(const std::string& variable) {
  return Option(*option_->envname(variable));
}
Option Option::hide() {
  return Option(*option_->group(""));
}
Option Option::excludes(Option other) {
  return Option(*option_->excludes(other.option_));
}
Option Option::needs(Option other) {
  return Option(*option_->needs(other.option_));
}

Option Option::range(int least, int most) {
  return Option(*option_->check(CLI::Range(least, most)));
}
Option Option::range(std::uint32_t least, std::uint32_t most) {
  return Option(*option_->check(CLI::Range(least, most)));
}
Option Option::range(double least, double most) {
  return Option(*option_->check(CLI::Range(least, most)));
}
Option Option::positive() {
  return Option(*option_->check(CLI::PositiveNumber));
}
Option Option::not_negative() {
  return Option(*option_->check(CLI::NonNegativeNumber));
}
Option Option::existing_file() {
  return Option(*option_->check(CLI::ExistingFile));
}
Option Option::one_of(std::initializer_list<std::string> words) {
  return Option(*option_->check(CLI::IsMember(std::vector<std::string>(words))));
}
Option Option::check(std::string (*why_not)(const std::string& text)) {
  return Option(*option_->check(CLI::Validator([why_not](std::string& text) { return why_not(text); }, "")));
}

Option Verb::add_option(const std::string& names, std::string& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, std::optional<std::string>& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, std::vector<std::string>& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, int& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, std::optional<int>& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, std::uint32_t& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, double& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_option(const std::string& names, std::optional<bool>& value, const std::string& sentence) {
  return Option(*app_->add_option(names, value, sentence));
}
Option Verb::add_flag(const std::string& names, bool& value, const std::string& sentence) {
  return Option(*app_->add_flag(names, value, sentence));
}

Verb Verb::add_group(const std::string& name, const std::string& sentence) {
  CLI::App* group = app_->add_subcommand(name, sentence);
  group->require_subcommand(1);
  return Verb(*group);
}

Verb Verb::add_leaf(const std::string& name, const std::string& sentence, const std::string& example) {
  CLI::App* leaf = app_->add_subcommand(name, sentence);
  leaf->footer("Example:\n  " + example);
  return Verb(*leaf);
}

Verb Verb::hide() {
  app_->group("");
  return *this;
}

Verb Verb::take_anything() {
  app_->allow_extras();
  return *this;
}

void Verb::on_parsed(std::function<void(const std::string& path)> chosen) {
  std::string path = app_->get_name();
  for (const CLI::App* app = app_->get_parent(); app->get_parent() != nullptr; app = app->get_parent()) {
    path = app->get_name() + " " + path;
  }
  // Unlike a final callback, this keeps environment variables away from commands that are not on the line.
  app_->parse_complete_callback([app = app_, chosen = std::move(chosen), path = std::move(path)] {
    if (app->get_subcommands().empty()) chosen(path);  // else the command below it is meant
  });
}

}  // namespace autoctl::cli
