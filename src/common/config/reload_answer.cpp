#include "common/config/reload_answer.h"

#include <unistd.h>

#include "common/util/redact.h"

namespace autoctl::config {

namespace {

std::string path_of(const Files& files) {
  return files.directory + "/reload.answer";
}

std::string shown(const std::string& value) {
  return value.empty() ? "(empty)" : redact(value);
}

}  // namespace

std::vector<std::string> differences(const Config& before, const Config& now) {
  std::vector<std::string> lines;
  const auto old_values = all(before), new_values = all(now);
  for (std::size_t i = 0; i < new_values.size() && i < old_values.size(); ++i)
    if (old_values[i].second != new_values[i].second)
      lines.push_back(new_values[i].first + ": " + shown(old_values[i].second) + " → " + shown(new_values[i].second));
  return lines;
}

Result<> answer_reload(const Files& files, const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return write_file(path_of(files), text);
}

void forget_reload_answer(const Files& files) {
  ::unlink(path_of(files).c_str());
}

Result<std::string> read_reload_answer(const Files& files) {
  return read_file(path_of(files));
}

}  // namespace autoctl::config
