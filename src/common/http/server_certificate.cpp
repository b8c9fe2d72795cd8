#include "common/http/server_certificate.h"

#include <sys/stat.h>

#include "common/http/client_certificate.h"
#include "common/http/server.h"
#include "common/http/tls_limits.h"

namespace autoctl::http {

namespace {

Result<> check_key_mode(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    return fail(Errc::bad_config, "the key file " + file + " can be read by all users", "chmod 600 " + file);
  return {};
}

}  // namespace

Result<> use_certificate(boost::asio::ssl::context& tls, const std::string& certificate_file,
                         const std::string& key_file, const ServerOptions& options) {
  AUTOCTL_TRY(check_key_mode(key_file));
  boost::system::error_code failed;
  tls.set_options(boost::asio::ssl::context::default_workarounds | boost::asio::ssl::context::no_tlsv1 |
                      boost::asio::ssl::context::no_tlsv1_1 | boost::asio::ssl::context::no_compression,
                  failed);
  SSL_CTX* native = tls.native_handle();
  if (!limit_tls(native)) return fail(Errc::bad_config, "this machine's OpenSSL has no TLS 1.2 with AES-GCM");
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  tls.use_certificate_chain_file(certificate_file, failed);
  if (failed) return fail(Errc::bad_config, "cannot use certificate " + certificate_file + ": " + failed.message());
  tls.use_private_key_file(key_file, boost::asio::ssl::context::pem, failed);
  if (!failed && options.client_ca_file.empty()) return {};
  if (!failed) return ask_for_certificates(native, options.client_ca_file, options.client_crl_file);
  return fail(Errc::bad_config, "cannot use key " + key_file + ": " + failed.message(),
              "it must be the key of certificate " + certificate_file);
}

}  // namespace autoctl::http
