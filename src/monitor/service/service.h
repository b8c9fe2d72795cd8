// The engine's thread, its inbox, and a timer. All others talk to the engine through it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/http/server.h"
#include "monitor/engine/engine.h"
#include "monitor/probe/socket_prober.h"
#include "monitor/service/backlog.h"
#include "monitor/service/inbox.h"

namespace autoctl::monitor {

class Service {
 public:
  using Task = Inbox::Task;

  /// `image` is what store->load() returned.
  Service(std::unique_ptr<Store> store, const Image& image, Access access);
  ~Service();  // stops; requests that wait are never answered
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // ---- for the engine's thread; thread-safe, none of them blocks
  /// What the monitor itself has to do, in order.
  void post(Task task);
  /// An operator's request. False: the monitor has no time for it.
  bool ask(Task task);
  /// To be asked before a report is read. False: the monitor has no time for it.
  bool lets_in(NodeId node, const Caller& caller);
  void report(WaitingReport report);
  /// To be asked before anything of a request but its header is looked at. False: the sender has asked for too much, and
  /// `refuse` will be called after a while. `report`: whose report it is, if it is a node's own.
  bool affords(const Budgets::Sender& sender, const std::optional<Inbox::Sender>& report, std::function<void()> refuse);
  /// A connection ended.
  void disconnected(std::uint64_t connection);
  /// What the server had no time for.
  void strained(const http::Strain& strain);

  bool overloaded() const { return overloaded_; }
  /// When the engine's thread last came round; for the watchdog. Thread-safe.
  TimePoint last_turn() const;

 private:
  void run();
  bool wait_for_work();
  void work_for_a_while();
  void tell_overload();
  void tell_budgets();
  void recover_store();
  void load_until_done();

  std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Inbox inbox_;
  Backlog strain_;  // of the server, since the last look
  bool stopping_ = false;
  /// Connections were closed, or served late, a moment ago: not all that nodes said was heard.
  TimePoint deaf_until_;
  /// Answers were late: clients may have given up.
  TimePoint late_until_;
  std::atomic<bool> overloaded_ = false;
  std::atomic<TimePoint::rep> last_turn_;
  std::unique_ptr<SocketProber> prober_;
  std::unique_ptr<Engine> engine_;
  /// While this runs, the store is its own.
  std::thread recovery_;
  bool recovering_ = false;  // engine's thread only, and so are the next two
  Overload overload_;
  TimePoint looked_at_;
  std::thread thread_;
};

}  // namespace autoctl::monitor
