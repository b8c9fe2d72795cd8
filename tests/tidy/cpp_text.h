// The text of a C++ file, split into what the compiler reads and what people read. Positions stay: what is left out is
// replaced by spaces, and lines keep their numbers.
#pragma once

#include <string>

namespace autoctl::tidy {

/// Without comments and without the insides of string and character literals.
std::string code_of(const std::string& text);
/// The comments alone.
std::string comments_of(const std::string& text);

}  // namespace autoctl::tidy
