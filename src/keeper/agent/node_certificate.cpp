#include "keeper/agent/node_certificate.h"

#include "common/tls/pair_file.h"
#include "common/tls/trust.h"

namespace autoctl::keeper {

Result<tls::SigningRequest> ask_for_certificate(const config::Config& config, protocol::RegisterRequest& request) {
  if (!config.ssl.issued) return tls::SigningRequest{};
  auto asked = tls::request_certificate(config.hostname);
  if (asked) request.csr = asked->csr_pem;
  return asked;
}

Result<> take_certificate(const config::Config& config, const config::Files& files, const tls::SigningRequest& asked,
                          const protocol::RegisterAnswer& answer, const std::string& others) {
  if (!config.ssl.issued) return {};
  if (answer.certificate.empty())
    return fail(Errc::incompatible, "the monitor has issued no certificate for this node",
                "its log says why; an older monitor has no certificate authority: give --ssl-self-signed, "
                "--server-cert with --server-key, or --no-ssl");
  const auto believed = tls::check_believed(answer.certificate, answer.ca_pem, config.hostname);
  if (!believed || !tls::belong_together(answer.certificate, asked.key_pem))
    return fail(Errc::incompatible, "the certificate that the monitor has issued is not good for this node" +
                                        (believed ? std::string() : ": " + believed.error().message));
  AUTOCTL_TRY(config::write_file(files.ca(), answer.ca_pem + others, 0644));
  return tls::replace_pair(files.certificate(), files.key(), {answer.certificate, asked.key_pem});
}

}  // namespace autoctl::keeper
