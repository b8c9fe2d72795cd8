// Where a server's clients come in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl::http {

/// Belongs to the thread that runs `io`, but for open() and port() before it runs.
class Doors {
 public:
  using Welcome = std::function<void(boost::asio::ip::tcp::socket)>;
  using MakeRoom = std::function<bool()>;

  /// `welcome` gets each client. `make_room` is asked where this process is out of descriptors: true if it has closed
  /// one.
  Doors(boost::asio::io_context& io, Welcome welcome, MakeRoom make_room);

  /// One for each address (ServerOptions::address), all with the same port; 0 = any free one. Errors: as listen_at().
  Result<> open(const std::string& addresses, int port);
  void close();
  /// 0 before open().
  int port() const { return port_; }

 private:
  struct Door;  // one that is closed meanwhile lives until nothing of it is pending
  void await_clients(const std::shared_ptr<Door>& door);
  void accept(const std::shared_ptr<Door>& door);
  void pause(const std::shared_ptr<Door>& door);

  boost::asio::io_context& io_;
  const Welcome welcome_;
  const MakeRoom make_room_;
  std::vector<std::shared_ptr<Door>> doors_;
  int port_ = 0;
};

}  // namespace autoctl::http
