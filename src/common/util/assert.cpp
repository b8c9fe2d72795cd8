#include "common/util/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace autoctl {

namespace {

std::atomic<void (*)(const std::string&)> write_line{nullptr};

}  // namespace

void on_assertion_failed(void (*write)(const std::string& line)) {
  write_line = write;
}

void assertion_failed(const char* expression, const char* file, int line, const std::string& seen) {
  const std::string text = "Broken invariant: " + seen + " [" + expression + " at " + file + ":" +
                           std::to_string(line) + "]. This process ends here, before it does harm";
  if (const auto write = write_line.load())
    write(text);
  else
    std::fputs((text + "\n").c_str(), stderr);
  std::abort();
}

}  // namespace autoctl
