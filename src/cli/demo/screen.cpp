#include "cli/demo/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

namespace autoctl::demo {
namespace {

/// A longer line would wrap, and the picture would not be erased completely.
std::string cut_to_width(const std::string& line) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 10) return line;
  return line.substr(0, size.ws_col - 5U);
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

Screen::~Screen() {
  std::fflush(stdout);
}

void Screen::erase() {
  if (drawn_lines_ > 0) fmt::print("\x1b[{}A\x1b[J", drawn_lines_);
  drawn_lines_ = 0;
}

void Screen::line(const std::string& text) {
  erase();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Screen::picture(const std::string& text, const std::string& news, const std::string& status) {
  if (!terminal_ && news == last_news_) return;
  last_news_ = news;
  erase();
  std::istringstream lines(terminal_ ? "\n" + text + "\n" + status : text);
  for (std::string line; std::getline(lines, line);) {
    fmt::print("    {}\n", cut_to_width(line));
    if (terminal_) ++drawn_lines_;
  }
  std::fflush(stdout);
}

}  // namespace autoctl::demo
