// Is another program already listening on the port that the server is to use?
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::postgres {

/// `listen` is listen_addresses, `option` what an operator would change. The server itself would use the
/// remaining addresses, and clients would reach the other program on the rest. Errors: conflict.
Result<> check_port_free(const std::string& listen, int port, const std::string& option = "--pgport");

}  // namespace autoctl::postgres
