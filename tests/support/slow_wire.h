// A piece of wire between two network interfaces of ours that delays frames and loses some. (The kernel's own netem is
// not in every kernel.)
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "common/fsm/types.h"
#include "common/util/descriptor.h"
#include "common/util/result.h"

namespace autoctl::test {

struct WireQuality {
  Millis delay{0};  // each way
  int loss_percent = 0;
};

class SlowWire {
 public:
  /// Between interfaces `left` and `right`, which must be up and have no addresses. Errors: system.
  static Result<std::unique_ptr<SlowWire>> make(const std::string& left, const std::string& right);
  ~SlowWire();
  /// From now on. Thread-safe.
  void set(WireQuality quality);

 private:
  SlowWire(Descriptor left, Descriptor right);
  void carry(int from, int to, unsigned seed);

  Descriptor left_, right_;
  std::atomic<Millis::rep> delay_ = 0;
  std::atomic<int> loss_percent_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread there_, back_;
};

}  // namespace autoctl::test
