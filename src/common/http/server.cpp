#include "common/http/server.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <csignal>
#include <future>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "common/http/doors.h"
#include "common/http/framing.h"
#include "common/http/lobby.h"
#include "common/http/server_certificate.h"
#include "common/http/socket.h"
#include "common/http/url.h"
#include "common/protocol/protocol.h"

namespace autoctl::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds handshake_timeout{10'000};
/// For saying good-bye: TLS close_notify, or letting a refused client send out what it has before the reset.
constexpr milliseconds farewell_timeout{1'000};
constexpr std::size_t idle_buffer_bytes = 4096;
/// Handshakes that are begun before other work has its turn again.
constexpr int handshakes_in_a_row = 16;
constexpr milliseconds strain_interval{100};

Response error_response(int status, Errc code, std::string message, std::string hint = {}) {
  return {status, protocol::encode_error({code, std::move(message), std::move(hint)})};
}

class Session;

/// What all sessions of a server share. Everything but `io` belongs to the server's thread.
struct Shared {
  Shared(ServerOptions o, Server::Handler h, Server::DisconnectHandler d)
      : options(std::move(o)),
        handler(std::move(h)),
        on_disconnect(std::move(d)),
        lobby(options.handshakes_waiting_max, options.handshake_wait_max) {}

  /// The session's client has begun its handshake.
  void let_in(const std::shared_ptr<Session>& session);
  void begin_handshakes();

  ServerOptions options;
  Server::Handler handler;
  Server::DisconnectHandler on_disconnect;
  asio::io_context io{1};
  asio::ssl::context tls{asio::ssl::context::tls_server};
  std::unordered_map<std::uint64_t, std::weak_ptr<Session>> sessions{};
  Lobby<Session> lobby;
  Strain strain{};  // in this interval
  bool stopping = false;
};

/// IPv4 where the socket takes both.
asio::ip::address plain(const asio::ip::address& address) {
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  return mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()) : address;
}

std::string name_of(const tcp::endpoint& peer) {
  const auto address = plain(peer.address());
  const auto port = ":" + std::to_string(peer.port());
  return address.is_v6() ? "[" + address.to_string() + "]" + port : address.to_string() + port;
}

/// The kernel answers a machine's own addresses from the same address.
std::string machine_elsewhere(const tcp::endpoint& peer, const tcp::endpoint& here) {
  const auto address = plain(peer.address());
  return address.is_loopback() || address == plain(here.address()) ? "" : address.to_string();
}

std::string bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  const auto start = authorization.substr(0, scheme.size());
  if (!beast::iequals({start.data(), start.size()}, {scheme.data(), scheme.size()})) return {};
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return std::string(authorization);
}

/// One connection: handshake, then request, handler, answer, and again. Lives as long as an operation of it is pending.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::weak_ptr<Shared> owner, Shared& shared, tcp::socket socket, std::uint64_t id)
      : owner_(std::move(owner)),
        shared_(shared),
        id_(id),
        stream_(std::move(socket), shared.tls),
        buffer_(shared.options.header_bytes_max + idle_buffer_bytes),
        handler_timer_(shared.io) {}

  void start() {
    error_code error;
    const auto peer = lowest().socket().remote_endpoint(error);
    if (!error) peer_ = name_of(peer);
    const auto here = error ? peer : lowest().socket().local_endpoint(error);
    if (!error) elsewhere_ = machine_elsewhere(peer, here);
    await_hello();
  }

  /// Its turn has come.
  void shake_hands() {
    if (finished_) return;
    handler_timer_.cancel();
    lowest().expires_at(greeted_by_);
    stream_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](error_code failed) {
      if (failed) return self->finish();
      self->established_ = true;
      self->read();
    });
  }

  /// The end, whatever the reason. Pending operations are aborted.
  void finish() {
    if (finished_) return;
    finished_ = true;
    waiting_ = false;
    handler_timer_.cancel();
    lowest().close();
    shared_.sessions.erase(id_);
    if (!established_ || shared_.stopping || !shared_.on_disconnect) return;
    try {
      shared_.on_disconnect(id_);
    } catch (const std::exception&) {  // the connection is gone: no client is left to tell
    }
  }

  /// The handler's answer to request number `sequence`; of several the first one counts.
  void answer(std::uint64_t sequence, Response response) {
    if (!waiting_ || sequence != sequence_) return;
    stop_waiting();
    write(std::move(response));
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  /// A client that says nothing costs nothing: only one that has begun its handshake waits for its turn.
  void await_hello() {
    greeted_by_ = std::chrono::steady_clock::now() + std::min(handshake_timeout, shared_.options.idle_timeout);
    handler_timer_.expires_at(greeted_by_);
    handler_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->finish();
    });
    lowest().socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code failed) {
      if (self->finished_) return;
      failed ? self->finish() : self->shared_.let_in(self);
    });
  }

  void read() {
    if (finished_) return;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.header_bytes_max));
    parser_->body_limit(shared_.options.body_bytes_max);
    if (buffer_.size() == 0 && buffer_.capacity() > idle_buffer_bytes) buffer_.shrink_to_fit();
    lowest().expires_after(
        shared_.options.idle_timeout);  // one deadline for the whole request, however slowly it drips in
    bhttp::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code failed, std::size_t) {
      failed ? self->refuse(failed) : self->handle();
    });
  }

  void refuse(error_code failed) {
    const auto& limits = shared_.options;
    if (failed == bhttp::error::end_of_stream || failed == bhttp::error::partial_message) return finish();
    keep_alive_ = false;
    if (failed == bhttp::error::body_limit)
      return write(error_response(
          413, Errc::bad_usage, "the request body is larger than " + std::to_string(limits.body_bytes_max) + " bytes"));
    if (failed == bhttp::error::header_limit || failed == bhttp::error::buffer_overflow)
      return write(
          error_response(431, Errc::bad_usage,
                         "the request header is larger than " + std::to_string(limits.header_bytes_max) + " bytes"));
    if (failed.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
      return write(error_response(400, Errc::bad_usage, "this is not an HTTP request: " + failed.message()));
    finish();
  }

  void handle() {
    auto message = parser_->release();
    parser_.reset();
    keep_alive_ = message.keep_alive();
    head_ = message.method() == bhttp::verb::head;
    if (const auto wrong = ambiguity(message); !wrong.empty()) {
      keep_alive_ = false;
      return write(error_response(400, Errc::bad_usage, "this request could be taken for another one: " + wrong));
    }
    const auto target = message.target();
    auto parsed = parse_target({target.data(), target.size()});
    if (!parsed)
      return write(error_response(400, Errc::bad_usage, "the request's target is not a valid path and query"));
    Request request;
    request.method = std::string(message.method_string());
    request.path = std::move(parsed->path);
    request.query = std::move(parsed->query);
    const auto authorization = message[bhttp::field::authorization];
    request.bearer = bearer_of({authorization.data(), authorization.size()});
    request.body = std::move(message.body());
    request.peer = peer_;
    request.elsewhere = elsewhere_;
    request.connection = id_;
    start_waiting();
    try {
      shared_.handler(std::move(request), responder());
    } catch (const std::exception& error) {
      answer(sequence_, error_response(500, Errc::internal, error.what()));
    }
  }

  Responder responder() {
    return [owner = owner_, self = weak_from_this(), sequence = sequence_](Response response) {
      const auto shared = owner.lock();
      if (!shared) return;
      asio::post(shared->io, [self, sequence, response = std::move(response)]() mutable {
        if (const auto session = self.lock()) session->answer(sequence, std::move(response));
      });
    };
  }

  void start_waiting() {
    waiting_ = true;
    ++sequence_;
    lowest().expires_never();
    handler_timer_.expires_after(shared_.options.handler_timeout);
    handler_timer_.async_wait([self = shared_from_this(), sequence = sequence_](error_code failed) {
      if (!failed) self->answer(sequence, error_response(504, Errc::timeout, "the server did not answer in time"));
    });
    watch_peer();
  }

  /// While the handler holds the answer, nothing reads from the connection: ask the bare socket. A client has nothing
  /// to say before it got its answer, so whatever makes the socket readable means that it is gone.
  void watch_peer() {
    lowest().socket().async_wait(tcp::socket::wait_read,
                                 [self = shared_from_this(), sequence = sequence_](error_code failed) {
                                   if (!self->waiting_ || sequence != self->sequence_) return;
                                   if (!failed && peek(self->lowest().socket().native_handle()) == Readiness::quiet)
                                     return self->watch_peer();
                                   self->finish();
                                 });
  }

  void stop_waiting() {
    waiting_ = false;
    handler_timer_.cancel();
    error_code ignored;
    lowest().socket().cancel(ignored);
  }

  void write(Response response) {
    response_.emplace();
    response_->result(static_cast<unsigned>(response.status));
    response_->set(bhttp::field::server, "autoctl");
    response_->set(bhttp::field::content_type, response.content_type);
    response_->set(bhttp::field::cache_control, "no-store");
    if (response.retry_after.count() > 0)
      response_->set(bhttp::field::retry_after, std::to_string(response.retry_after.count()));
    response_->keep_alive(keep_alive_);
    response_->content_length(response.body.size());
    if (!head_) response_->body() = std::move(response.body);
    lowest().expires_after(shared_.options.idle_timeout);
    bhttp::async_write(stream_, *response_, [self = shared_from_this()](error_code failed, std::size_t) {
      self->response_.reset();
      if (failed) return self->finish();
      self->keep_alive_ ? self->read() : self->say_goodbye();
    });
  }

  /// A close with unread input is a reset, which would take our answer away from a client that still sends: read on for
  /// a moment and forget what it says.
  void say_goodbye() {
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    lowest().expires_after(farewell_timeout);
    buffer_.clear();
    drain();
  }
  void drain() {
    lowest().async_read_some(
        buffer_.prepare(idle_buffer_bytes),
        [self = shared_from_this()](error_code failed, std::size_t) { failed ? self->finish() : self->drain(); });
  }

  const std::weak_ptr<Shared> owner_;
  Shared& shared_;
  const std::uint64_t id_;
  std::string peer_, elsewhere_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer handler_timer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  std::optional<bhttp::response<bhttp::string_body>> response_;
  std::chrono::steady_clock::time_point greeted_by_;  // or the client is taken for one that has nothing to say
  std::uint64_t sequence_ = 0;                        // of the request that is or was last with the handler
  bool waiting_ = false;                              // for the handler
  bool keep_alive_ = true;
  bool head_ = false;
  bool established_ = false;
  bool finished_ = false;
};

void Shared::let_in(const std::shared_ptr<Session>& session) {
  const bool idle = lobby.empty();
  if (!lobby.enter(session, std::chrono::steady_clock::now())) {
    ++strain.turned_away;
    return session->finish();
  }
  if (idle) asio::post(io, [this] { begin_handshakes(); });
}

void Shared::begin_handshakes() {
  for (int i = 0; i < handshakes_in_a_row; ++i)
    if (const auto session = lobby.next()) session->shake_hands();
  if (!lobby.empty() && !stopping) asio::post(io, [this] { begin_handshakes(); });
}

/// Connection ids are unique in the process, not only on one server.
std::uint64_t next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler handler, DisconnectHandler on_disconnect, StrainHandler on_strain)
      : shared_(std::make_shared<Shared>(std::move(options), std::move(handler), std::move(on_disconnect))),
        on_strain_(std::move(on_strain)),
        doors_(shared_->io, [this](tcp::socket socket) { welcome(std::move(socket)); }),
        look_(shared_->io) {}

  Result<> start() {
    AUTOCTL_TRY(use_certificate(shared_->tls, shared_->options.certificate_file, shared_->options.key_file));
    AUTOCTL_TRY(doors_.open(shared_->options.address, shared_->options.port));
    look_after_strain();
    run_thread();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(shared_->io, [this] {
      shared_->stopping = true;
      doors_.close();
      look_.cancel();
      // finish() takes the session out of the map.
      for (const auto& [id, weak] : std::exchange(shared_->sessions, {}))
        if (const auto session = weak.lock()) session->finish();
    });
    thread_.join();  // nothing is pending any more, so the thread runs out of work
  }

  int port() const { return doors_.port(); }

  Result<> change(const std::string& address, const std::string& certificate_file, const std::string& key_file) {
    if (!thread_.joinable()) return fail(Errc::internal, "this server does not run");
    asio::ssl::context fresh(asio::ssl::context::tls_server);
    AUTOCTL_TRY(use_certificate(fresh, certificate_file, key_file));
    std::promise<Result<>> done;
    asio::post(shared_->io, [&] { done.set_value(change_here(address, fresh)); });
    return done.get_future().get();
  }

 private:
  /// On the server's own thread. Sessions keep what they began with.
  Result<> change_here(const std::string& address, asio::ssl::context& fresh) {
    auto& options = shared_->options;
    if (address != options.address) {
      doors_.close();  // an address beside all addresses cannot be listened at
      if (auto opened = doors_.open(address, port()); !opened) {
        const auto reopened = doors_.open(options.address, port());
        if (!reopened) opened.error().message += "; and no longer where it listened: " + reopened.error().message;
        return opened;
      }
      options.address = address;
    }
    shared_->tls = std::move(fresh);
    return {};
  }

  void welcome(tcp::socket socket) {
    if (shared_->stopping) return;
    if (shared_->sessions.size() >= shared_->options.connections_max) {
      ++shared_->strain.turned_away;
      return;
    }
    tune_socket(socket.native_handle());
    const auto id = next_connection_id();
    const auto session = std::make_shared<Session>(shared_, *shared_, std::move(socket), id);
    shared_->sessions.emplace(id, session);
    session->start();
  }

  /// How late this thread comes shows from how late its timer does.
  void look_after_strain() {
    look_.expires_after(strain_interval);
    look_.async_wait([this](error_code cancelled) {
      if (cancelled || shared_->stopping) return;
      const auto now = std::chrono::steady_clock::now();
      for (const auto& session : shared_->lobby.overdue(now)) {
        ++shared_->strain.turned_away;
        session->finish();
      }
      Strain strain = std::exchange(shared_->strain, {});
      strain.lag = std::chrono::duration_cast<milliseconds>(now - look_.expiry());
      look_after_strain();
      if (on_strain_) on_strain_(strain);
    });
  }

  /// Signals are the main thread's business.
  void run_thread() {
    sigset_t all{}, before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { shared_->io.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "http");
  }

  std::shared_ptr<Shared> shared_;
  const StrainHandler on_strain_;
  Doors doors_;
  asio::steady_timer look_;
  std::thread thread_;
};

Server::Server(ServerOptions options, Handler handler, DisconnectHandler on_disconnect, StrainHandler on_strain)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(handler), std::move(on_disconnect),
                                   std::move(on_strain))) {}
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
