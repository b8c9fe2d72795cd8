// Gathers what is known about each node of a group before it is judged: what the others see, who streams, whom to ask.
#pragma once

#include "monitor/engine/model.h"

namespace autoctl::monitor {

/// Updates witnesses, stalls and verdicts of all nodes of the group.
void judge(Group& group, const Settings& settings, TimePoint now);

/// When `witness` is to be asked (again) about nodes of its group; nullopt when it can tell nothing of use.
std::optional<TimePoint> next_question(const Group& group, const Node& witness, const Settings& settings,
                                       TimePoint now);

/// Opens and closes the questions to standbys about an upstream that is under suspicion.
void ask_witnesses(Group& group, const Settings& settings, TimePoint now);

/// Takes a fresh report as the answer to the question that its node was asked, if it is one.
void take_answer(Node& node, std::uint64_t known_version, TimePoint now);

/// Nothing at all is heard from this node for half of the silence timeout: no report, and no port of its host answered
/// or refused.
bool out_of_sight(const Node& node, const Settings& settings, TimePoint now);

/// Of a node in sight: not before this moment does time alone put it out of sight; nullopt: time alone never does.
std::optional<TimePoint> may_go_out_of_sight(const Node& node, const Settings& settings, TimePoint now);

}  // namespace autoctl::monitor
