#include "common/tls/handshake.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

/// From one server: many times what a handshake takes. It bounds the work that a stranger can make.
constexpr std::size_t received_max = std::size_t{64} * 1024;
constexpr std::size_t chain_max = std::size_t{32} * 1024;

using Context = Owned<SSL_CTX, SSL_CTX_free>;

int accept_any(X509_STORE_CTX*, void*) {
  return 1;
}

/// Nothing is verified but that the other side has the key of what it shows. No key exchange that is dear, and only such
/// in which the server signs.
Context make_context() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return nullptr;
  SSL_CTX_set_cert_verify_callback(context.get(), accept_any, nullptr);
  SSL_CTX_set_max_cert_list(context.get(), chain_max);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  const bool limited = SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                       SSL_CTX_set_cipher_list(context.get(), "ECDHE:!aNULL:!eNULL") == 1 &&
                       SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384:P-521") == 1;
  return limited ? std::move(context) : nullptr;
}

SSL_CTX* context() {
  static const Context made = make_context();
  return made.get();
}

/// Why a handshake failed. A server that could not do what it had begun says nothing about who it is.
Handshake::Outcome judge(unsigned long error) {  // NOLINT(google-runtime-int): OpenSSL's type
  if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) return Handshake::Outcome::local_error;
  const bool own_fault = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_TLSV1_ALERT_INTERNAL_ERROR;
  return own_fault ? Handshake::Outcome::broken_off : Handshake::Outcome::no_tls;
}

}  // namespace

struct Handshake::Impl {
  int socket;
  Owned<SSL, SSL_free> session;
  BIO* from_peer = nullptr;  // both are the session's
  BIO* to_peer = nullptr;
  std::size_t received = 0;
  std::string unsent;
  Fingerprint certificate;
  int error = 0;

  explicit Impl(int connected) : socket(connected) {
    if (context() != nullptr) session.reset(SSL_new(context()));
    if (!session) return;
    from_peer = BIO_new(BIO_s_mem());
    to_peer = BIO_new(BIO_s_mem());
    if (from_peer == nullptr || to_peer == nullptr) {
      BIO_free(from_peer);
      BIO_free(to_peer);
      session.reset();
      return;
    }
    SSL_set_bio(session.get(), from_peer, to_peer);
    SSL_set_connect_state(session.get());
  }

  Outcome go_on() {
    if (!session) return Outcome::local_error;
    for (;;) {
      ERR_clear_error();
      const int done = SSL_do_handshake(session.get());
      const int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(session.get(), done);
      const auto cause = ERR_peek_error();
      ERR_clear_error();
      if (done == 1) return finish();
      const Outcome sent = send();
      if (why != SSL_ERROR_WANT_READ) return judge(cause);
      if (sent != Outcome::proved) return sent;
      if (const Outcome got = receive(); got != Outcome::proved) return got;
    }
  }

  /// All that the session has to say; `proved` stands for "go on".
  Outcome send() {
    std::array<char, 4096> bytes{};
    for (int count = 0; (count = BIO_read(to_peer, bytes.data(), bytes.size())) > 0;)
      unsent.append(bytes.data(), static_cast<std::size_t>(count));
    while (!unsent.empty()) {
      const ssize_t count = ::send(socket, unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed(Outcome::writing);
      unsent.erase(0, static_cast<std::size_t>(count));
    }
    return Outcome::proved;
  }

  Outcome receive() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (count == 0) return Outcome::broken_off;
    if (count < 0) return errno == EINTR ? Outcome::proved : failed(Outcome::reading);
    received += static_cast<std::size_t>(count);
    if (received > received_max) return Outcome::no_tls;
    const bool taken = BIO_write(from_peer, bytes.data(), static_cast<int>(count)) == count;
    return taken ? Outcome::proved : Outcome::local_error;
  }

  Outcome failed(Outcome try_later) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return try_later;
    error = errno;
    return Outcome::io_error;
  }

  /// A server that is left without a goodbye complains in its log.
  Outcome finish() {
    SSL_shutdown(session.get());
    send();
    ERR_clear_error();
    X509* const shown = SSL_get0_peer_certificate(session.get());
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    if (shown == nullptr || X509_digest(shown, EVP_sha256(), digest.data(), &size) != 1 || size != digest.size())
      return Outcome::no_tls;
    certificate = Fingerprint(digest);
    return Outcome::proved;
  }
};

Handshake::Handshake(int socket) : impl_(std::make_unique<Impl>(socket)) {}
Handshake::~Handshake() = default;
Handshake::Handshake(Handshake&&) noexcept = default;
Handshake& Handshake::operator=(Handshake&&) noexcept = default;

Handshake::Outcome Handshake::go_on() {
  return impl_->go_on();
}

const Fingerprint& Handshake::certificate() const {
  return impl_->certificate;
}

std::string Handshake::certificate_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), SSL_get0_peer_certificate(impl_->session.get())) != 1) return {};
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

int Handshake::error_number() const {
  return impl_->error;
}

}  // namespace autoctl::tls
