#include "common/http/url.h"

#include <charconv>

namespace autoctl::http {

namespace {

enum class Part { path, query };

std::optional<std::string> unescape(std::string_view text, Part part) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && part == Part::query) {
      plain += ' ';
    } else if (text[i] == '%') {
      unsigned char byte = 0;
      const std::string_view digits = text.substr(i + 1, 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2 || byte == 0) return std::nullopt;
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string escape(std::string_view text, std::string_view also_plain) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos || also_plain.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', hex[byte >> 4U], hex[byte & 15U]};
    }
  }
  return escaped;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const auto question = text.find('?');
  const auto path = unescape(text.substr(0, question), Part::path);
  if (!path || !path->starts_with('/')) return std::nullopt;
  Target target{*path, {}};
  std::string_view rest = question == std::string_view::npos ? "" : text.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto name = unescape(pair.substr(0, equals), Part::query);
    const auto value = unescape(equals == std::string_view::npos ? "" : pair.substr(equals + 1), Part::query);
    if (!name || !value) return std::nullopt;
    target.query[*name] = *value;
  }
  return target;
}

std::string format_target(const std::string& path, const std::map<std::string, std::string>& query) {
  std::string text = escape(path, "/");
  char separator = '?';
  for (const auto& [name, value] : query) {
    text += separator + escape(name, "") + "=" + escape(value, "");
    separator = '&';
  }
  return text;
}

}  // namespace autoctl::http
