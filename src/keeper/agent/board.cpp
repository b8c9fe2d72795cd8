#include "keeper/agent/board.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace autoctl::keeper {

namespace {

constexpr std::ptrdiff_t news_max = 100;  // while the monitor is away

}  // namespace

Board::Board(std::uint64_t epoch) : epoch_(epoch), wakeup_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Board::~Board() {
  if (wakeup_fd_ >= 0) ::close(wakeup_fd_);
}

void Board::publish(const NodeFacts& facts, bool urgent) {
  const std::lock_guard lock(mutex_);
  facts_ = facts;
  if (!upstream_question_) upstream_answer_due_ = false;
  if (urgent) ++urgent_published_;
  lease_.see(facts, std::chrono::steady_clock::now());
  ++guard_version_;
  changed_.notify_all();
}

NodeFacts Board::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

void Board::tell(std::vector<std::string> news) {
  if (news.empty()) return;
  const std::lock_guard lock(mutex_);
  for (std::string& text : news) news_.push_back({++last_news_, std::move(text)});
  if (std::ssize(news_) > news_max) news_.erase(news_.begin(), news_.end() - news_max);
  ++urgent_published_;
  changed_.notify_all();
}

void Board::told(std::uint64_t last_news) {
  const std::lock_guard lock(mutex_);
  std::erase_if(news_, [&](const protocol::News& news) { return news.number <= last_news; });
}

std::optional<protocol::Assignment> Board::assignment() const {
  const std::lock_guard lock(mutex_);
  return assignment_;
}

bool Board::take_upstream_question() {
  const std::lock_guard lock(mutex_);
  return std::exchange(upstream_question_, false);
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

void Board::remember(protocol::Memory memory) {
  const std::lock_guard lock(mutex_);
  memory_ = std::move(memory);
}

protocol::Report Board::next_report(bool wait) {
  const std::lock_guard lock(mutex_);
  protocol::Report report;
  report.epoch = epoch_;
  report.sequence = ++sequence_;
  report.wait = wait;
  report.known_version = assignment_ ? assignment_->version : 0;
  report.facts = facts_;
  report.citus = citus_;
  report.news = news_;
  if (!assignment_) report.memory = memory_;
  urgent_taken_ = urgent_published_;
  return report;
}

void Board::offer(const protocol::Assignment& assignment, TimePoint request_left) {
  const std::lock_guard lock(mutex_);
  lease_.renew(request_left, assignment.lease);
  // Answers of the two connections may cross. Versions grow while a monitor lives; what answers a request that left
  // after the assignment at hand had come is newer in any case, also if the monitor started again with its clock set
  // back.
  const bool newer = !assignment_ || assignment.version > assignment_->version || request_left > assigned_at_;
  const bool differs = newer && (!assignment_ || assignment.version != assignment_->version);
  if (newer) {
    assignment_ = assignment;
    assigned_at_ = std::chrono::steady_clock::now();
    lease_.require(assignment.lease_required);
  }
  if (assignment.check_upstream) upstream_question_ = upstream_answer_due_ = true;
  ++guard_version_;
  changed_.notify_all();
  if (differs || assignment.check_upstream || fenced_) wake_worker();
}

void Board::await_upstream_answer(Millis timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return !upstream_answer_due_ || stopping_; });
}

bool Board::await_urgency() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return urgent_published_ != urgent_taken_ || stopping_; });
  return !stopping_;
}

void Board::pause(Millis duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, duration, [&] { return stopping_.load(); });
}

std::optional<protocol::CitusPlan> Board::citus_duty_locked() const {
  const bool leads = assignment_ && is_leader_state(assignment_->goal.state) && is_leader_state(facts_.state);
  if (!leads || !facts_.postgres_running || facts_.in_recovery || fenced_) return std::nullopt;
  return assignment_->citus;
}

std::optional<protocol::CitusPlan> Board::citus_duty() const {
  const std::lock_guard lock(mutex_);
  return citus_duty_locked();
}

void Board::await_citus_duty(const std::optional<protocol::CitusPlan>& known, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return stopping_ || citus_duty_locked() != known; });
}

void Board::publish_citus(std::optional<protocol::CitusFacts> facts, bool urgent) {
  const std::lock_guard lock(mutex_);
  citus_ = std::move(facts);
  if (urgent) ++urgent_published_;
  changed_.notify_all();
}

Lease::Guard Board::guard() const {
  const std::lock_guard lock(mutex_);
  return lease_.guard();
}

void Board::await_guard_change(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  const auto seen = guard_version_;
  changed_.wait_until(lock, deadline, [&] { return guard_version_ != seen || stopping_; });
}

void Board::set_fenced(bool fenced) {
  const std::lock_guard lock(mutex_);
  fenced_ = fenced;
  ++guard_version_;
}

bool Board::may_serve() const {
  const std::lock_guard lock(mutex_);
  return lease_.may_serve(std::chrono::steady_clock::now());
}

void Board::assume(bool lease_required, Millis grace) {
  const std::lock_guard lock(mutex_);
  lease_.assume(lease_required, std::chrono::steady_clock::now(), grace);
}

void Board::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  wake_worker();
}

}  // namespace autoctl::keeper
