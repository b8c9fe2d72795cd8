#include "monitor/probe/address_book.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace autoctl::monitor {

namespace {

constexpr Millis good_for{30'000};
constexpr Millis failure_good_for{1'000};
constexpr std::size_t addresses_max = 4;

std::vector<SocketAddress> addresses_of(const std::string& host, bool numeric_only) {
  auto addresses = resolve(host, {.numeric_only = numeric_only}).value_or(std::vector<SocketAddress>{});
  if (addresses.size() > addresses_max) addresses.resize(addresses_max);
  return addresses;
}

}  // namespace

/// Shared with the thread that asks, which may outlive the book.
struct AddressBook::State {
  struct Entry {
    std::vector<SocketAddress> addresses;
    TimePoint at;
    bool old(TimePoint now) const { return now - at > (addresses.empty() ? failure_good_for : good_for); }
  };

  std::function<void()> on_found;
  std::mutex mutex;
  std::condition_variable wake;
  std::map<std::string, Entry> known;
  std::set<std::string> asked;
  bool stopping = false;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !asked.empty(); });
      if (stopping) return;
      const std::string host = *asked.begin();
      lock.unlock();
      auto addresses = addresses_of(host, false);
      lock.lock();
      if (stopping) return;
      asked.erase(host);
      Entry& entry = known[host];
      entry.at = std::chrono::steady_clock::now();
      if (addresses.empty()) continue;  // an old answer is better than none
      const bool was_unknown = entry.addresses.empty();
      entry.addresses = std::move(addresses);
      if (was_unknown) on_found();
    }
  }
};

AddressBook::AddressBook(std::function<void()> on_found) : state_(std::make_shared<State>()) {
  state_->on_found = std::move(on_found);
  std::thread([state = state_] { state->run(); }).detach();
}

AddressBook::~AddressBook() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->wake.notify_all();
}

std::vector<SocketAddress> AddressBook::find(const std::string& host) {
  if (auto numeric = addresses_of(host, true); !numeric.empty()) return numeric;
  const std::lock_guard lock(state_->mutex);
  const auto entry = state_->known.find(host);
  const bool look = entry == state_->known.end() || entry->second.old(std::chrono::steady_clock::now());
  if (look && state_->asked.insert(host).second) state_->wake.notify_all();
  return entry == state_->known.end() ? std::vector<SocketAddress>() : entry->second.addresses;
}

}  // namespace autoctl::monitor
