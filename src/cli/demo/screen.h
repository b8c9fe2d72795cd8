// What the demonstration shows: lines that stay, and below them a live picture that is drawn over and over.
#pragma once

#include <string>
#include <vector>

#include "common/protocol/protocol.h"

namespace autoctl::demo {

/// On a terminal the picture is redrawn in place; elsewhere a picture is printed only when it tells something new.
class Screen {
 public:
  Screen();
  ~Screen();  // leaves the last picture where it is
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void line(const std::string& text);
  /// `table` decides about news; `status` (numbers that change all the time) is shown on terminals only.
  void picture(const std::vector<std::string>& table, const std::string& status);

 private:
  void erase();

  bool terminal_;
  std::vector<std::string> last_table_;
  int drawn_lines_ = 0;
};

/// The state as `autoctl show state` has it, headline first.
std::vector<std::string> state_table(const protocol::StateDocument& state);

/// Columns as wide as their widest cell; the first is flush left, the others flush right.
std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows);

}  // namespace autoctl::demo
