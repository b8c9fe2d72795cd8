// One connection: hello, handshake, then request, handler, answer, and again. Private to this folder, and to the
// server's thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "common/http/guests.h"
#include "common/http/hall.h"

namespace autoctl::http {

/// Lives as long as an operation of it is pending.
class Session {
 public:
  /// Made by make_session(): Beast stays in one file.
  virtual ~Session() = default;
  virtual void start() = 0;
  /// Its turn has come.
  virtual void shake_hands() = 0;
  /// The end, whatever the reason. Pending operations are aborted.
  virtual void finish() = 0;

  std::uint64_t id = 0;
  std::string address;     // where it comes from
  std::string place;       // the same, but for a stranger's in IPv6 its network: one customer has many addresses
  Guests* room = nullptr;  // in which it is
  bool known = false;      // it came from where a credential has come from
  bool greeted = false;    // its client has begun the handshake
  bool heard = false;      // the handler has got a request of it
};

/// `hall` outlives it but for what is posted from other threads.
std::shared_ptr<Session> make_session(Hall& hall, boost::asio::ip::tcp::socket socket, std::uint64_t id);

/// In one spelling: IPv4 also where it comes within IPv6.
std::string text_of(const boost::asio::ip::address& address);
/// The /64 in which an IPv6 address is; an IPv4 address as it is.
std::string network_of(const boost::asio::ip::address& address);

}  // namespace autoctl::http
