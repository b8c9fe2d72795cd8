#include "common/http/client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/lookup.h"
#include "common/http/socket.h"
#include "common/http/tls_limits.h"
#include "common/http/url.h"

namespace autoctl::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint32_t header_bytes_max = 16 * 1024;
constexpr std::uint64_t body_bytes_max = 64 * 1024 * 1024;
constexpr std::int64_t retry_after_max = 60;  // seconds

using Certificate = std::shared_ptr<X509>;

std::vector<Certificate> parse_certificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  while (bio) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (!next) break;
    certificates.push_back(std::move(next));
  }
  ERR_clear_error();  // the end of the text counts as one
  return certificates;
}

/// Replaces OpenSSL's verification: a pinned leaf is good as it is, anything else takes the usual way, host name
/// included.
int verify(X509_STORE_CTX* chain, void* pinned) {
  const X509* leaf = X509_STORE_CTX_get0_cert(chain);
  const auto& certificates = *static_cast<const std::vector<Certificate>*>(pinned);
  const auto same = [leaf](const Certificate& each) { return X509_cmp(each.get(), leaf) == 0; };
  if (leaf != nullptr && std::ranges::any_of(certificates, same)) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  return X509_verify_cert(chain);
}

/// Anything else would end the header and begin the next.
bool is_one_word(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

bool is_idempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

bool is_address(const std::string& host) {
  error_code failed;
  asio::ip::make_address(host, failed);
  return !failed;
}

}  // namespace

/// The io_context runs only inside send(), in the caller's thread; other threads may only post to it.
class Client::Impl {
 public:
  explicit Impl(Endpoint endpoint)
      : endpoint_(std::move(endpoint)),
        where_((endpoint_.host.find(':') == std::string::npos ? endpoint_.host : "[" + endpoint_.host + "]") + ":" +
               std::to_string(endpoint_.port)) {
    prepare_tls();
  }

  Result<Response> send(const Request& request, std::chrono::milliseconds timeout, Repeat repeat) {
    deadline_ = Clock::now() + timeout;
    if (!ready_.has_value()) return fail(ready_.error());
    if (!is_one_word(request.bearer) || !is_one_word(endpoint_.bearer))
      return fail(Errc::denied, "the credential for " + where_ + " contains white space or control characters");
    if (stream_ && peek(socket().native_handle()) == Readiness::readable) drop();
    const bool kept = stream_.has_value();
    auto answer = attempt(request);
    if (answer || !kept || answer_began_ || answer.error().code != Errc::unavailable || cancelled_) return answer;
    // The server may have done what a request asked for before the connection died.
    if (sent_ && repeat == Repeat::if_idempotent && !is_idempotent(request.method)) return answer;
    return attempt(request);  // the kept connection had died: once more over a fresh one
  }

  void set_bearer(std::string bearer) { endpoint_.bearer = std::move(bearer); }

  void cancel() {
    cancelled_ = true;
    asio::post(*io_, [] {});  // wakes up drive()
  }

 private:
  using Stream = beast::ssl_stream<beast::tcp_stream>;

  void prepare_tls() {
    SSL_CTX* native = tls_.native_handle();
    if (!limit_tls(native)) ready_ = fail(Errc::denied, "this machine's OpenSSL has no TLS 1.2 with AES-GCM");
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    show_certificate();
    if (!endpoint_.verify) return SSL_CTX_set_verify(native, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(native, verify, &pinned_);
    if (endpoint_.trusted_pem.empty()) {
      SSL_CTX_set_default_verify_paths(native);
      return;
    }
    pinned_ = parse_certificates(endpoint_.trusted_pem);
    for (const auto& certificate : pinned_) X509_STORE_add_cert(SSL_CTX_get_cert_store(native), certificate.get());
    if (pinned_.empty())
      ready_ = fail(Errc::denied, "the certificate to trust for " + where_ + " is not in PEM format",
                    "get the monitor's certificate again");
  }

  void show_certificate() {
    if (endpoint_.certificate_pem.empty()) return;
    error_code failed;
    tls_.use_certificate_chain(asio::buffer(endpoint_.certificate_pem), failed);
    if (!failed) tls_.use_private_key(asio::buffer(endpoint_.key_pem), asio::ssl::context::pem, failed);
    if (!failed) return;
    ready_ = fail(Errc::bad_config, "this node's own certificate cannot be used: " + failed.message(),
                  "see server.crt and server.key in its <pgdata>.autoctl");
  }

  tcp::socket& socket() { return beast::get_lowest_layer(*stream_).socket(); }
  void drop() {
    stream_.reset();
    buffer_ = beast::flat_buffer(header_bytes_max + 1024);
  }

  Result<Response> attempt(const Request& request) {
    sent_ = answer_began_ = false;
    if (!stream_) AUTOCTL_TRY(connect());
    auto answer = exchange(request);
    if (!answer) drop();
    return answer;
  }

  /// Runs the io_context until `done()`, the deadline or cancel(); the error says which of the latter two.
  template <class Done>
  Result<> drive(Done done, Clock::time_point deadline) {
    while (!done()) {
      if (cancelled_) return fail(Errc::unavailable, "the call to " + where_ + " was cancelled");
      if (Clock::now() >= deadline) return fail(Errc::timeout, where_ + " did not answer in time");
      io_->run_one_until(deadline);
    }
    return {};
  }

  /// Starts one asynchronous operation of stream_ and drives it to its end.
  template <class Start>
  Result<error_code> operate(Clock::time_point deadline, Start start) {
    std::optional<error_code> outcome;
    start([&outcome](error_code failed, auto&&...) { outcome = failed; });
    const auto done = [&outcome] { return outcome.has_value(); };
    const auto driven = drive(done, deadline);
    if (driven) return *outcome;
    beast::get_lowest_layer(*stream_).close();  // aborts the operation, whose handler must still run: it refers to us
    while (!done()) io_->run_one();
    return fail(driven.error());
  }

  Result<> connect() {
    const auto addresses = resolve();
    if (!addresses) return fail(addresses.error());
    auto outcome = Result<>(fail(Errc::unavailable, "the name " + endpoint_.host + " has no address"));
    for (std::size_t i = 0; i < addresses->size(); ++i) {
      // An address that swallows packets must leave time for the others.
      const auto share = (deadline_ - Clock::now()) / static_cast<int>(addresses->size() - i);
      outcome = connect_to((*addresses)[i], Clock::now() + share);
      if (!outcome) drop();
      if (outcome || cancelled_ || outcome.error().code == Errc::denied) return outcome;
    }
    return outcome;
  }

  Result<std::vector<std::string>> resolve() {
    if (is_address(endpoint_.host)) return std::vector{endpoint_.host};
    if (!lookup_)  // an earlier call may have run out of time while the resolver was still busy
      lookup_ = Lookup::start(endpoint_.host, [weak = std::weak_ptr(io_)] {
        if (const auto io = weak.lock()) asio::post(*io, [] {});
      });
    // A resolver that is down must not keep us from a server that we have talked to before.
    const auto patience = known_.empty() ? deadline_ : Clock::now() + (deadline_ - Clock::now()) / 2;
    const auto asked = drive([this] { return lookup_->done(); }, patience);
    if (!asked && (known_.empty() || cancelled_)) return fail(asked.error());
    if (!asked) return known_;
    const auto lookup = std::exchange(lookup_, nullptr);
    if (!lookup->addresses().empty()) known_ = lookup->addresses();
    if (!known_.empty()) return known_;
    return fail(Errc::unavailable, "cannot resolve host name " + endpoint_.host + ": " + lookup->error(),
                "check the host name and this machine's DNS");
  }

  Result<> connect_to(const std::string& address, Clock::time_point deadline) {
    error_code failed;
    const tcp::endpoint peer(asio::ip::make_address(address, failed), static_cast<std::uint16_t>(endpoint_.port));
    stream_.emplace(*io_, tls_);
    if (!failed) socket().open(peer.protocol(), failed);
    if (failed) return unavailable("cannot connect to", failed);
    tune_socket(socket().native_handle());
    const auto connected = operate(deadline, [&](auto handler) { socket().async_connect(peer, std::move(handler)); });
    if (!connected) return fail(connected.error());
    if (*connected)
      return unavailable("cannot connect to", *connected, "check that it runs, its address and port, and the firewall");
    return shake_hands(deadline);
  }

  Result<> shake_hands(Clock::time_point deadline) {
    SSL* native = stream_->native_handle();
    const char* host = endpoint_.host.c_str();
    if (is_address(endpoint_.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host);
    } else {
      SSL_set_tlsext_host_name(native, host);
      SSL_set_hostflags(native, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(native, host);
    }
    const auto shaken = operate(
        deadline, [&](auto handler) { stream_->async_handshake(asio::ssl::stream_base::client, std::move(handler)); });
    if (!shaken) return fail(shaken.error());
    if (!*shaken) return {};
    const auto verdict = SSL_get_verify_result(native);
    if (verdict != X509_V_OK)
      return fail(Errc::denied,
                  "the certificate of " + where_ + " is not trusted: " + X509_verify_cert_error_string(verdict),
                  "if this is the right server, give its certificate (or its CA's) as the one to trust");
    if (shaken->category() == asio::error::get_ssl_category())
      return unavailable("no TLS connection to", *shaken, "check that this is the port of the HTTPS API");
    return unavailable("lost the connection to", *shaken);
  }

  Result<Response> exchange(const Request& request) {
    auto message = message_of(request);
    bhttp::response_parser<bhttp::string_body> parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(body_bytes_max);
    parser.skip(message.method() == bhttp::verb::head);
    const auto sent =
        operate(deadline_, [&](auto handler) { bhttp::async_write(*stream_, message, std::move(handler)); });
    if (!sent) return fail(sent.error());
    if (*sent) return lost(*sent);
    sent_ = true;
    const auto read =
        operate(deadline_, [&](auto handler) { bhttp::async_read(*stream_, buffer_, parser, std::move(handler)); });
    answer_began_ = parser.got_some();
    if (!read) return fail(read.error());
    if (*read == bhttp::error::body_limit) return unavailable("too long an answer from", *read);
    if (*read) return lost(*read);
    return response_of(parser.release());
  }

  bhttp::request<bhttp::string_body> message_of(const Request& request) const {
    bhttp::request<bhttp::string_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(format_target(request.path, request.query));
    message.set(bhttp::field::host, where_);
    message.set(bhttp::field::user_agent, "autoctl");
    const std::string& bearer = request.bearer.empty() ? endpoint_.bearer : request.bearer;
    if (!bearer.empty() && endpoint_.verify) message.set(bhttp::field::authorization, "Bearer " + bearer);
    if (!request.body.empty()) message.set(bhttp::field::content_type, "application/json");
    message.body() = request.body;
    message.prepare_payload();
    return message;
  }

  Response response_of(bhttp::response<bhttp::string_body> message) {
    if (!message.keep_alive()) drop();
    if (buffer_.size() == 0) buffer_.shrink_to_fit();
    const auto type = message[bhttp::field::content_type];
    const auto later = message[bhttp::field::retry_after];
    std::int64_t seconds = 0;  // what is no number, a date say, says nothing to us
    std::from_chars(later.data(), later.data() + later.size(), seconds);
    return {static_cast<int>(message.result_int()), std::move(message.body()), std::string(type.data(), type.size()),
            std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, retry_after_max))};
  }

  /// What a server thinks of our certificate we hear after the handshake, as far as that goes by TLS 1.3.
  tl::unexpected<Error> lost(error_code failed) const {
    const bool refused = failed.category() == asio::error::get_ssl_category() && !endpoint_.certificate_pem.empty();
    if (!refused) return unavailable("lost the connection to", failed);
    return unavailable("this side's certificate is not accepted by", failed, "the log there says why");
  }

  tl::unexpected<Error> unavailable(const std::string& what, error_code failed, std::string hint = {}) const {
    const std::string reason = failed == asio::ssl::error::stream_truncated || failed == bhttp::error::end_of_stream ||
                                       failed == asio::error::eof || failed == bhttp::error::partial_message
                                   ? "it was closed"
                                   : failed.message();
    return fail(Errc::unavailable, what + " " + where_ + ": " + reason, std::move(hint));
  }

  Endpoint endpoint_;
  const std::string where_;  // host:port, for messages and the Host header
  /// Shared with the resolver's thread only, which posts to it when it still exists.
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_->get_executor()};
  std::vector<Certificate> pinned_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  Result<> ready_;  // it has what it shows and trusts
  std::shared_ptr<const Lookup> lookup_;
  std::vector<std::string> known_;  // the last addresses that the resolver gave
  std::optional<Stream> stream_;
  beast::flat_buffer buffer_{header_bytes_max + 1024};
  Clock::time_point deadline_;
  bool sent_ = false;  // all of the request is on its way; less than all does nothing
  bool answer_began_ = false;
  std::atomic<bool> cancelled_{false};
};

Client::Client(Endpoint endpoint) : impl_(std::make_unique<Impl>(std::move(endpoint))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Result<Response> Client::send(const Request& request, std::chrono::milliseconds timeout, Repeat repeat) {
  return impl_->send(request, timeout, repeat);
}
void Client::set_bearer(std::string bearer) {
  impl_->set_bearer(std::move(bearer));
}
void Client::cancel() {
  impl_->cancel();
}

}  // namespace autoctl::http
