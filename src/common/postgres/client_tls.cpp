#include "common/postgres/client_tls.h"

#include "common/config/auth.h"
#include "common/pg/connection.h"

namespace autoctl::postgres {

bool demands_channel_binding(const config::Config& config) {
  return config.auth == "scram-sha-256" && config::demands_tls(config.ssl) && !config.skip_pg_hba;
}

std::string client_tls(const config::Config& config) {
  std::string text = "sslmode=" + config.ssl.mode;
  if (!config.ssl.ca_file.empty()) text += " sslrootcert=" + pg::quote_conninfo(config.ssl.ca_file);
  if (!config.ssl.crl_file.empty()) text += " sslcrl=" + pg::quote_conninfo(config.ssl.crl_file);
  if (config.ssl.issued)
    text += " sslcert=" + pg::quote_conninfo(config.ssl.server_cert) +
            " sslkey=" + pg::quote_conninfo(config.ssl.server_key);
  if (demands_channel_binding(config)) text += " channel_binding=require";
  return text;
}

}  // namespace autoctl::postgres
