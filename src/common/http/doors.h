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
  /// `welcome` gets each client.
  Doors(boost::asio::io_context& io, std::function<void(boost::asio::ip::tcp::socket)> welcome);

  /// One for each address (ServerOptions::address), all with the same port; 0 = any free one. Errors: as listen_at().
  Result<> open(const std::string& addresses, int port);
  void close();
  /// 0 before open().
  int port() const { return port_; }

 private:
  struct Door;
  void accept(const std::shared_ptr<Door>& door);

  boost::asio::io_context& io_;
  const std::function<void(boost::asio::ip::tcp::socket)> welcome_;
  std::vector<std::shared_ptr<Door>> doors_;
  int port_ = 0;
};

}  // namespace autoctl::http
