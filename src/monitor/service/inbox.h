// What waits for the engine, and in which order it has its turn. What cannot be done in time is turned away while its
// sender still listens, and never done after it has given up. Deterministic: time is handed in. Not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "monitor/engine/engine.h"
#include "monitor/service/backlog.h"
#include "monitor/service/budgets.h"

namespace autoctl::monitor {

/// A keeper's report on its way to the engine.
struct WaitingReport {
  NodeId node;
  Caller caller;
  protocol::Report report;
  Reply<protocol::Assignment> reply;
  std::function<void()> turn_away;  // instead of the reply: there is no time for it
};

class Inbox {
 public:
  using Task = std::function<void(Engine&)>;
  using Sender = std::pair<NodeId, Caller>;

  /// Where at least so many reports wait, and the first of them for longer than this, no more are let in. Fewer than
  /// that are no overload: the engine waits for a disk.
  static constexpr std::size_t few_reports = 64;
  static constexpr Millis report_wait_max{500};
  static constexpr std::size_t reports_max = 5'000;
  /// A report that has waited for so long is turned away: held for a heartbeat on top of that, its answer would come
  /// when its keeper has given up.
  static constexpr Millis report_patience{1'500};
  static constexpr std::size_t requests_max = 1'000;

  /// What the monitor itself has to do; before everything else.
  void add(Task task) { own_.push_back(std::move(task)); }
  /// An operator's request. False: too many wait.
  bool add_request(Task task);
  /// To be asked before a report is read. False: there is no time for this one; only that it came is told.
  bool lets_in(const Sender& sender, TimePoint now);
  /// To be asked before a request of anybody whom budgets bind is read. False: it is too much. Where it is a node's own
  /// report, that it came is told.
  bool affords(const Budgets::Sender& sender, const std::optional<Sender>& report, TimePoint now);
  /// Who asks for too much is answered late: he cannot come again meanwhile.
  void answer_later(std::function<void()> answer, TimePoint at) { late_answers_.emplace(at, std::move(answer)); }
  std::vector<std::function<void()>> due_answers(TimePoint now);
  std::optional<TimePoint> next_answer() const;
  std::vector<Budgets::News> budget_news(TimePoint now) { return budgets_.news(now); }
  /// It takes the place of an older one of the same keeper.
  void add_report(WaitingReport report, TimePoint now);
  /// Only the newest of each port waits.
  void add_probe(NodeId node, ProbedPort port, PortState state, TimePoint at);
  /// A report on this connection, if one waits, is not done any more. Returns for how long it has waited.
  std::optional<Millis> remove(std::uint64_t connection, TimePoint now);

  bool empty() const { return own_.empty() && requests_.empty() && reports_.empty() && probes_.empty(); }
  /// The next one to do.
  std::optional<Task> take(TimePoint now);
  /// From which nodes reports came, since the last call, that still wait or were turned away.
  std::vector<Sender> unheard();
  /// What there was no time for, since the last call.
  Backlog backlog() { return std::exchange(backlog_, {}); }

 private:
  using Probed = std::pair<NodeId, ProbedPort>;
  struct Entry {
    WaitingReport waiting;
    TimePoint arrived;
    bool told = false;  // that it came
  };

  void turn_away_late(TimePoint now);
  void note_unheard(const Sender& sender);
  std::optional<Task> take_own();
  std::optional<Task> take_request();
  std::optional<Task> take_report(TimePoint now);
  std::optional<Task> take_probe();

  std::deque<Task> own_;
  std::deque<Task> requests_;
  std::list<Entry> reports_;
  std::deque<Probed> probed_;  // in the order in which they were found
  std::map<Probed, std::pair<PortState, TimePoint>> probes_;
  std::map<std::pair<NodeId, std::string>, Caller> unheard_;  // by node and credential
  Backlog backlog_;
  Budgets budgets_;
  std::multimap<TimePoint, std::function<void()>> late_answers_;
  std::uint64_t turn_ = 0;
};

}  // namespace autoctl::monitor
