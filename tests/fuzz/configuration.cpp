// autoctl.toml: what is accepted can be written again, and means the same then.
#include "common/config/config.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  const auto read = config::from_toml(fuzz::text_of(data, size), "autoctl.toml");
  if (!read) return 0;
  const std::string written = config::to_toml(*read);
  const auto again = config::from_toml(written, "autoctl.toml");
  fuzz::require(again && config::to_toml(*again) == written);
  return 0;
}
