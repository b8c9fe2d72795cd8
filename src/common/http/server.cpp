#include "common/http/server.h"

#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <future>
#include <thread>
#include <utility>

#include "common/http/doors.h"
#include "common/http/hall.h"
#include "common/http/server_certificate.h"

namespace autoctl::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds look_interval{100};

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Handlers handlers)
      : hall_(std::make_shared<Hall>(std::move(options), std::move(handlers))),
        address_(hall_->options.address),
        doors_(
            hall_->io, [this](tcp::socket socket) { hall_->welcome(std::move(socket)); },
            [this] { return hall_->make_room(); }),
        look_(hall_->io) {}

  Result<> start() {
    AUTOCTL_TRY(use_certificate(hall_->tls, hall_->options.certificate_file, hall_->options.key_file, hall_->options));
    AUTOCTL_TRY(doors_.open(address_, hall_->options.port));
    look_again();
    run_thread();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(hall_->io, [this] {
      doors_.close();
      look_.cancel();
      hall_->stop();
    });
    thread_.join();  // nothing is pending any more, so the thread runs out of work
  }

  Result<> change(const std::string& address, const std::string& certificate_file, const std::string& key_file) {
    if (!thread_.joinable()) return fail(Errc::internal, "this server does not run");
    asio::ssl::context fresh(asio::ssl::context::tls_server);
    AUTOCTL_TRY(use_certificate(fresh, certificate_file, key_file, hall_->options));
    std::promise<Result<>> done;
    asio::post(hall_->io, [&] { done.set_value(change_here(address, fresh)); });
    return done.get_future().get();
  }

  int port() const { return doors_.port(); }

 private:
  /// On the server's own thread. Sessions keep what they began with.
  Result<> change_here(const std::string& address, asio::ssl::context& fresh) {
    if (address != address_) {
      doors_.close();  // an address beside all addresses cannot be listened at
      if (auto opened = doors_.open(address, port()); !opened) {
        const auto reopened = doors_.open(address_, port());
        if (!reopened) opened.error().message += "; and no longer where it listened: " + reopened.error().message;
        return opened;
      }
      address_ = address;
    }
    hall_->tls = std::move(fresh);
    return {};
  }

  /// How late this thread comes shows from how late its timer does.
  void look_again() {
    look_.expires_after(hall_->is_calm() ? hall_->options.calm_interval : look_interval);
    look_.async_wait([this](error_code cancelled) {
      if (cancelled || hall_->stopping) return;
      const auto now = std::chrono::steady_clock::now();
      Strain strain = hall_->look(now);
      strain.lag = std::chrono::duration_cast<milliseconds>(now - look_.expiry());
      look_again();
      if (hall_->handlers.on_strain) hall_->handlers.on_strain(strain);
    });
  }

  /// Signals are the main thread's business.
  void run_thread() {
    sigset_t all{}, before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { hall_->io.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "http");
  }

  std::shared_ptr<Hall> hall_;
  std::string address_;  // where it listens now
  Doors doors_;
  asio::steady_timer look_;
  std::thread thread_;
};

Server::Server(ServerOptions options, Handler handler, DisconnectHandler on_disconnect, StrainHandler on_strain,
               Gate gate)
    : impl_(std::make_shared<Impl>(std::move(options), Handlers{.handle = std::move(handler),
                                                                .on_disconnect = std::move(on_disconnect),
                                                                .on_strain = std::move(on_strain),
                                                                .gate = std::move(gate)})) {}
Server::~Server() {
  stop();
}
Result<> Server::start() {
  return impl_->start();
}
void Server::stop() {
  impl_->stop();
}
Result<> Server::change(const std::string& address, const std::string& certificate_file, const std::string& key_file) {
  return impl_->change(address, certificate_file, key_file);
}
int Server::port() const {
  return impl_->port();
}

}  // namespace autoctl::http
