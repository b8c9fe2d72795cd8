// What the keeper and its monitor have told each other: the newest assignment, the next report, news, and the question
// that the monitor may ask about the upstream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/protocol.h"
#include "keeper/core/saved_state.h"

namespace autoctl::keeper {

/// After a report that was not answered.
inline constexpr Millis report_retry_pause{100};
/// How long a question about the upstream may keep the next heartbeat back.
inline constexpr Millis question_patience{600};

class Correspondence {
 public:
  /// `epoch` grows with each start of the keeper.
  explicit Correspondence(std::uint64_t epoch) : epoch_(epoch) {}

  // ---- from the monitor
  /// The answer to a report that left at `request_left`. True if there is something for the keeper to look at.
  bool take(const protocol::Assignment& assignment, TimePoint request_left, TimePoint now);
  /// The newest assignment; nullopt before the first.
  const std::optional<protocol::Assignment>& assignment() const { return assignment_; }
  /// The monitor wants to know whether the upstream is there.
  bool asks_about_upstream() const { return question_; }

  // ---- to the monitor
  /// The next report, without what only its sender knows (addresses, versions). Until the monitor has answered, at first
  /// and after each failure, it tells what this keeper was last told: that monitor may know less.
  protocol::Report next_report(bool wait, const NodeFacts& facts, const SavedState& saved);
  /// A report with news up to this number was answered.
  void told(std::uint64_t last_news);
  void report_failed() { unanswered_ = true; }
  /// What the last urgent report was about has not arrived.
  void send_failed() { ++urgent_; }
  void tell(std::string news);
  void set_citus(std::optional<protocol::CitusFacts> facts) { citus_ = std::move(facts); }
  void set_addresses(std::vector<IpAddress> addresses);
  void set_certificates(protocol::ShownCertificates certificates);
  void set_verifier(ScramVerifier verifier);
  void make_urgent() { ++urgent_; }
  bool is_urgent() const { return urgent_ != urgent_taken_; }

  /// What was seen of the upstream is in the facts from now on. It is an answer if the question was there before.
  void upstream_was_seen();
  void facts_were_published();
  /// The monitor's question is not answered yet: the next heartbeat waits for that.
  bool owes_an_answer() const { return answer_due_; }

 private:
  std::uint64_t epoch_;
  std::uint64_t sequence_ = 0;
  bool unanswered_ = true;  // the last report, as far as is known
  std::optional<protocol::Assignment> assignment_;
  TimePoint assigned_at_;
  std::optional<protocol::CitusFacts> citus_;
  std::optional<std::vector<IpAddress>> addresses_;
  std::optional<protocol::ShownCertificates> certificates_;
  ScramVerifier verifier_;
  std::vector<protocol::News> news_;
  std::uint64_t last_news_ = 0;
  std::uint64_t urgent_ = 0, urgent_taken_ = 0;
  bool question_ = false;    // the worker has not looked yet
  bool answer_due_ = false;  // and what was seen is not published
};

}  // namespace autoctl::keeper
