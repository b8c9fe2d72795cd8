// Events for people and for scripts. Pure: text from values, but for the local time zone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/output/table.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// `show events`: which node was in which state, and why it was moved.
Table events_table();
std::vector<std::string> event_row(const protocol::EventDocument& event);
/// The keys of `pg_autoctl show events --json`, and ours.
nlohmann::json event_json(const protocol::EventDocument& event);

/// The live table of `perform …`; widths fit these nodes.
Table notifications_table(const protocol::StateDocument& state);
std::vector<std::string> notification_row(const protocol::EventDocument& event, const std::string& formation_kind);

/// "2026-11-21T12:07:16.315Z" to local time by a strftime() format; what is no such time is returned as it is.
std::string local_time(const std::string& utc, const char* format);

}  // namespace autoctl::cli
