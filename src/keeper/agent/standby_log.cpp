#include "keeper/agent/standby_log.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace autoctl::keeper {

namespace {

/// What the startup process, the WAL receiver or the upstream's WAL sender says of two histories. Where a receiver
/// knows how to wait for an upstream that is behind, it does so for wal_receiver_timeout.
constexpr std::array<std::string_view, 6> diverged_words = {"forked off current database system timeline",
                                                            "is not a child of this server's history",
                                                            "is not in this server's history",
                                                            "is behind recovery timeline",
                                                            "is ahead of the WAL flush position",
                                                            "timeout while waiting for upstream to catch up"};

Refusal refusal_in(std::string_view log) {
  const auto says = [&](std::string_view words) { return log.find(words) != std::string_view::npos; };
  if (says("has already been removed")) return Refusal::wal_gone;
  return std::ranges::any_of(diverged_words, says) ? Refusal::diverged : Refusal::none;
}

}  // namespace

std::uintmax_t StandbyLog::size() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  return error ? 0 : size;
}

void StandbyLog::begin() {
  begin_ = read_ = size();
  found_ = Refusal::none;
}

/// A line may have been half written when it was read last: all of it is read again when there is more.
Refusal StandbyLog::refusal() {
  const auto now = size();
  if (now < begin_) begin_ = 0;  // another file: Postgres was started
  if (now == read_ || found_ != Refusal::none) return found_;
  read_ = now;
  std::ifstream in(path_);
  in.seekg(static_cast<std::streamoff>(begin_));
  std::ostringstream text;
  text << in.rdbuf();
  return found_ = refusal_in(text.str());
}

}  // namespace autoctl::keeper
