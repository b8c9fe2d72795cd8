// Text of somebody else, fit to be shown: on a terminal, in a log, in one row of a table.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace autoctl {

/// `text` with a space for each character that a terminal would act on (control characters, also those of Unicode, and
/// what turns the direction of text around). `lines`: line breaks stay.
std::string printable(std::string_view text, bool lines = false);

/// True if printable() would change nothing.
bool is_printable(std::string_view text);

/// The first `bytes` of UTF-8 text, or a few less: no character is cut in two. What was left off shows as "…".
std::string shortened(std::string text, std::size_t bytes);

}  // namespace autoctl
