#include "common/config/own_port.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "common/util/descriptor.h"

namespace autoctl::config {

namespace {

std::string every_address() {
  // A kernel without IPv6 has no "::" to listen on.
  const Descriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket.valid() ? "::" : "0.0.0.0";
}

bool is_v6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

}  // namespace

bool has_given_certificate(const Config& config) {
  return !config.ssl.self_signed && !config.ssl.server_cert.empty();
}

std::string api_certificate_file(const Config& config, const Files& files) {
  return has_given_certificate(config) ? config.ssl.server_cert : files.certificate();
}

std::string api_key_file(const Config& config, const Files& files) {
  return has_given_certificate(config) ? config.ssl.server_key : files.key();
}

std::string api_trusted_file(const Config& config, const Files& files) {
  const bool has_ca = has_given_certificate(config) && !config.ssl.ca_file.empty();
  return has_ca ? config.ssl.ca_file : api_certificate_file(config, files);
}

std::string client_ca_file(const Config& config) {
  return config.ssl.issued ? config.ssl.ca_file : "";
}

std::string api_addresses(const Config& config) {
  std::vector<std::string> addresses;
  std::istringstream list(config.listen);
  for (std::string host; std::getline(list, host, ',');) {
    std::erase(host, ' ');
    if (host == "*") return every_address();
    const auto found = resolve(host);
    if (!found) spdlog::warn("autoctl's own port does not listen at \"{}\": {}", host, found.error().message);
    for (const SocketAddress& address : found.value_or(std::vector<SocketAddress>{}))
      if (std::ranges::find(addresses, address.text()) == addresses.end()) addresses.push_back(address.text());
  }
  for (const std::string all : {"0.0.0.0", "::"})  // no other address of its family is free beside it
    if (std::ranges::find(addresses, all) != addresses.end())
      std::erase_if(addresses, [&](const auto& other) { return other != all && is_v6(other) == is_v6(all); });
  return addresses.empty() ? "127.0.0.1" : fmt::format("{}", fmt::join(addresses, ","));
}

std::vector<SocketAddress> postgres_addresses(const Config& config, int port) {
  std::vector<SocketAddress> addresses;
  const std::string list = api_addresses(config);
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const auto found = resolve(list.substr(begin, end - begin), {.port = port, .numeric_only = true});
    if (found) addresses.insert(addresses.end(), found->begin(), found->end());
    begin = end + 1;
  }
  return addresses;
}

}  // namespace autoctl::config
