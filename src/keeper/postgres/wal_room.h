// How much of the disk WAL may take. The available space limits what slots, wal_keep_size and the checkpoint interval
// keep, so that a standby that stays away cannot fill its primary's disk.
#pragma once

#include <cstdint>
#include <string>

#include "common/fsm/types.h"
#include "keeper/postgres/computed_settings.h"

namespace autoctl::keeper {

/// The bytes in pg_wal plus those free beside it. 0 when they cannot be determined.
std::uint64_t wal_room(const std::string& pgdata);

/// max_slot_wal_keep_size is half of `room`. Where that is little, wal_keep_size and max_wal_size are smaller than
/// usual, too. The user's settings stay, except max_wal_size as initdb wrote it. `before`: the present settings; small
/// changes of the room change nothing. Pure.
ServerSettings wal_bounds(std::uint64_t room, const UserSettings& user, const ServerSettings& before);

/// When wal_bounds() were last computed, and for which room.
struct BoundsWritten {
  std::uint64_t room = 0;  // bytes
  TimePoint at;

  /// Others would not differ, unless the user has set bounds of his own within the last minute.
  bool still_good(std::uint64_t room_now, TimePoint now) const;
};

}  // namespace autoctl::keeper
