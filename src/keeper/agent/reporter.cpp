#include "keeper/agent/reporter.h"

#include <spdlog/spdlog.h>

#include "keeper/agent/retry_pause.h"

namespace autoctl::keeper {

namespace {

/// The other keeper that is this node may go.
constexpr Millis refused_pause{1000};
/// A keeper that was set back in time, a machine's snapshot say, is overtaken by its own former reports for a while.
constexpr Millis overtaken_pause{10};
/// Then it is something else, and the monitor is asked less often.
constexpr int overtaken_quickly_max = 10'000;
constexpr Millis overload_note_interval{60'000};

}  // namespace

Reporter::Reporter(Board& board, const config::Config& config, const LiveConfig& live, client::MonitorApi heartbeat,
                   client::MonitorApi messenger, std::string pg_version)
    : board_(board),
      config_(config),
      live_(live),
      pg_version_(std::move(pg_version)),
      heartbeat_api_(std::move(heartbeat)),
      messenger_api_(std::move(messenger)) {
  heartbeat_ = std::thread([this] { beat(); });
  messenger_ = std::thread([this] { deliver(); });
}

Reporter::~Reporter() {
  heartbeat_api_.cancel();
  messenger_api_.cancel();
  heartbeat_.join();
  messenger_.join();
}

void Reporter::beat() {
  Conversation talk;
  while (!board_.stopping()) {
    if (exchange(heartbeat_api_, true, talk))
      talk.pause.answered();
    else
      board_.pause(talk.pause.next(heartbeat_api_.asked_to_wait()));
  }
}

void Reporter::deliver() {
  Conversation talk;
  while (board_.await_urgency()) {
    if (exchange(messenger_api_, false, talk))
      talk.pause.answered();
    else
      board_.pause(talk.pause.next(messenger_api_.asked_to_wait()));
  }
}

bool Reporter::exchange(client::MonitorApi& api, bool wait, Conversation& talk) {
  if (const auto endpoint = live_.endpoint_since(talk.followed)) api.set_trust(*endpoint);
  const TimePoint left = std::chrono::steady_clock::now();
  protocol::Report report = board_.next_report(wait, left);
  report.host = config_.hostname;
  report.port = config_.pgport;
  report.api_port = config_.api_port;
  report.ssl_mode = live_.now().ssl.mode;
  report.trust = live_.trust();
  report.pg_version = pg_version_;
  const auto known = board_.assignment();
  const Millis heartbeat = wait ? (known ? known->heartbeat : Millis{1000}) : Millis{0};
  const auto answer = api.report(config_.node, report, heartbeat + talk.patience.now());
  if (board_.stopping()) return false;
  if (answer) {
    talk.patience.answered();
    talk.overtaken = 0;
  }
  if (!answer) {
    if (answer.error().code == Errc::timeout) talk.patience.ran_out();
    // Overtaken by a newer report on the other connection: that one has brought the answer.
    if (answer.error().code == Errc::conflict) {
      board_.pause(overtaken_pause);
      return ++talk.overtaken < overtaken_quickly_max;
    }
    if (answer.error().code == Errc::twin) {
      board_.refused(answer.error());
      board_.pause(refused_pause);
      return true;
    }
    if (answer.error().code == Errc::not_found) board_.unknown_to_monitor(left);
    board_.report_failed();
    api.asked_to_wait() > Millis{0} ? note_overload() : note(false, answer.error().message);
    if (!wait) board_.send_failed();
    return false;
  }
  if (answer->monitor_id != config_.monitor_id) {
    note(false, "the monitor at " + config_.monitor_url + " is not the one this node is registered with");
    board_.pause(Millis{1000});
    return false;
  }
  note(true, "");
  board_.answered(*answer, left, report.news.empty() ? 0 : report.news.back().number, report.instance.id);
  if (answer->check_upstream && wait) board_.await_upstream_answer(question_patience);
  return true;
}

void Reporter::note(bool reached, const std::string& why) {
  if (reachable_.exchange(reached) == reached) return;
  if (reached)
    spdlog::info("The monitor answers again");
  else
    spdlog::warn("The monitor does not answer: {}", why);
}

/// An overloaded monitor takes some reports and not others: that is said now and then, not each time.
void Reporter::note_overload() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto again = std::chrono::steady_clock::duration(overload_note_interval).count();
  const auto last = overload_noted_.load();
  if (last != 0 && now - last < again) return;
  overload_noted_ = now;
  spdlog::warn("The monitor is overloaded: it does not take all reports of this node");
}

}  // namespace autoctl::keeper
