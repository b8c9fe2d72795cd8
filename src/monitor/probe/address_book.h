// Host names to addresses, kept, so that no probe waits for a name server in the middle of a failure.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/util/resolve.h"

namespace autoctl::monitor {

class AddressBook {
 public:
  /// `on_found` is called on the book's own thread when a name that was unknown has got its addresses. It must not
  /// block.
  explicit AddressBook(std::function<void()> on_found);
  /// Does not wait for a name server: a lookup under way ends by itself.
  ~AddressBook();
  AddressBook(const AddressBook&) = delete;
  AddressBook& operator=(const AddressBook&) = delete;

  /// What is known now, empty when nothing is; a lookup in the background begins when it is unknown or old.
  /// Thread-safe.
  std::vector<SocketAddress> find(const std::string& host);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace autoctl::monitor
