#include "cpp_text.h"

#include <cctype>
#include <functional>
#include <string_view>

namespace autoctl::tidy {
namespace {

enum class Part { code, comment, literal };

bool part_of_a_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The end of the literal that starts at `at`, past its closing quote.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

std::size_t end_of_raw_string(std::string_view text, std::size_t quote) {
  const auto open = text.find('(', quote);
  if (open == std::string_view::npos) return text.size();
  const std::string closing = ")" + std::string(text.substr(quote + 1, open - quote - 1)) + "\"";
  const auto close = text.find(closing, open);
  return close == std::string_view::npos ? text.size() : close + closing.size();
}

// Calls `see(part, from, to)` for each stretch of the text, in order.
void split(std::string_view text, const std::function<void(Part, std::size_t, std::size_t)>& see) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto rest = text.substr(at);
    auto part = Part::literal;
    std::size_t end = at;
    if (rest.starts_with("//")) {
      part = Part::comment;
      end = std::min(text.find('\n', at), text.size());
    } else if (rest.starts_with("/*")) {
      part = Part::comment;
      const auto close = text.find("*/", at + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
    } else if (rest.starts_with("R\"") && (at == 0 || !part_of_a_word(text[at - 1]))) {
      end = end_of_raw_string(text, at + 1);
    } else if (text[at] == '"' || (text[at] == '\'' && (at == 0 || !part_of_a_word(text[at - 1])))) {
      end = end_of_quoted(text, at);  // after a letter or digit ' separates digits
    } else {
      part = Part::code;
      end = at + 1;
    }
    see(part, at, end);
    at = end;
  }
}

std::string keep(const std::string& text, Part wanted) {
  std::string kept = text;
  split(text, [&](Part part, std::size_t from, std::size_t to) {
    if (part == wanted) return;
    for (; from < to; ++from) {
      if (kept[from] != '\n') kept[from] = ' ';
    }
  });
  return kept;
}

}  // namespace

std::string code_of(const std::string& text) {
  return keep(text, Part::code);
}
std::string comments_of(const std::string& text) {
  return keep(text, Part::comment);
}

}  // namespace autoctl::tidy
