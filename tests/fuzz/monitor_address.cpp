// What is given as --monitor and --join-token.
#include "common/monitor_client/join_token.h"
#include "common/monitor_client/monitor_url.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  const std::string text = fuzz::text_of(data, size);
  if (const auto hosts = client::parse_https(text)) {
    fuzz::require(!hosts->empty());
    const auto again = client::parse_https(client::to_https(*hosts));
    fuzz::require(again && *again == *hosts);
  }
  if (const auto servers = client::parse_libpq(text)) fuzz::require(!servers->empty());
  if (const auto token = client::parse_join_token(text)) {
    const auto again = client::parse_join_token(client::to_text(*token));
    fuzz::require(again && *again == *token);
  }
  return 0;
}
