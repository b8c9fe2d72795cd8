// What fuzz targets have in common. A target is one file: libFuzzer calls LLVMFuzzerTestOneInput with texts that it
// makes up, and what must hold for every text is require()d.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>

namespace autoctl::fuzz {

/// Ends the run where `holds` is false: libFuzzer keeps the text that did it.
inline void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold\n", where.file_name(), where.line());
  std::abort();
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace autoctl::fuzz
