// Log lines for people on stderr, "14:57:16 992 INFO  message" (time, pid, level), or one JSON object per line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/util/result.h"

namespace autoctl::logging {

enum class Format { text, json };

struct Options {
  Format format = Format::text;
  int verbosity = 0;  // -1: warnings and errors; -2: errors; 0: information; 1: debug; 2: trace
};

std::optional<Format> parse_format(std::string_view name);

/// Replaces spdlog's default logger; call once, before any thread starts. From then on `spdlog::info(…)` and its
/// siblings are thread-safe and go to stderr.
void setup(const Options& options);

/// What libpq and Postgres' tools say may have several lines; a log line is one.
std::string one_line(std::string text);

/// Logs an error and, on a line of its own, its hint.
void error(const Error& error);

}  // namespace autoctl::logging
