// Host names to addresses with a deadline, which getaddrinfo() does not have. Private to this folder.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace autoctl::http {

/// One question to the resolver, asked in a thread of its own that no caller has to wait for.
class Lookup {
 public:
  /// Starts asking. `when_done` is called in the other thread once the answer has come, even long after the caller has
  /// released the Lookup.
  static std::shared_ptr<const Lookup> start(const std::string& host, std::function<void()> when_done);

  /// The rest is valid once this is true. Thread-safe.
  bool done() const { return done_.load(std::memory_order_acquire); }
  /// Numeric addresses, best first; empty when there was an error.
  const std::vector<std::string>& addresses() const { return addresses_; }
  const std::string& error() const { return error_; }

 private:
  void ask(const std::string& host);

  std::atomic<bool> done_{false};
  std::vector<std::string> addresses_;
  std::string error_;
};

}  // namespace autoctl::http
