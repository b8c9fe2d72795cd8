// How much of the disk WAL may take: what slots, wal_keep_size and the checkpoint interval keep is bounded by the room
// there is, so that a standby that stays away cannot fill its primary's disk.
#pragma once

#include <cstdint>
#include <string>

#include "keeper/postgres/include_file.h"

namespace autoctl::keeper {

/// Bytes that WAL has or could have: what pg_wal holds, and what is free beside it. 0 when it cannot be told.
std::uint64_t wal_room(const std::string& pgdata);

/// max_slot_wal_keep_size is half of `room`. Where that is little, wal_keep_size and max_wal_size are smaller than
/// usual, too. What the user has set stays, but for max_wal_size as initdb wrote it. `before`: what is set now; small
/// changes of the room change nothing. Pure.
Settings wal_bounds(std::uint64_t room, const UserSettings& user, const Settings& before);

}  // namespace autoctl::keeper
