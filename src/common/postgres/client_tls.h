// How autoctl's own parts log in to another machine's Postgres: over TLS or not, and to whom they give a password.
#pragma once

#include <string>

#include "common/config/config.h"

namespace autoctl::postgres {

/// A node lets the others in by SCRAM over TLS only. Then it goes to no server that asks for less: whoever stands in
/// between, with a certificate of his own say, gets neither a password nor anything that one can be guessed from. By the
/// node's own setting: a server's word could be that man's. With --skip-pg-hba nobody knows what the lines ask for, and
/// a server that asks for no password, or for a certificate, would be refused: then it is false.
bool demands_channel_binding(const config::Config& config);

/// libpq keywords, as a part of a conninfo: sslmode, the certificates to trust and to show, channel_binding.
std::string client_tls(const config::Config& config);

}  // namespace autoctl::postgres
