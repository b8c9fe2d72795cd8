#include "monitor/probe/address_book.h"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace autoctl::monitor {

namespace {

constexpr Millis good_for{30'000};
constexpr Millis failure_good_for{1'000};
constexpr std::size_t addresses_max = 4;

std::vector<Address> resolve(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return {};
  std::vector<Address> addresses;
  for (const addrinfo* info = list; info != nullptr && addresses.size() < addresses_max; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.length = info->ai_addrlen;
  }
  ::freeaddrinfo(list);
  return addresses;
}

struct Entry {
  std::vector<Address> addresses;
  TimePoint at;
  bool old(TimePoint now) const { return now - at > (addresses.empty() ? failure_good_for : good_for); }
};

}  // namespace

/// Shared with the thread that asks, which may outlive the book.
struct AddressBook::State {
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
      auto addresses = resolve(host, 0);
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

std::vector<Address> AddressBook::find(const std::string& host) {
  if (auto numeric = resolve(host, AI_NUMERICHOST); !numeric.empty()) return numeric;
  const std::lock_guard lock(state_->mutex);
  const auto entry = state_->known.find(host);
  const bool look = entry == state_->known.end() || entry->second.old(std::chrono::steady_clock::now());
  if (look && state_->asked.insert(host).second) state_->wake.notify_all();
  return entry == state_->known.end() ? std::vector<Address>() : entry->second.addresses;
}

}  // namespace autoctl::monitor
