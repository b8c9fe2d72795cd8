// The members of a formation in patronictl's words, and the one of them that is meant. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/output/sheet.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// Leader; Sync Standby, which every commit waits for; Quorum Standby, one of several of which some are enough; Replica.
std::string member_role(const protocol::StateDocument& state, const protocol::NodeDocument& node);
/// running, streaming, creating replica, …; of a node that is not heard: stopped, or what is thought of it.
std::string member_state(const protocol::NodeDocument& node);

/// By so many bytes a standby is behind what its primary has reported. nullopt: nobody knows, or it is no standby.
std::optional<std::uint64_t> lag_of(const protocol::StateDocument& state, const protocol::NodeDocument& node);

/// `list`: one row a node of `formation`; of `group` only where one is given.
Sheet members_sheet(const protocol::StateDocument& state, const std::string& formation, std::optional<GroupId> group);
/// `topology`: the same with each primary first, and below it what follows it.
Sheet topology_sheet(const protocol::StateDocument& state, const std::string& formation, std::optional<GroupId> group);

/// Who is meant by --role or --member, of one group.
struct MemberChoice {
  std::string role;    // leader, primary, standby, replica, any; empty: leader
  std::string member;  // a name; then `role` is empty
};
/// The first that is meant and can be connected to. Errors: not_found; conflict (the one that is named is away).
Result<const protocol::NodeDocument*> choose_member(const protocol::StateDocument& state, const MemberChoice& choice);

}  // namespace autoctl::cli
