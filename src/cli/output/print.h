#pragma once

#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace autoctl::cli {

/// To stdout, at once: what follows may take long or never come. Commands in it begin with the name that was called.
void print(const std::string& text);
/// The same, to this stream.
void print(const std::string& text, std::FILE* stream);
/// From now on print(text) writes there; stdout at first. Call it before any thread starts.
void print_to(std::FILE* stream);

/// Characters in a line of the terminal that stdout is; 0: it is none.
std::size_t terminal_width();

/// Indented by four, as pg_autoctl prints it, with a newline at its end.
std::string pretty(const nlohmann::json& value);

}  // namespace autoctl::cli
