#include "keeper/agent/board.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace autoctl::keeper {

namespace {

constexpr TimePoint never = TimePoint::max();

TimePoint now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

bool tells_of_others(const protocol::Assignment& newer, const protocol::Assignment& older) {
  return newer.peers != older.peers || newer.neighbours != older.neighbours ||
         newer.goal.upstream != older.goal.upstream;
}

Board::Board(Identity self, SavedState saved, InstanceChain chain)
    : core_(std::move(self), std::move(saved), now()),
      chain_(std::move(chain)),
      wakeup_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Board::~Board() {
  if (wakeup_fd_ >= 0) ::close(wakeup_fd_);
}

// ---- worker

Ready Board::ready() {
  const std::lock_guard lock(mutex_);
  Ready ready = core_.ready(now());
  waiters_.wake();
  return ready;
}

void Board::observed(Observation seen) {
  const std::lock_guard lock(mutex_);
  core_.observed(std::move(seen), now());
  waiters_.wake();
}

void Board::saved() {
  const std::lock_guard lock(mutex_);
  core_.saved(now());
}

void Board::save_failed(Error error) {
  const std::lock_guard lock(mutex_);
  core_.save_failed(std::move(error), now());
}

void Board::finished() {
  const std::lock_guard lock(mutex_);
  core_.finished(now());
}

void Board::failed(Error error) {
  const std::lock_guard lock(mutex_);
  core_.failed(std::move(error), now());
}

void Board::progressed(int percent) {
  const std::lock_guard lock(mutex_);
  core_.progressed(percent);
}

void Board::slots_given_up(const std::vector<NodeId>& standbys) {
  const std::lock_guard lock(mutex_);
  core_.slots_given_up(standbys);
  waiters_.wake();
}

void Board::tell(std::vector<std::string> news) {
  if (news.empty()) return;
  const std::lock_guard lock(mutex_);
  for (std::string& text : news) core_.tell(std::move(text));
  waiters_.wake();
}

bool Board::wants_upstream_probe() const {
  const std::lock_guard lock(mutex_);
  return core_.wants_upstream_probe();
}

bool Board::takes_over_servers() const {
  const std::lock_guard lock(mutex_);
  return core_.takes_over_servers();
}

bool Board::cancelled() const {
  if (stopping_) return true;
  const std::lock_guard lock(mutex_);
  return core_.cancelled();
}

void Board::drain_wakeup() {
  std::uint64_t count = 0;
  while (::read(wakeup_fd_, &count, sizeof count) > 0) {
  }
}

void Board::wake_worker() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeup_fd_, &one, sizeof one);
}

// ---- heartbeat, messenger

protocol::Report Board::next_report(bool wait, TimePoint left) {
  const std::lock_guard lock(mutex_);
  protocol::Report report = core_.next_report(wait, left);
  report.instance = chain_.current();
  return report;
}

void Board::answered(const protocol::Assignment& assignment, TimePoint request_left, std::uint64_t last_news,
                     const std::string& instance) {
  const std::lock_guard lock(mutex_);
  chain_.confirmed(instance);
  core_.told(last_news);
  if (core_.answered(assignment, request_left, now())) wake_worker();
  waiters_.wake();
}

void Board::unknown_to_monitor(TimePoint request_left) {
  const std::lock_guard lock(mutex_);
  core_.unknown_to_monitor(request_left);
}

void Board::report_failed() {
  const std::lock_guard lock(mutex_);
  core_.report_failed();
}

void Board::refused(const Error& why) {
  const std::lock_guard lock(mutex_);
  core_.refused(why);
  wake_worker();
  waiters_.wake();
}

void Board::send_failed() {
  const std::lock_guard lock(mutex_);
  core_.send_failed();
  waiters_.wake();
}

void Board::await_upstream_answer(Millis timeout) {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, now() + timeout, [&] { return !core_.owes_an_answer() || stopping_; });
}

bool Board::await_urgency() {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, never, [&] { return core_.is_urgent() || stopping_; });
  return !stopping_;
}

void Board::pause(Millis duration) {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, now() + duration, [&] { return stopping_.load(); });
}

// ---- scribe

bool Board::await_link() {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !chain_.wants_link(now())) {
    const TimePoint at = chain_.next_link_at();
    waiters_.wait_until(lock, at, [&] { return stopping_ || chain_.next_link_at() != at; });
  }
  return !stopping_;
}

protocol::Instance Board::with_link(std::string id) const {
  const std::lock_guard lock(mutex_);
  return chain_.with_link(std::move(id));
}

void Board::linked(protocol::Instance instance) {
  const std::lock_guard lock(mutex_);
  chain_.saved(std::move(instance), now());
}

// ---- router

std::optional<protocol::CitusPlan> Board::citus_duty() const {
  const std::lock_guard lock(mutex_);
  return core_.citus_duty();
}

void Board::await_citus_duty(const std::optional<protocol::CitusPlan>& known, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, deadline, [&] { return stopping_ || core_.citus_duty() != known; });
}

void Board::publish_citus(std::optional<protocol::CitusFacts> facts, bool urgent) {
  const std::lock_guard lock(mutex_);
  core_.set_citus(std::move(facts), urgent);
  waiters_.wake();
}

// ---- addresses

void Board::set_addresses(std::vector<IpAddress> addresses) {
  const std::lock_guard lock(mutex_);
  core_.set_addresses(std::move(addresses));
  waiters_.wake();
}

void Board::await_other_nodes(const std::optional<protocol::Assignment>& known, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, deadline, [&] {
    const auto& newest = core_.assignment();
    if (stopping_ || !newest || !known) return stopping_ || newest.has_value();
    return tells_of_others(*newest, *known);
  });
}

// ---- certificates

void Board::set_certificates(protocol::ShownCertificates certificates) {
  const std::lock_guard lock(mutex_);
  core_.set_certificates(std::move(certificates));
  waiters_.wake();
}

// ---- passwords

void Board::set_verifier(ScramVerifier verifier) {
  const std::lock_guard lock(mutex_);
  core_.set_verifier(std::move(verifier));
  waiters_.wake();
}

// ---- senders

bool Board::serves_as_primary() const {
  const std::lock_guard lock(mutex_);
  return accepts_writes();
}

void Board::await_primary() {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, never, [&] { return accepts_writes() || stopping_; });
}

bool Board::accepts_writes() const {
  return core_.facts().postgres_running && !core_.facts().in_recovery;
}

// ---- probes

void Board::felt(const Pulse& pulse) {
  const std::lock_guard lock(mutex_);
  core_.felt(pulse, now());
}

std::string Board::check_vitals() {
  const std::lock_guard lock(mutex_);
  std::string news = core_.check_vitals(now());
  if (!news.empty()) waiters_.wake();
  return news;
}

bool Board::expects_service() const {
  const std::lock_guard lock(mutex_);
  return core_.expects_service();
}

// ---- fence

bool Board::await_fence() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto at = core_.fence_at();
    if (at && now() >= *at) return true;
    waiters_.wait_until(lock, at.value_or(never), [&] { return stopping_ || core_.fence_at() != at; });
  }
  return false;
}

bool Board::await_guarded_until(std::optional<TimePoint>& told) {
  std::unique_lock lock(mutex_);
  waiters_.wait_until(lock, never, [&] { return stopping_ || core_.guarded_until() != told; });
  told = core_.guarded_until();
  return !stopping_;
}

void Board::set_fenced() {
  const std::lock_guard lock(mutex_);
  core_.fenced();
  waiters_.wake();
}

// ---- any thread

NodeFacts Board::facts() const {
  const std::lock_guard lock(mutex_);
  return core_.facts();
}

std::optional<protocol::Assignment> Board::assignment() const {
  const std::lock_guard lock(mutex_);
  return core_.assignment();
}

bool Board::is_refused() const {
  const std::lock_guard lock(mutex_);
  return core_.is_refused();
}

bool Board::fenced() const {
  const std::lock_guard lock(mutex_);
  return core_.is_fenced();
}

bool Board::has_retired() const {
  const std::lock_guard lock(mutex_);
  return core_.has_retired(now());
}

void Board::request_reload() {
  const std::lock_guard lock(mutex_);
  core_.request_reload();
  wake_worker();
}

void Board::request_restart() {
  const std::lock_guard lock(mutex_);
  core_.request_restart();
  wake_worker();
}

void Board::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  waiters_.wake();
  wake_worker();
}

}  // namespace autoctl::keeper
