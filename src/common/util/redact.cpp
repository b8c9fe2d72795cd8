#include "common/util/redact.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace autoctl {

namespace {

constexpr std::string_view stars = "***";
/// Options whose value is a secret.
constexpr std::string_view secret_options[] = {"--join-token", "--monitor-password", "--replication-password",
                                               "--autoctl-node-password"};

/// A piece of a URI that is a password.
struct Piece {
  std::size_t begin = 0, end = 0;   // the password
  std::size_t from = 0, until = 0;  // what goes with it where it is left out
};

/// Of the URI: as libpq reads it, or as somebody who forgot to encode his password may have meant it.
enum class Spelling { of_libpq, any };

/// As libpq reads the names in a URI's query.
std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* digits = text.data() + i + 1;
    const bool coded =
        text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2;
    result += coded ? static_cast<char>(code) : text[i];
    if (coded) i += 2;
  }
  return result;
}

bool is_secret(std::string_view name) {
  const std::string plain = decoded(name);
  return plain == "password" || plain == "sslpassword";
}

/// Where the user and its password end: for libpq at the first "@" that no "/" comes before. One who has forgotten to
/// encode his password means the last "@" before the query.
std::size_t end_of_user(std::string_view uri, std::size_t start, Spelling spelling) {
  if (spelling == Spelling::any) {
    const auto last = uri.substr(0, uri.find('?', start)).rfind('@');
    if (last != std::string_view::npos && last >= start) return last;
  }
  const auto at = uri.find_first_of("@/", start);
  return at != std::string_view::npos && uri[at] == '@' ? at : std::string_view::npos;
}

/// In the order of the text.
std::vector<Piece> passwords(std::string_view uri, Spelling spelling) {
  std::vector<Piece> found;
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos) return found;
  const std::size_t start = scheme + 3;
  const auto at = end_of_user(uri, start, spelling);
  const bool has_user = at != std::string_view::npos;
  if (const auto colon = uri.find(':', start); has_user && colon < at) found.push_back({colon + 1, at, colon, at});
  for (auto mark = uri.find('?', has_user ? at : start); mark != std::string_view::npos && mark < uri.size();) {
    const auto end = std::min(uri.find('&', mark + 1), uri.size());
    const std::string_view parameter = uri.substr(mark + 1, end - mark - 1);
    const auto equals = parameter.find('=');
    if (equals != std::string_view::npos && is_secret(parameter.substr(0, equals)))
      found.push_back({mark + 1 + equals + 1, end, mark + 1, std::min(end + 1, uri.size())});
    mark = end;
  }
  return found;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  if (what.empty()) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

std::string redact(const std::string& uri) {
  std::string text = uri;
  const auto found = passwords(uri, Spelling::any);
  for (auto piece = found.rbegin(); piece != found.rend(); ++piece)
    text.replace(piece->begin, piece->end - piece->begin, stars);
  return text;
}

std::string without_password(const std::string& uri) {
  std::string text = uri;
  const auto found = passwords(uri, Spelling::of_libpq);
  for (auto piece = found.rbegin(); piece != found.rend(); ++piece) text.erase(piece->from, piece->until - piece->from);
  if (!found.empty() && (text.ends_with('?') || text.ends_with('&'))) text.pop_back();
  return text;
}

std::string with_password(const std::string& uri, const std::string& password) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result = uri + (uri.find('?') == std::string::npos ? '?' : '&') + "password=";
  for (const char c : password) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0)
      result += c;
    else
      result += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return result;
}

std::string redact_in(std::string message, const std::string& uri) {
  replace_all(message, uri, redact(uri));
  for (const Piece& piece : passwords(uri, Spelling::any)) {
    const std::string secret = uri.substr(piece.begin, piece.end - piece.begin);
    replace_all(message, secret, stars);
    replace_all(message, decoded(secret), stars);
  }
  return message;
}

std::string redact_word(const std::string& word) {
  if (word.starts_with('-')) return word.substr(0, word.find('='));
  if (word.starts_with(join_token_prefix)) return join_token_prefix + std::string(stars);
  return redact(word);
}

void hide_secrets(int argc, char** argv) {
  bool secret_follows = false;
  for (int i = 1; i < argc; ++i) {
    char* const word = argv[i];
    const std::string text = word;
    const auto hide = [word](std::size_t begin, std::size_t end) { std::memset(word + begin, '*', end - begin); };
    if (secret_follows || text.starts_with(join_token_prefix)) hide(0, text.size());
    secret_follows = std::ranges::find(secret_options, text) != std::end(secret_options);
    const auto equals = text.find('=');
    if (equals != std::string::npos &&
        std::ranges::find(secret_options, text.substr(0, equals)) != std::end(secret_options))
      hide(equals + 1, text.size());
    for (const Piece& piece : passwords(text, Spelling::any)) hide(piece.begin, piece.end);
  }
}

}  // namespace autoctl
