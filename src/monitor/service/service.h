// The engine's thread: a queue of requests and a timer. Everybody else talks to the engine through post().
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "monitor/engine/engine.h"
#include "monitor/probe/socket_prober.h"

namespace autoctl::monitor {

class Service {
 public:
  using Task = std::function<void(Engine&)>;

  /// `image` is what store->load() returned.
  Service(std::unique_ptr<Store> store, const Image& image, Access access);
  ~Service();  // stops; requests that wait are never answered
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Runs the task on the engine's thread, in order. Thread-safe, never blocks.
  void post(Task task);
  /// When the engine's thread last came round; for the watchdog. Thread-safe.
  TimePoint last_turn() const;

 private:
  void run();
  void recover_store();
  void load_until_done();

  std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Task> queue_;
  bool stopping_ = false;
  std::atomic<TimePoint::rep> last_turn_;
  std::unique_ptr<SocketProber> prober_;
  std::unique_ptr<Engine> engine_;
  /// While this runs, the store is its own.
  std::thread recovery_;
  bool recovering_ = false;  // engine's thread only
  std::thread thread_;
};

}  // namespace autoctl::monitor
