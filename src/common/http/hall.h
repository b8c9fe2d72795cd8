// What all connections of one server share: who has room, whose turn it is, and what there was no time for. Private to
// this folder. Everything but `io` belongs to the server's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/http/budget.h"
#include "common/http/guests.h"
#include "common/http/known_places.h"
#include "common/http/lobby.h"
#include "common/http/server.h"

namespace autoctl::http {

class Session;

struct Handlers {
  Server::Handler handle;
  Server::DisconnectHandler on_disconnect;  // may be empty, and so may the next two
  Server::StrainHandler on_strain;
  Server::Gate gate;
};

class Hall : public std::enable_shared_from_this<Hall> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Hall(ServerOptions o, Handlers h);

  /// A client has come; it is closed at once where there is no room for it.
  void welcome(boost::asio::ip::tcp::socket socket);
  /// Out of descriptors: one that can be spared is closed. False: there is none.
  bool make_room();
  /// The session's client has begun its handshake.
  void queue(const std::shared_ptr<Session>& session);
  /// It has shown a good credential. False: there is no room for one more with it.
  bool recognize(Session& session, const std::string& credential);
  void left(const Session& session);
  /// Its certificate was not accepted.
  void refused(const Session& session, const std::string& why);
  /// A large body is about to be read, or was read. False: too many are read already.
  bool begin_large_body();
  void end_large_body() { --large_bodies_; }
  /// Ten times a second, or less often while it is calm.
  Strain look(TimePoint now);
  /// Nobody waited for a handshake at the last look, and no stranger had one since the look before it.
  bool is_calm() const { return calm_; }
  /// Closes everything.
  void stop();

  const ServerOptions options;
  const Handlers handlers;
  boost::asio::io_context io{1};
  boost::asio::ssl::context tls{boost::asio::ssl::context::tls_server};
  bool stopping = false;

 private:
  void begin_handshakes();
  void close(Guests::Id id);
  void turn_away(const Session& session);
  void give_memory_back(TimePoint now);

  std::unordered_map<std::uint64_t, std::weak_ptr<Session>> sessions_;
  Guests strangers_, newcomers_, members_;
  KnownPlaces known_;
  Lobby<Session> strangers_lobby_, newcomers_lobby_;
  int stranger_turns_;  // left until the next look
  bool turns_posted_ = false;
  bool calm_ = true;
  int large_bodies_ = 0;
  Strain strain_;          // since the last look
  std::size_t ended_ = 0;  // connections, since memory was given back
  TimePoint gave_back_;
};

}  // namespace autoctl::http
