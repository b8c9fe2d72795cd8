// How --help looks: the usage line with the whole path, one type word per option, its environment variable at the end.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace autoctl::cli {

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_description(const CLI::App* app) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

/// "autoctl show state".
std::string path_of(const CLI::App& app);

}  // namespace autoctl::cli
