// What both ends set on their TCP sockets. Private to this folder.
#pragma once

namespace autoctl::http {

/// No Nagle, closed on exec; a peer that vanished without a word is given up after ten seconds, idle or not.
void tune_socket(int fd);

enum class Readiness { quiet, readable };
/// Does an idle socket have anything to say: bytes, its end, or an error? Does not block or consume.
Readiness peek(int fd);

}  // namespace autoctl::http
