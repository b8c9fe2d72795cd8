// What a client knows afterwards: which rows were acknowledged, when and by which server; and what that proves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/types.h"

namespace autoctl::lab {

/// One commit that Postgres acknowledged to us.
struct Acknowledgement {
  std::int64_t id = 0;
  TimePoint sent;       // before the statement left
  TimePoint received;   // after the answer came
  int port = 0;         // of the Postgres that answered
  std::string address;  // of the Postgres that answered
  Timeline timeline;    // that it wrote on
};

/// The write outage: the largest time between two acknowledgements that follow each other, of which at least a part
/// lies between `from` and `to`. Counts the time until `to` when the last one came earlier. `in_order` is ordered by
/// `received`.
Millis largest_gap(const std::vector<Acknowledgement>& in_order, TimePoint from, TimePoint to);

/// Proof that two servers acknowledged writes at once, as a sentence; nullopt if there is none. `all` is in any order,
/// from any number of clients. Every promotion opens a new timeline, so there are two kinds of proof: two servers on
/// one timeline, or a server that acknowledges a commit which was sent after a later timeline had acknowledged one.
std::optional<std::string> find_split_brain(const std::vector<Acknowledgement>& all);

/// The ids that are in `acknowledged` and not in `present`; both sorted.
std::vector<std::int64_t> find_lost(const std::vector<Acknowledgement>& acknowledged,
                                    const std::vector<std::int64_t>& present);

}  // namespace autoctl::lab
