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

PortProbe::PortProbe(Expect expect, std::vector<SocketAddress> addresses, Millis patience,
                     std::vector<Fingerprint> certificates)
    : expect_(expect), addresses_(std::move(addresses)), patience_(patience), certificates_(std::move(certificates)) {}

short PortProbe::events() const {
  return events_;
}

bool PortProbe::was_broken_off() const {
  const auto any = [this](Sign wanted) { return std::ranges::find(signs_, wanted) != signs_.end(); };
  return any(Sign::broken_off) && !any(Sign::local) && !any(Sign::answered);
}

std::optional<std::vector<Fingerprint>> PortProbe::shown() const {
  return result() == PortState::open ? shown_ : std::nullopt;
}

std::optional<std::string> PortProbe::shown_pem() const {
  return shown() ? std::optional(pem_) : std::nullopt;
}

void PortProbe::start(TimePoint now) {
  end_ = now + patience_;
  try_next(now);
}

void PortProbe::try_next(TimePoint now) {
  handshake_.reset();
  socket_.reset();
  if (signs_.size() == addresses_.size()) {
    done_ = true;
    return;
  }
  const SocketAddress& address = addresses_[signs_.size()];
  const auto left = static_cast<int>(addresses_.size() - signs_.size());
  deadline_ = now + std::max<Clock::duration>(end_ - now, Clock::duration::zero()) / left;
  phase_ = Phase::connecting;
  events_ = POLLOUT;
  socket_ = Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return take(judge_error(errno), now);
  if (::connect(socket_.get(), address.data(), address.length) == 0) return connected(now);
  if (errno != EINPROGRESS) take(judge_error(errno), now);
}

void PortProbe::take(Sign sign, TimePoint now) {
  signs_.push_back(sign);
  if (sign != Sign::answered) return try_next(now);
  handshake_.reset();
  socket_.reset();
  done_ = true;
}

void PortProbe::connected(TimePoint now) {
  if (has_tls_at_once()) return asks_who_it_is() ? begin_handshake(now) : take(Sign::answered, now);
  if (::send(socket_.get(), ssl_request.data(), ssl_request.size(), MSG_NOSIGNAL) < 0)
    return take(judge_error(errno), now);
  phase_ = Phase::reading;
  events_ = POLLIN;
}

void PortProbe::read_answer(TimePoint now) {
  char byte = 0;
  const ssize_t count = ::recv(socket_.get(), &byte, 1, 0);
  if (count == 0) return take(ended_without_answer, now);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) take(judge_error(errno), now);
    return;
  }
  if (byte == 'S' && asks_who_it_is()) return begin_handshake(now);
  if (byte == 'N' && expect_ == Expect::certificate) shown_.emplace();
  take(judge_answer(byte, !certificates_.empty()), now);
}

void PortProbe::begin_handshake(TimePoint now) {
  phase_ = Phase::shaking_hands;
  handshake_.emplace(socket_.get());
  shake_hands(now);
}

/// A keeper breaks connections off when strangers crowd its port: there, that is an answer.
void PortProbe::shake_hands(TimePoint now) {
  using Outcome = tls::Handshake::Outcome;
  const Sign when_broken_off = has_tls_at_once() ? Sign::answered : Sign::broken_off;
  switch (handshake_->go_on()) {
    case Outcome::reading: events_ = POLLIN; return;
    case Outcome::writing: events_ = POLLOUT; return;
    case Outcome::broken_off: return take(when_broken_off, now);
    case Outcome::no_tls: return take(Sign::stranger, now);
    case Outcome::local_error: return take(Sign::local, now);
    case Outcome::io_error: {
      const Sign sign = judge_error(handshake_->error_number());
      return take(sign == Sign::broken_off ? when_broken_off : sign, now);
    }
    case Outcome::proved: break;
  }
  shown_ = {handshake_->certificate()};
  if (learns()) pem_ = handshake_->certificate_pem();
  take(learns() ? Sign::answered : judge_certificate(shown_->front(), certificates_), now);
}

/// What has come is looked at first: this side may be late. The deadline counts also where there is always something to
/// read.
void PortProbe::advance(TimePoint now) {
  if (done_) return;
  const std::size_t tried = signs_.size();
  pollfd ready{socket_.get(), events_, 0};
  if (::poll(&ready, 1, 0) > 0) go_on(now);
  if (signs_.size() == tried && now >= deadline_) take_lateness(now);
}

/// The kernel of a keeper that is frozen takes connections, as its machine lives.
void PortProbe::take_lateness(TimePoint now) {
  take(phase_ == Phase::shaking_hands && has_tls_at_once() ? Sign::answered : judge_error(ETIMEDOUT), now);
}

void PortProbe::go_on(TimePoint now) {
  if (phase_ == Phase::reading) return read_answer(now);
  if (phase_ == Phase::shaking_hands) return shake_hands(now);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return take(judge_error(error), now);
  connected(now);
}

namespace {

/// To its end, or to that of `probe`'s patience.
void run(PortProbe& probe) {
  probe.start(Clock::now());
  while (!probe.done()) {
    pollfd socket{probe.fd(), probe.events(), 0};
    const auto left = std::chrono::ceil<Millis>(probe.deadline() - Clock::now()).count();
    ::poll(&socket, 1, static_cast<int>(std::max<long>(left, 0)));
    probe.advance(Clock::now());
  }
}

}  // namespace

PortState probe_postgres(const std::string& host, int port, Millis timeout,
                         const std::vector<Fingerprint>& certificates) {
  const auto addresses = resolve(host, {.port = port});
  return addresses ? probe_postgres(*addresses, timeout, certificates) : PortState::silent;
}

PortState probe_postgres(const std::vector<SocketAddress>& addresses, Millis timeout,
                         const std::vector<Fingerprint>& certificates) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    PortProbe probe(Expect::postmaster, addresses, std::chrono::ceil<Millis>(end - Clock::now()), certificates);
    run(probe);
    if (const auto found = probe.result()) return *found;
    if (Clock::now() + retry_pause >= end) return probe.was_broken_off() ? PortState::silent : PortState::unknown;
    std::this_thread::sleep_for(retry_pause);
  }
}

std::optional<std::vector<Fingerprint>> certificate_of_postgres(const std::vector<SocketAddress>& addresses,
                                                                Millis timeout) {
  PortProbe probe(Expect::certificate, addresses, timeout);
  run(probe);
  return probe.shown();
}

std::optional<std::string> certificate_shown(const std::vector<SocketAddress>& addresses, Expect server,
                                             Millis timeout) {
  PortProbe probe(server, addresses, timeout);
  run(probe);
  return probe.shown_pem();
}

}  // namespace autoctl::postgres
