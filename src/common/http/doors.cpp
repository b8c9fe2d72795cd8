#include "common/http/doors.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "common/http/listener.h"

namespace autoctl::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds accept_pause{100};

}  // namespace

struct Doors::Door {
  tcp::acceptor acceptor;
  asio::steady_timer pause;
};

Doors::Doors(asio::io_context& io, std::function<void(tcp::socket)> welcome) : io_(io), welcome_(std::move(welcome)) {}

Result<> Doors::open(const std::string& addresses, int port) {
  auto acceptors = listen_at(io_, addresses, port);
  if (!acceptors) return fail(std::move(acceptors.error()));
  port_ = acceptors->front().local_endpoint().port();
  for (auto& acceptor : *acceptors)
    doors_.push_back(std::make_shared<Door>(Door{std::move(acceptor), asio::steady_timer(io_)}));
  for (const auto& door : doors_) accept(door);
  return {};
}

void Doors::close() {
  error_code ignored;
  for (const auto& door : std::exchange(doors_, {})) {
    door->acceptor.close(ignored);
    door->pause.cancel();
  }
}

/// A door that is closed meanwhile lives until its last client was welcomed.
void Doors::accept(const std::shared_ptr<Door>& door) {
  if (!door->acceptor.is_open()) return;
  door->acceptor.async_accept([this, door](error_code failed, tcp::socket socket) {
    if (!failed) {
      welcome_(std::move(socket));
      return accept(door);
    }
    if (!door->acceptor.is_open()) return;
    // Out of file descriptors or memory: the listener stays readable, so come back a little later.
    door->pause.expires_after(accept_pause);
    door->pause.async_wait([this, door](error_code cancelled) {
      if (!cancelled) accept(door);
    });
  });
}

}  // namespace autoctl::http
