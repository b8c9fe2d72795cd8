#include "common/postgres/port_probe.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace autoctl::postgres {

namespace {

using Clock = std::chrono::steady_clock;

/// Between attempts that were broken off: a server that ends refuses soon afterwards.
constexpr Millis retry_pause{20};

}  // namespace

PortProbe::PortProbe(Expect expect, std::vector<SocketAddress> addresses, Millis patience)
    : expect_(expect), addresses_(std::move(addresses)), patience_(patience) {}

short PortProbe::events() const {
  return phase_ == Phase::connecting ? POLLOUT : POLLIN;
}

void PortProbe::start(TimePoint now) {
  end_ = now + patience_;
  try_next(now);
}

void PortProbe::try_next(TimePoint now) {
  socket_.reset();
  if (signs_.size() == addresses_.size()) {
    done_ = true;
    return;
  }
  const SocketAddress& address = addresses_[signs_.size()];
  const auto left = static_cast<int>(addresses_.size() - signs_.size());
  deadline_ = now + std::max<Clock::duration>(end_ - now, Clock::duration::zero()) / left;
  phase_ = Phase::connecting;
  socket_ = Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return take(judge_error(errno), now);
  if (::connect(socket_.get(), address.data(), address.length) == 0) return connected(now);
  if (errno != EINPROGRESS) take(judge_error(errno), now);
}

void PortProbe::take(Sign sign, TimePoint now) {
  signs_.push_back(sign);
  if (sign != Sign::answered) return try_next(now);
  socket_.reset();
  done_ = true;
}

void PortProbe::connected(TimePoint now) {
  if (expect_ == Expect::connection) return take(Sign::answered, now);
  if (::send(socket_.get(), ssl_request.data(), ssl_request.size(), MSG_NOSIGNAL) < 0)
    return take(judge_error(errno), now);
  phase_ = Phase::reading;
}

void PortProbe::read_answer(TimePoint now) {
  char byte = 0;
  const ssize_t count = ::recv(socket_.get(), &byte, 1, 0);
  if (count == 1) return take(judge_answer(byte), now);
  if (count == 0) return take(ended_without_answer, now);
  if (errno != EAGAIN && errno != EINTR) take(judge_error(errno), now);
}

void PortProbe::advance(TimePoint now) {
  if (done_) return;
  pollfd ready{socket_.get(), events(), 0};
  if (::poll(&ready, 1, 0) <= 0) {
    if (now >= deadline_) take(judge_error(ETIMEDOUT), now);
    return;
  }
  if (phase_ == Phase::reading) return read_answer(now);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return take(judge_error(error), now);
  connected(now);
}

PortState probe_postgres(const std::string& host, int port, Millis timeout) {
  const auto addresses = resolve(host, {.port = port});
  return addresses ? probe_postgres(*addresses, timeout) : PortState::silent;
}

PortState probe_postgres(const std::vector<SocketAddress>& addresses, Millis timeout) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    PortProbe probe(Expect::postmaster, addresses, std::chrono::ceil<Millis>(end - Clock::now()));
    probe.start(Clock::now());
    while (!probe.done()) {
      pollfd socket{probe.fd(), probe.events(), 0};
      const auto left = std::chrono::ceil<Millis>(probe.deadline() - Clock::now()).count();
      ::poll(&socket, 1, static_cast<int>(std::max<long>(left, 0)));
      probe.advance(Clock::now());
    }
    if (const auto found = probe.result()) return *found;
    if (Clock::now() + retry_pause >= end) return PortState::silent;
    std::this_thread::sleep_for(retry_pause);
  }
}

}  // namespace autoctl::postgres
