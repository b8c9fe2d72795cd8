#include "common/http/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <sstream>

#include "common/http/socket.h"

namespace autoctl::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

Result<std::vector<asio::ip::address>> parse(const std::string& list) {
  std::vector<asio::ip::address> addresses;
  std::istringstream stream(list);
  for (std::string text; std::getline(stream, text, ',');) {
    error_code failed;
    addresses.push_back(asio::ip::make_address(text, failed));
    if (failed) return fail(Errc::bad_config, "\"" + text + "\" is not an IP address to listen on");
  }
  if (addresses.empty()) return fail(Errc::bad_config, "there is no IP address to listen on");
  return addresses;
}

/// An address that moves from machine to machine, or comes late when a machine starts, must not keep the daemon from
/// its work: it is served as soon as it is here.
void allow_absent_address(int fd, bool v6) {
  const int on = 1;
  ::setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on);
}

error_code open(tcp::acceptor& acceptor, tcp::endpoint endpoint, bool alone) {
  error_code failed;
  acceptor.open(endpoint.protocol(), failed);
  if (failed && alone && endpoint.address() == asio::ip::address_v6::any()) {  // a machine without IPv6
    endpoint.address(asio::ip::address_v4::any());
    acceptor.open(endpoint.protocol(), failed);
  }
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  const bool v6 = endpoint.protocol() == tcp::v6();
  if (!failed && v6) acceptor.set_option(asio::ip::v6_only(!alone), failed);
  if (!failed) tune_socket(acceptor.native_handle());
  if (!failed) allow_absent_address(acceptor.native_handle(), v6);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (!failed) acceptor.non_blocking(true, failed);  // several are accepted in a row
  return failed;
}

}  // namespace

Result<std::vector<tcp::acceptor>> listen_at(asio::io_context& io, const std::string& addresses, int port) {
  const auto parsed = parse(addresses);
  if (!parsed) return fail(parsed.error());
  std::vector<tcp::acceptor> acceptors;
  for (const auto& address : *parsed) {
    tcp::acceptor& acceptor = acceptors.emplace_back(io);
    const auto failed = open(acceptor, {address, static_cast<std::uint16_t>(port)}, parsed->size() == 1);
    // ::1 on a machine without IPv6: localhost is both.
    if (failed == asio::error::address_family_not_supported && parsed->size() > 1) {
      acceptors.pop_back();
      continue;
    }
    if (failed)
      return fail(Errc::unavailable,
                  "cannot listen on " + address.to_string() + " port " + std::to_string(port) + ": " + failed.message(),
                  failed == asio::error::address_in_use ? "choose another port with --api-port" : "");
    if (port == 0) port = acceptor.local_endpoint().port();
  }
  if (acceptors.empty()) return fail(Errc::unavailable, "this machine has no address of " + addresses);
  return acceptors;
}

}  // namespace autoctl::http
