#include "common/util/printable.h"

#include <algorithm>
#include <array>

namespace autoctl {

namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// As UTF-8: U+0080 to U+009F.
bool is_c1_control(std::string_view text) {
  return text.size() >= 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
}

/// As UTF-8: line and paragraph separators, and the marks, embeddings, overrides and isolates of direction.
bool is_unicode_control(std::string_view text) {
  static constexpr std::array<std::string_view, 13> all = {
      "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
      "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9"};
  return std::ranges::any_of(all, [text](std::string_view one) { return text.starts_with(one); });
}

/// As nearly all that is ever shown or sent.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool continues_a_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

}  // namespace

std::string printable(std::string_view text, bool lines) {
  if (is_plain(text)) return std::string(text);
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (is_control(text[i])) {
      shown += lines && text[i] == '\n' ? '\n' : ' ';
    } else if (is_c1_control(rest)) {
      shown += ' ';
      i += 1;
    } else if (is_unicode_control(rest)) {
      shown += ' ';
      i += 2;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

bool is_printable(std::string_view text) {
  return is_plain(text) || printable(text) == text;
}

std::string shortened(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues_a_character(text[bytes])) --bytes;
  text.resize(bytes);
  return text + "…";
}

}  // namespace autoctl
