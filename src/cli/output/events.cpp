#include "cli/output/events.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

/// Who did it, from where, and why; empty where nobody did.
std::string signature_of(const protocol::EventDocument& event) {
  if (event.who.empty()) return {};
  return fmt::format(" [{}, from {}{}{}]", event.who, event.from,
                     event.reason.empty() ? "" : "; reason: ", event.reason);
}

std::string milliseconds_of(const std::string& utc) {
  const auto dot = utc.find('.');
  return dot == std::string::npos ? "" : utc.substr(dot, 4);
}

}  // namespace

std::string local_time(const std::string& utc, const char* format) {
  std::tm parts{};
  if (::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return utc;
  const std::time_t seconds = ::timegm(&parts);
  std::tm local{};
  std::array<char, 64> text{};
  if (::localtime_r(&seconds, &local) == nullptr || std::strftime(text.data(), text.size(), format, &local) == 0)
    return utc;
  return text.data();
}

Table events_table() {
  return Table({{"Event Time", 23},
                {"Node", 6},
                {"Current State", 19},
                {"Assigned State", 19},
                {"Rule", 24},
                {"Comment", 9, true}});
}

std::vector<std::string> event_row(const protocol::EventDocument& event) {
  const bool about_node = static_cast<bool>(event.node);
  return {local_time(event.time, "%Y-%m-%d %H:%M:%S") + milliseconds_of(event.time),
          about_node ? fmt::format("{}/{}", event.group, event.node.value) : std::to_string(event.group),
          about_node ? std::string(to_string(event.reported)) : "",
          about_node ? std::string(to_string(event.assigned)) : "",
          event.rule.empty() ? event.kind : event.rule,
          event.description + signature_of(event)};
}

nlohmann::json event_json(const protocol::EventDocument& event) {
  return {
      {"eventid", event.id},
      {"eventtime", event.time},
      {"formationid", event.formation},
      {"groupid", event.group},
      {"nodeid", event.node.value},
      {"nodename", event.node_name},
      {"nodehost", event.host},
      {"nodeport", event.port},
      {"reportedstate", to_string(event.reported)},
      {"goalstate", to_string(event.assigned)},
      {"description", event.description},
      {"kind", event.kind},
      {"rule", event.rule},
      {"term", event.term.value},
      {"who", event.who},
      {"from", event.from},
      {"reason", event.reason},
  };
}

Table notifications_table(const protocol::StateDocument& state) {
  std::size_t name = 4;
  std::size_t host = 9;
  for (const auto& node : state.nodes) {
    name = std::max(name, node.name.size());
    host = std::max(host, host_port(node.host, node.port).size());
  }
  return Table(
      {{"Time", 8}, {"Name", name}, {"Node", 5}, {"Host:Port", host}, {"Current State", 19}, {"Assigned State", 19}});
}

std::vector<std::string> notification_row(const protocol::EventDocument& event, const std::string& formation_kind) {
  return {local_time(event.time, "%H:%M:%S"),
          event.node_name,
          node_label(formation_kind, event.group, event.node),
          host_port(event.host, event.port),
          std::string(to_string(event.reported)),
          std::string(to_string(event.assigned))};
}

}  // namespace autoctl::cli
