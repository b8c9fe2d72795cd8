// autoctl's block in a server's pg_hba.conf: at the top, between two markers, because the first line that matches wins.
// Everything outside the block is left as it is.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::postgres {

/// One line. `address` is empty for "local"; names are quoted by the caller where they need it.
std::string hba_line(const std::string& type, const std::string& database, const std::string& user,
                     const std::string& address, const std::string& method);

/// What those who come over the socket are asked for where hosts are asked for `method`: certificates and tickets are
/// shown by hosts only.
std::string method_for_sockets(const std::string& method);

/// `text` with `lines` as its block, in place of the one that it has.
std::string with_hba_block(const std::string& text, const std::string& lines);
/// `text` without autoctl's block.
std::string without_hba_block(const std::string& text);

/// True when the file has changed. Errors: system, not_found.
Result<bool> write_hba_block(const std::string& path, const std::string& lines);

}  // namespace autoctl::postgres
