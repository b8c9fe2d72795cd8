#include "keeper/postgres/layout.h"

#include <algorithm>
#include <filesystem>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/include_file.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

std::string given_path(const config::Files& files) {
  return files.directory + "/postgres-files.conf";
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// A copy of a data directory comes with the command line of the original.
bool belongs_to(const std::string& pgdata, const std::string& config_file) {
  const auto settings = postgres::read_settings(config_file);
  const auto directory = settings.find("data_directory");
  return directory == settings.end() || is_same(directory->second, pgdata);
}

/// /etc/postgresql/15/main/postgresql.conf, if that one says that it is for this directory.
std::string debian_config(const std::string& pgdata, int major, const std::string& root) {
  std::vector<fs::path> clusters;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(root) / std::to_string(major), error))
    clusters.push_back(entry.path());
  std::ranges::sort(clusters);
  for (const auto& cluster : clusters) {
    const fs::path candidate = cluster / "postgresql.conf";
    if (!is_file(candidate)) continue;
    const auto settings = postgres::read_settings(candidate.string());
    const auto directory = settings.find("data_directory");
    if (directory != settings.end() && is_same(directory->second, pgdata)) return candidate.string();
  }
  return {};
}

/// postmaster.opts is the last command line, each argument in double quotes.
std::vector<std::string> last_arguments(const std::string& pgdata) {
  static constexpr std::string_view quote = "\"", between = "\" \"";
  std::vector<std::string> arguments;
  const std::string text = config::read_file(pgdata + "/postmaster.opts").value_or("");
  for (auto at = text.find(quote); at != std::string::npos;) {
    ++at;
    const auto end = std::min(text.find(between, at), text.find("\"\n", at));
    arguments.push_back(text.substr(at, end - at));
    at = end == std::string::npos || text[end + 1] != ' ' ? std::string::npos : end + 2;
  }
  return arguments;
}

/// Where -D leads, and the files that are named. A relative path says nothing here.
class LastStart {
 public:
  explicit LastStart(const std::string& pgdata) {
    const auto arguments = last_arguments(pgdata);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      std::string option = arguments[i];
      if ((option == "-D" || option == "-c") && i + 1 < arguments.size()) option += arguments[++i];
      if (option.starts_with("-D"))
        directory_ = option.substr(2);
      else if (option.starts_with("-c") || option.starts_with("--"))
        settings_.push_back(option.substr(2));
    }
    const bool is_anothers = is_file(directory_ + "/PG_VERSION") && !is_same(directory_, pgdata);
    if (!directory_.starts_with('/') || is_same(directory_, pgdata)) directory_.clear();
    if (is_anothers || !belongs_to(pgdata, file("config_file", "postgresql.conf"))) {
      directory_.clear();
      settings_.clear();
    }
  }
  /// Empty if it is neither named nor in -D's directory.
  std::string file(const std::string& setting, const std::string& usual) const {
    std::string path;
    for (const auto& assignment : settings_) {
      if (assignment.starts_with(setting + "=")) path = assignment.substr(setting.size() + 1);
    }
    if (path.empty() && !directory_.empty()) path = directory_ + "/" + usual;
    return path.starts_with('/') && is_file(path) ? path : std::string{};
  }

 private:
  std::string directory_;
  std::vector<std::string> settings_;
};

/// Where the server finds hba_file or ident_file, or is to be told that it is.
class Place {
 public:
  Place(const Layout& layout, const LastStart& start, const postgres::ServerSettings& settings)
      : layout_(layout), start_(start), settings_(settings) {}

  std::string find(const std::string& setting, const std::string& usual, const std::string& given) const {
    if (!given.empty()) return given;
    const std::string in_pgdata = layout_.pgdata + "/" + usual;
    if (const auto found = settings_.find(setting); found != settings_.end() && !found->second.empty())
      return (fs::path(layout_.pgdata) / found->second).string();
    if (const std::string last = start_.file(setting, usual); !last.empty()) return last;
    const fs::path beside = fs::path(layout_.config_file).parent_path() / usual;
    return !is_file(in_pgdata) && is_file(beside) ? beside.string() : in_pgdata;
  }
  /// It is neither where the server looks by itself nor where its settings say.
  bool has_to_be_told(const std::string& setting, const std::string& usual, const std::string& path) const {
    const auto found = settings_.find(setting);
    if (found != settings_.end() && !found->second.empty()) return found->second != path;
    return path != layout_.pgdata + "/" + usual;
  }

 private:
  const Layout& layout_;
  const LastStart& start_;
  const postgres::ServerSettings& settings_;
};

}  // namespace

bool is_same(const std::string& one, const std::string& other) {
  std::error_code error;
  return config::Files(one).pgdata == config::Files(other).pgdata || fs::equivalent(one, other, error);
}

GivenFiles read_given_files(const config::Files& files) {
  auto settings = postgres::read_settings(given_path(files));
  return {settings["config_file"], settings["hba_file"], settings["ident_file"]};
}

Result<> save_given_files(const config::Files& files, const GivenFiles& given) {
  std::string text =
      "# Where Postgres' own files are that are not in its data directory. Read whenever Postgres is started.\n";
  for (const auto& [name, path] :
       {std::pair{"config_file", given.config_file}, {"hba_file", given.hba_file}, {"ident_file", given.ident_file}})
    if (!path.empty()) text += postgres::conf_line(name, path);
  return config::write_file(given_path(files), text);
}

bool Layout::config_outside() const {
  return config_file != pgdata + "/postgresql.conf";
}

Layout find_layout(const std::string& pgdata, int major, const GivenFiles& given, const std::string& debian_root) {
  const LastStart start(pgdata);
  Layout layout;
  layout.pgdata = pgdata;
  layout.config_file = given.config_file;
  if (layout.config_file.empty()) layout.config_file = debian_config(pgdata, major, debian_root);
  if (layout.config_file.empty()) layout.config_file = start.file("config_file", "postgresql.conf");
  if (layout.config_file.empty()) layout.config_file = pgdata + "/postgresql.conf";
  const std::string directory = fs::path(layout.config_file).parent_path().string();
  layout.include_file = directory + "/" + postgres::include_name;
  layout.auto_file = pgdata + "/postgresql.auto.conf";

  auto settings = postgres::read_settings(layout.config_file);
  for (const auto& [name, value] : postgres::read_settings(layout.auto_file)) settings[name] = value;  // ALTER SYSTEM's
  const Place place(layout, start, settings);
  layout.hba_file = place.find("hba_file", "pg_hba.conf", given.hba_file);
  layout.ident_file = place.find("ident_file", "pg_ident.conf", given.ident_file);
  const auto tell = [&](const std::string& setting, const std::string& path) {
    layout.start_options.insert(layout.start_options.end(), {"-c", setting + "=" + path});
  };
  if (layout.config_outside()) tell("config_file", layout.config_file);
  if (place.has_to_be_told("hba_file", "pg_hba.conf", layout.hba_file)) tell("hba_file", layout.hba_file);
  if (place.has_to_be_told("ident_file", "pg_ident.conf", layout.ident_file)) tell("ident_file", layout.ident_file);
  return layout;
}

}  // namespace autoctl::keeper
