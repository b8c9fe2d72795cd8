#include "cli/output/print.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/util/program_name.h"

namespace autoctl::cli {

namespace {

std::FILE* stream_of_print = nullptr;  // stdout, which is no constant

}  // namespace

void print_to(std::FILE* stream) {
  stream_of_print = stream;
}

void print(const std::string& text) {
  print(text, stream_of_print == nullptr ? stdout : stream_of_print);
}

void print(const std::string& text, std::FILE* stream) {
  std::fputs(with_program_name(text).c_str(), stream);
  std::fflush(stream);
}

std::size_t terminal_width() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::string pretty(const nlohmann::json& value) {
  return value.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace autoctl::cli
