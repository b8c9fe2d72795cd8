#include "keeper/core/correspondence.h"

#include <algorithm>

namespace autoctl::keeper {

namespace {

constexpr std::ptrdiff_t news_max = 100;  // while the monitor is away

}  // namespace

bool Correspondence::take(const protocol::Assignment& assignment, TimePoint request_left, TimePoint now) {
  // Answers of the two connections may cross. Versions grow while a monitor lives; what answers a request that left
  // after the assignment at hand had come is newer in any case, also if the monitor started again with its clock set
  // back.
  const bool newer = !assignment_ || assignment.version > assignment_->version || request_left > assigned_at_;
  const bool differs = newer && (!assignment_ || assignment.version != assignment_->version);
  unanswered_ = false;
  if (newer) {
    assignment_ = assignment;
    assigned_at_ = now;
  }
  if (assignment.check_upstream) question_ = answer_due_ = true;
  return differs || assignment.check_upstream;
}

protocol::Report Correspondence::next_report(bool wait, const NodeFacts& facts, const SavedState& saved) {
  protocol::Report report;
  report.epoch = epoch_;
  report.sequence = ++sequence_;
  report.wait = wait;
  report.known_version = assignment_ ? assignment_->version : 0;
  report.facts = facts;
  if (question_) report.facts.upstream_port = PortState::unknown;  // what was found before is no answer
  report.citus = citus_;
  report.addresses = addresses_;
  report.certificates = certificates_;
  report.verifier = verifier_;
  report.news = news_;
  if (unanswered_) report.memory = protocol::Memory{saved.goal, saved.peers, saved.neighbours};
  urgent_taken_ = urgent_;
  return report;
}

void Correspondence::told(std::uint64_t last_news) {
  std::erase_if(news_, [&](const protocol::News& news) { return news.number <= last_news; });
}

void Correspondence::tell(std::string news) {
  news_.push_back({++last_news_, std::move(news)});
  if (std::ssize(news_) > news_max) news_.erase(news_.begin(), news_.end() - news_max);
  ++urgent_;
}

/// The other nodes let this one in from there: it may wait for that.
void Correspondence::set_addresses(std::vector<IpAddress> addresses) {
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  ++urgent_;
}

/// With the former ones this node would be a stranger, should its keeper end now.
void Correspondence::set_certificates(protocol::ShownCertificates certificates) {
  if (certificates == certificates_) return;
  certificates_ = std::move(certificates);
  ++urgent_;
}

/// The primary changes it while this node waits.
void Correspondence::set_verifier(ScramVerifier verifier) {
  if (verifier == verifier_) return;
  verifier_ = std::move(verifier);
  ++urgent_;
}

void Correspondence::upstream_was_seen() {
  question_ = false;
}

void Correspondence::facts_were_published() {
  if (!question_) answer_due_ = false;
}

}  // namespace autoctl::keeper
