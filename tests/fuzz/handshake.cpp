// What a server that is not ours answers to a probe's TLS handshake.
#include "common/tls/handshake.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "common/util/descriptor.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  std::array<int, 2> ends{-1, -1};
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
  const Descriptor ours(ends[0]), theirs(ends[1]);
  static_cast<void>(::send(theirs.get(), data, size, MSG_NOSIGNAL));
  ::shutdown(theirs.get(), SHUT_WR);
  tls::Handshake handshake(ours.get());
  auto outcome = handshake.go_on();
  using Outcome = tls::Handshake::Outcome;
  // All that it will ever say is there: it cannot keep us waiting.
  for (int turns = 0; outcome == Outcome::reading || outcome == Outcome::writing; outcome = handshake.go_on())
    fuzz::require(++turns < 10'000);
  fuzz::require(outcome != Outcome::proved);
  return 0;
}
