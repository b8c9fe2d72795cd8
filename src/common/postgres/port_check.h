// Is anybody already listening where the server shall?
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::postgres {

/// `listen` is listen_addresses, `option` what an operator would change. The server itself would go on with the
/// addresses that are left, and clients would talk to a stranger on the others. Errors: conflict.
Result<> check_port_free(const std::string& listen, int port, const std::string& option = "--pgport");

}  // namespace autoctl::postgres
