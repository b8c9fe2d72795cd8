#include "common/monitor_client/join_token.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/tls/certificate.h"
#include "common/util/redact.h"

namespace autoctl::client {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::size_t fingerprint_digits = 64;

bool is_secret(std::string_view text) {
  const auto fit = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  return !text.empty() && std::ranges::all_of(text, fit);
}

bool is_fingerprint(std::string_view text) {
  const auto fit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == fingerprint_digits && std::ranges::all_of(text, fit);
}

}  // namespace

std::string fingerprint(const std::string& ca_pem) {
  return tls::sha256_hex(ca_pem);
}

std::string to_text(const JoinToken& token) {
  return join_token_prefix + token.secret + (token.fingerprint.empty() ? "" : "." + token.fingerprint);
}

Result<JoinToken> parse_join_token(const std::string& text) {
  const auto refused = [](const std::string& why) {
    return fail(Errc::bad_usage, "the join token " + why,
                "it is what `autoctl token create` prints: " + std::string(join_token_prefix) + "SECRET.FINGERPRINT");
  };
  std::string_view rest = text;
  rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
  rest = rest.substr(0, rest.find_last_not_of(blanks) + 1);
  if (rest.empty()) return refused("is empty");
  if (!rest.starts_with(join_token_prefix)) return refused("is none: it begins in another way");
  rest.remove_prefix(std::string_view(join_token_prefix).size());
  const auto dot = rest.find('.');
  const JoinToken token{std::string(rest.substr(0, dot)),
                        dot == std::string_view::npos ? "" : std::string(rest.substr(dot + 1))};
  if (!is_secret(token.secret)) return refused("is not complete, or has something else in it");
  if (dot != std::string_view::npos && !is_fingerprint(token.fingerprint))
    return refused("is not complete: its fingerprint has 64 digits");
  return token;
}

}  // namespace autoctl::client
