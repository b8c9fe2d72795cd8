#include "common/util/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/util/assert.h"
#include "common/util/program_name.h"

namespace autoctl::logging {

namespace {

/// The field's level names, padded to five.
class LevelFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    static constexpr std::string_view names[] = {"TRACE", "DEBUG", "INFO ", "WARN ", "ERROR", "FATAL", "OFF  "};
    const std::string_view name = names[static_cast<std::size_t>(message.level)];
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return spdlog::details::make_unique<LevelFlag>(); }
};

std::string payload_of(const spdlog::details::log_msg& message) {
  return with_program_name(std::string(message.payload.data(), message.payload.size()));
}

/// The message, with commands as this program was called.
class MessageFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = payload_of(message);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return spdlog::details::make_unique<MessageFlag>(); }
};

/// The same as a JSON string, quotes included.
class JsonMessageFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const nlohmann::json text = payload_of(message);
    const std::string quoted = text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<JsonMessageFlag>();
  }
};

spdlog::level::level_enum level_of(int verbosity) {
  if (verbosity <= -2) return spdlog::level::err;
  if (verbosity == -1) return spdlog::level::warn;
  if (verbosity == 0) return spdlog::level::info;
  return verbosity == 1 ? spdlog::level::debug : spdlog::level::trace;
}

std::unique_ptr<spdlog::formatter> make_formatter(Format format) {
  if (format == Format::text) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<LevelFlag>('*').add_flag<MessageFlag>('~').set_pattern("%H:%M:%S %P %* %~");
    return formatter;
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonMessageFlag>('*').set_pattern(
      R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","pid":%P,"level":"%l","message":%*})");
  return formatter;
}

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  if (name == "text") return Format::text;
  if (name == "json") return Format::json;
  return std::nullopt;
}

void setup(const Options& options) {
  auto logger = std::make_shared<spdlog::logger>("autoctl", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(make_formatter(options.format));
  logger->set_level(level_of(options.verbosity));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  on_assertion_failed([](const std::string& line) { spdlog::critical("{}", line); });
}

std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

void error(const Error& error) {
  spdlog::error("{}", one_line(error.message));
  if (!error.hint.empty()) spdlog::error("Hint: {}", error.hint);
}

}  // namespace autoctl::logging
