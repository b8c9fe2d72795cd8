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
/// Clients that are let in, or closed again, before other work has its turn: what waits in the kernel's queue is first
/// come, first served, whoever it is.
constexpr int accepted_in_a_row = 64;

bool is_about_one_client(const error_code& failed) {
  return failed == asio::error::connection_aborted || failed == asio::error::connection_reset ||
         failed == asio::error::interrupted;
}

}  // namespace

struct Doors::Door {
  tcp::acceptor acceptor;
  asio::steady_timer pause;
};

Doors::Doors(asio::io_context& io, Welcome welcome, MakeRoom make_room)
    : io_(io), welcome_(std::move(welcome)), make_room_(std::move(make_room)) {}

Result<> Doors::open(const std::string& addresses, int port) {
  auto acceptors = listen_at(io_, addresses, port);
  if (!acceptors) return fail(std::move(acceptors.error()));
  port_ = acceptors->front().local_endpoint().port();
  for (auto& acceptor : *acceptors)
    doors_.push_back(std::make_shared<Door>(Door{std::move(acceptor), asio::steady_timer(io_)}));
  for (const auto& door : doors_) await_clients(door);
  return {};
}

void Doors::close() {
  error_code ignored;
  for (const auto& door : std::exchange(doors_, {})) {
    door->acceptor.close(ignored);
    door->pause.cancel();
  }
}

void Doors::await_clients(const std::shared_ptr<Door>& door) {
  door->acceptor.async_wait(tcp::acceptor::wait_read, [this, door](error_code failed) {
    if (!door->acceptor.is_open()) return;
    failed ? pause(door) : accept(door);
  });
}

void Doors::accept(const std::shared_ptr<Door>& door) {
  for (int i = 0; i < accepted_in_a_row; ++i) {
    error_code failed;
    tcp::socket socket = door->acceptor.accept(io_, failed);
    if (!failed) {
      welcome_(std::move(socket));
      continue;
    }
    if (failed == asio::error::would_block || failed == asio::error::try_again) break;
    // Out of file descriptors or memory: somebody who is idle makes room, or all wait a little, as the listener stays
    // readable.
    if (!is_about_one_client(failed) && !make_room_()) return pause(door);
  }
  await_clients(door);
}

void Doors::pause(const std::shared_ptr<Door>& door) {
  door->pause.expires_after(accept_pause);
  door->pause.async_wait([this, door](error_code cancelled) {
    if (!cancelled && door->acceptor.is_open()) await_clients(door);
  });
}

}  // namespace autoctl::http
