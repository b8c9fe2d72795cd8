// A formation's settings as an operator gives them: "name=value" lines. Refused ones change nothing.
#include <sstream>

#include "fuzz.h"
#include "monitor/engine/settings_values.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  std::istringstream lines(fuzz::text_of(data, size));
  monitor::SettingValues values;
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) values.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  monitor::Settings settings;
  const auto before = monitor::to_values(settings);
  if (!monitor::change(settings, values)) {
    fuzz::require(monitor::to_values(settings) == before);
    return 0;
  }
  const auto stored = monitor::to_values(settings);
  fuzz::require(monitor::to_values(monitor::from_stored(stored)) == stored);
  return 0;
}
