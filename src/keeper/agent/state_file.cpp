#include "keeper/agent/state_file.h"

#include <nlohmann/json.hpp>

#include "common/protocol/protocol.h"

namespace autoctl::keeper {

Result<SavedState> load_state(const config::Files& files) {
  const auto text = config::read_file(files.state());
  if (!text) return fail(text.error());
  try {
    const auto json = nlohmann::json::parse(*text);
    SavedState saved;
    const auto name = json.at("state").get<std::string>();
    const auto state = parse_node_state(name);
    if (!state)
      return fail(Errc::bad_config, files.state() + ": \"" + name + "\" is no state of a node",
                  "another version of autoctl wrote it");
    saved.state = *state;
    saved.term = Term{json.at("term").get<std::uint64_t>()};
    json.at("goal").get_to(saved.goal);
    saved.lease_required = json.at("lease_required").get<bool>();
    saved.strict_lease = json.value("strict_lease", false);
    json.at("peers").get_to(saved.peers);
    json.at("neighbours").get_to(saved.neighbours);
    json.at("standing").get_to(saved.standing);
    saved.epoch = json.at("epoch").get<std::uint64_t>();
    return saved;
  } catch (const std::exception& error) {
    return fail(Errc::bad_config, files.state() + " is damaged: " + error.what(),
                "the monitor has the truth: drop this node there and create it again over its data directory");
  }
}

Result<> save_state(const config::Files& files, const SavedState& saved) {
  const nlohmann::json json = {
      {"state", to_string(saved.state)},        {"term", saved.term.value},           {"goal", saved.goal},
      {"lease_required", saved.lease_required}, {"strict_lease", saved.strict_lease}, {"peers", saved.peers},
      {"neighbours", saved.neighbours},         {"standing", saved.standing},         {"epoch", saved.epoch}};
  return config::write_file(files.state(), json.dump(2) + "\n");
}

}  // namespace autoctl::keeper
