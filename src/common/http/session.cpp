#include "common/http/session.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>
#include <utility>

#include "common/http/client_certificate.h"
#include "common/http/framing.h"
#include "common/http/socket.h"
#include "common/http/url.h"
#include "common/protocol/protocol.h"
#include "common/util/printable.h"

namespace autoctl::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

using Clock = std::chrono::steady_clock;

/// For saying good-bye: TLS close_notify, or letting a refused client send out what it has before the reset.
constexpr milliseconds farewell_timeout{1'000};
constexpr std::size_t idle_buffer_bytes = 4096;
/// Reports are smaller by far. Only so many larger bodies are read at once: Hall::begin_large_body().
constexpr std::size_t large_body_bytes = 64 * 1024;
constexpr std::chrono::seconds busy_for{1};
constexpr int client_error = 400;
constexpr int unavailable_status = 503;  // also said by a health check, as a "no"

Response error_response(int status, Errc code, std::string message, std::string hint = {}) {
  return {status, protocol::encode_error({code, std::move(message), std::move(hint)})};
}

Response busy_response(std::string message) {
  auto response = error_response(unavailable_status, Errc::unavailable, std::move(message), "try again in a moment");
  response.retry_after = busy_for;
  return response;
}

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

class TlsSession : public Session, public std::enable_shared_from_this<TlsSession> {
 public:
  TlsSession(Hall& hall, tcp::socket socket)
      : owner_(hall.weak_from_this()),
        hall_(hall),
        socket_(std::move(socket)),
        buffer_(hall.options.header_bytes_max + idle_buffer_bytes),
        timer_(hall.io) {}

  /// A client that says nothing costs nothing: only one that has begun its handshake waits for its turn, and has buffers.
  void start() override {
    tune_socket(socket_.native_handle());
    error_code error;
    const auto peer = socket_.remote_endpoint(error);
    if (!error) peer_ = name_of(peer);
    const auto here = error ? peer : socket_.local_endpoint(error);
    if (!error) elsewhere_ = machine_elsewhere(peer, here);
    greeted_by_ = Clock::now() + std::min(hall_.options.stranger_timeout, hall_.options.idle_timeout);
    timer_.expires_at(greeted_by_);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->finish();
    });
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code failed) {
      if (self->finished_) return;
      failed ? self->finish() : self->hall_.queue(self);
    });
  }

  void shake_hands() override {
    if (finished_) return;
    timer_.cancel();
    room->work(id, Clock::now());
    stream_.emplace(std::move(socket_), hall_.tls);
    lowest().expires_at(greeted_by_);
    note_refusal(stream_->native_handle(), refusal_);
    stream_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](error_code failed) {
      if (!self->refusal_.empty() && !self->finished_) self->hall_.refused(*self, self->refusal_);
      if (failed) return self->finish();
      self->certificate_ = name_in_certificate(self->stream_->native_handle());
      self->read();
    });
  }

  void finish() override {
    if (finished_) return;
    finished_ = true;
    waiting_ = false;
    timer_.cancel();
    error_code ignored;
    stream_ ? lowest().close() : static_cast<void>(socket_.close(ignored));
    end_body();
    hall_.left(*this);
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(*stream_); }

  /// For all of a request, or of an answer, however slowly it drips.
  milliseconds time_allowed() const {
    const auto& options = hall_.options;
    return is_member_ ? options.idle_timeout : std::min(options.idle_timeout, options.stranger_timeout);
  }

  void read() {
    if (finished_) return;
    heard ? room->rest(id) : room->work(id, Clock::now());
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(hall_.options.header_bytes_max));
    body_bytes_max_ = hall_.options.body_bytes_max;
    parser_->body_limit(body_bytes_max_);
    if (buffer_.size() == 0 && buffer_.capacity() > idle_buffer_bytes) buffer_.shrink_to_fit();
    // A health check comes again some seconds later: nobody is in its way meanwhile who has not more to say.
    lowest().expires_after(heard ? hall_.options.idle_timeout : time_allowed());
    bhttp::async_read_header(*stream_, buffer_, *parser_, [self = shared_from_this()](error_code failed, std::size_t) {
      failed ? self->refuse(failed) : self->judge();
    });
  }

  void refuse(error_code failed) {
    const auto& limits = hall_.options;
    if (failed == bhttp::error::end_of_stream || failed == bhttp::error::partial_message) return finish();
    if (failed == bhttp::error::body_limit) return refuse(too_large(body_bytes_max_));
    if (failed == bhttp::error::header_limit || failed == bhttp::error::buffer_overflow)
      return refuse(
          error_response(431, Errc::bad_usage,
                         "the request header is larger than " + std::to_string(limits.header_bytes_max) + " bytes"));
    if (failed.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
      return refuse(error_response(400, Errc::bad_usage, "this is not an HTTP request: " + failed.message()));
    finish();
  }
  /// The connection ends: what may still come of the request is not read.
  void refuse(Response response) {
    keep_alive_ = false;
    end_body();
    write(std::move(response));
  }
  Response too_large(std::size_t limit) const {
    return error_response(413, Errc::bad_usage, "the request body is larger than " + std::to_string(limit) + " bytes",
                          is_member_ ? "" : "without a credential that is known here, nothing larger is read");
  }

  /// The header is here, and of the body what came with it.
  void judge() {
    if (finished_) return;
    const auto& message = parser_->get();
    keep_alive_ = message.keep_alive();
    head_ = message.method() == bhttp::verb::head;
    if (const auto wrong = ambiguity(message); !wrong.empty())
      return refuse(error_response(400, Errc::bad_usage, "this request could be taken for another one: " + wrong));
    const auto target = message.target();
    auto parsed = parse_target({target.data(), target.size()});
    if (!parsed)
      return refuse(error_response(400, Errc::bad_usage, "the request's target is not a valid path and query"));
    request_ = {};
    request_.method = std::string(message.method_string());
    request_.path = std::move(parsed->path);
    request_.query = std::move(parsed->query);
    const auto authorization = message[bhttp::field::authorization];
    request_.bearer = bearer_of({authorization.data(), authorization.size()});
    request_.peer = peer_;
    request_.certificate = certificate_;
    request_.elsewhere = elsewhere_;
    request_.connection = id;
    let_in(standing());
  }

  Standing standing() const {
    if (!hall_.handlers.gate) return {.credential = address, .body_bytes_max = hall_.options.body_bytes_max};
    try {
      return hall_.handlers.gate(request_);
    } catch (const std::exception& error) {
      return {.refusal = error_response(500, Errc::internal, error.what())};
    }
  }

  /// One that was issued to a node that was dropped, say.
  void note_useless_certificate() {
    if (certificate_.empty() || is_member_) return;
    hall_.refused(*this, "its certificate \"" + printable(certificate_) + "\" is good, and its credential is not: no " +
                             request_.method + " " + printable(request_.path));
  }

  void let_in(Standing sender) {
    is_member_ = !sender.credential.empty();
    if (sender.refusal) {
      note_useless_certificate();
      return refuse(std::move(*sender.refusal));
    }
    if (is_member_ && !hall_.recognize(*this, sender.credential))
      return refuse(busy_response("there are too many connections with this credential"));
    body_bytes_max_ = std::min(sender.body_bytes_max, hall_.options.body_bytes_max);
    const auto length = parser_->content_length();
    if (length && *length > body_bytes_max_) return refuse(too_large(body_bytes_max_));
    parser_->body_limit(body_bytes_max_);
    if (parser_->is_done()) return handle();
    const std::size_t expected = length ? static_cast<std::size_t>(*length) : body_bytes_max_;
    has_large_body_ = expected > large_body_bytes && hall_.begin_large_body();
    if (expected > large_body_bytes && !has_large_body_)
      return refuse(busy_response("too many large requests are being read"));
    if (is_member_) lowest().expires_after(time_allowed());
    bhttp::async_read(*stream_, buffer_, *parser_, [self = shared_from_this()](error_code failed, std::size_t) {
      failed ? self->refuse(failed) : self->handle();
    });
  }

  void end_body() {
    if (std::exchange(has_large_body_, false)) hall_.end_large_body();
  }

  void handle() {
    if (finished_) return;
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    end_body();
    heard = true;
    room->work(id, Clock::now());
    start_waiting();
    try {
      hall_.handlers.handle(std::exchange(request_, {}), responder());
    } catch (const std::exception& error) {
      answer(sequence_, error_response(500, Errc::internal, error.what()));
    }
  }

  Responder responder() {
    return [owner = owner_, self = weak_from_this(), sequence = sequence_](Response response) {
      const auto hall = owner.lock();
      if (!hall) return;
      asio::post(hall->io, [self, sequence, response = std::move(response)]() mutable {
        if (const auto session = self.lock()) session->answer(sequence, std::move(response));
      });
    };
  }

  void start_waiting() {
    waiting_ = true;
    ++sequence_;
    lowest().expires_never();
    timer_.expires_after(hall_.options.handler_timeout);
    timer_.async_wait([self = shared_from_this(), sequence = sequence_](error_code failed) {
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

  /// The handler's answer to request number `sequence`; of several the first one counts. A stranger that asked for what
  /// it may not have, or is not there, is not asked for more.
  void answer(std::uint64_t sequence, Response response) {
    if (!waiting_ || sequence != sequence_) return;
    stop_waiting();
    if (!is_member_ && response.status >= client_error && response.status != unavailable_status) keep_alive_ = false;
    write(std::move(response));
  }

  void stop_waiting() {
    waiting_ = false;
    timer_.cancel();
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
    lowest().expires_after(time_allowed());
    bhttp::async_write(*stream_, *response_, [self = shared_from_this()](error_code failed, std::size_t) {
      self->response_.reset();
      if (failed) return self->finish();
      self->keep_alive_ ? self->read() : self->say_goodbye();
    });
  }

  /// A close with unread input is a reset, which would take our answer away from a client that still sends: read on for
  /// a moment and forget what it says.
  void say_goodbye() {
    if (finished_) return;
    room->rest(id);
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    lowest().expires_after(farewell_timeout);
    parser_.reset();
    buffer_.clear();
    drain();
  }
  void drain() {
    lowest().async_read_some(
        buffer_.prepare(idle_buffer_bytes),
        [self = shared_from_this()](error_code failed, std::size_t) { failed ? self->finish() : self->drain(); });
  }

  const std::weak_ptr<Hall> owner_;
  Hall& hall_;
  tcp::socket socket_;  // until its turn has come
  std::optional<beast::ssl_stream<beast::tcp_stream>> stream_;
  std::string peer_, elsewhere_;
  std::string certificate_;  // whom the client's was issued to
  std::string refusal_;      // why it was not accepted; the handshake writes it
  beast::flat_buffer buffer_;
  asio::steady_timer timer_;  // for the hello, and then for the handler
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  std::optional<bhttp::response<bhttp::string_body>> response_;
  Request request_;
  Clock::time_point greeted_by_;    // or the client is taken for one that has nothing to say
  std::size_t body_bytes_max_ = 0;  // of the request that is being read
  std::uint64_t sequence_ = 0;      // of the request that is or was last with the handler
  bool waiting_ = false;            // for the handler
  bool keep_alive_ = true;
  bool head_ = false;
  bool is_member_ = false;  // its last request had a good credential
  bool has_large_body_ = false;
  bool finished_ = false;
};

}  // namespace

std::shared_ptr<Session> make_session(Hall& hall, tcp::socket socket, std::uint64_t id) {
  auto session = std::make_shared<TlsSession>(hall, std::move(socket));
  session->id = id;
  return session;
}

std::string text_of(const asio::ip::address& address) {
  return plain(address).to_string();
}

std::string network_of(const asio::ip::address& address) {
  const auto own = plain(address);
  if (own.is_v4()) return own.to_string();
  constexpr std::size_t network_bytes = 8;
  auto bytes = own.to_v6().to_bytes();
  std::fill(bytes.begin() + network_bytes, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace autoctl::http
