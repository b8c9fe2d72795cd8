#include "monitor/probe/probe_attempt.h"

#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace autoctl::monitor {

namespace {

constexpr Millis patience{1'000};

/// SSLRequest: length 8, code 80877103. A postmaster answers S or N (or an error) with one byte before anything else.
constexpr std::array<unsigned char, 8> ssl_request = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

bool nobody_listens(int error) {
  return error == ECONNREFUSED;
}
bool broke_off(int error) {
  return error == ECONNRESET || error == EPIPE || error == ECONNABORTED;
}

}  // namespace

ProbeAttempt::ProbeAttempt(ProbedPort kind, int port, std::vector<Address> addresses)
    : kind_(kind), port_(port), addresses_(std::move(addresses)) {}

ProbeAttempt::~ProbeAttempt() {
  close();
}

void ProbeAttempt::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

short ProbeAttempt::events() const {
  return phase_ == Phase::connecting ? POLLOUT : POLLIN;
}

void ProbeAttempt::start(TimePoint now) {
  try_next(now);
}

void ProbeAttempt::try_next(TimePoint now) {
  close();
  if (next_address_ >= addresses_.size()) {
    if (any_broken_) return finish(std::nullopt);
    return finish(any_refused_ && !any_silent_ ? PortState::refused : PortState::silent);
  }
  Address address = addresses_[next_address_++];
  if (address.storage.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(static_cast<std::uint16_t>(port_));
  else
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(static_cast<std::uint16_t>(port_));
  fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  phase_ = Phase::connecting;
  deadline_ = now + patience;
  if (fd_ < 0) return failed(errno, now);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) return connected(now);
  if (errno != EINPROGRESS) failed(errno, now);
}

void ProbeAttempt::failed(int error, TimePoint now) {
  if (nobody_listens(error))
    any_refused_ = true;
  else if (broke_off(error))
    any_broken_ = true;
  else if (error != EAFNOSUPPORT && error != ENETUNREACH && error != EADDRNOTAVAIL)
    any_silent_ = true;  // those three are about our side only
  try_next(now);
}

void ProbeAttempt::connected(TimePoint now) {
  if (kind_ == ProbedPort::keeper) return finish(PortState::open);
  const ssize_t sent = ::send(fd_, ssl_request.data(), ssl_request.size(), MSG_NOSIGNAL);
  if (sent < 0) return failed(errno, now);
  phase_ = Phase::reading;
}

void ProbeAttempt::read_answer(TimePoint now) {
  char byte = 0;
  const ssize_t count = ::recv(fd_, &byte, 1, 0);
  if (count == 1) return finish(PortState::open);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  failed(count == 0 ? ECONNRESET : errno, now);
}

void ProbeAttempt::advance(TimePoint now) {
  if (done_) return;
  pollfd ready{fd_, events(), 0};
  if (::poll(&ready, 1, 0) > 0) {
    if (phase_ == Phase::reading) return read_answer(now);
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    return error == 0 ? connected(now) : failed(error, now);
  }
  if (now >= deadline_) failed(ETIMEDOUT, now);
}

void ProbeAttempt::finish(std::optional<PortState> result) {
  close();
  done_ = true;
  result_ = result;
}

}  // namespace autoctl::monitor
