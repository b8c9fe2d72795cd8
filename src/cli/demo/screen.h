// What the demonstration shows: lines that stay, and below them a live picture that is drawn over and over.
#pragma once

#include <string>

namespace autoctl::demo {

/// On a terminal the picture is redrawn in place; elsewhere it is printed only when it shows something new.
class Screen {
 public:
  Screen();
  ~Screen();  // leaves the last picture where it is
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void line(const std::string& text);
  /// `text` is lines; it tells something new when `news` is another than the last time. `status`, which changes all the
  /// time, is shown on terminals only.
  void picture(const std::string& text, const std::string& news, const std::string& status);

 private:
  void erase();

  bool terminal_;
  std::string last_news_;
  int drawn_lines_ = 0;
};

}  // namespace autoctl::demo
