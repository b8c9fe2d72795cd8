// What a standby's log says about why it cannot stream.
#pragma once

#include <cstdint>
#include <string>

#include "keeper/core/observation.h"

namespace autoctl::keeper {

class StandbyLog {
 public:
  explicit StandbyLog(std::string path) : path_(std::move(path)) {}
  /// Only what is written from now on counts.
  void begin();
  Refusal refusal();

 private:
  std::uintmax_t size() const;  // 0 if there is no log

  std::string path_;
  std::uintmax_t begin_ = 0, read_ = 0;
  Refusal found_ = Refusal::none;
};

}  // namespace autoctl::keeper
