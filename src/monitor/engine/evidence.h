// Gathers what is known about each node of a group before it is judged: what the other nodes see, which standbys
// stream, and which nodes to ask.
#pragma once

#include "monitor/engine/model.h"

namespace autoctl::monitor {

/// A node whose answer is late waits for the monitor: it is not silent for that.
void excuse_late_answers(Group& group, TimePoint now);

/// Updates witnesses, stalls and verdicts of all nodes of the group.
void judge(Group& group, const Settings& settings, TimePoint now);

/// When `witness` is to be asked (again) about nodes of its group; nullopt when it can tell nothing of use.
std::optional<TimePoint> next_question(const Group& group, const Node& witness, const Settings& settings,
                                       TimePoint now);

/// Opens and closes the questions to standbys about an upstream that is under suspicion.
void ask_witnesses(Group& group, const Settings& settings, TimePoint now);

/// Takes a fresh report as the answer to the question that its node was asked, if it is one.
void take_answer(Node& node, std::uint64_t known_version, TimePoint now);

/// For half of the silence timeout nothing at all came from this node: no report, and no answer or refusal of a port of
/// its host.
bool out_of_sight(const Node& node, const Settings& settings, TimePoint now);

/// The earliest moment at which time alone puts a node that is in sight out of sight; nullopt: time alone never does.
std::optional<TimePoint> may_go_out_of_sight(const Node& node, const Settings& settings, TimePoint now);

}  // namespace autoctl::monitor
