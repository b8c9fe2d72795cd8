// Somebody else's text on a terminal, in a log, in one row of a table.
#include "common/util/printable.h"
#include "common/util/redact.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  const std::string text = fuzz::text_of(data, size);
  const std::string shown = printable(text);
  fuzz::require(is_printable(shown));
  fuzz::require(shown.find('\n') == std::string::npos && shown.find('\x1b') == std::string::npos);
  fuzz::require(shortened(text, 20).size() <= 20 + std::string("…").size());
  return 0;
}
