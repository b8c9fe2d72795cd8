#include "copies.h"

namespace autoctl::simulator {

void Copies::make(int node) {
  const Keeper& keeper = keepers_[static_cast<std::size_t>(node)];
  copies_.push_back({.node = node, .imprint = keeper.imprint()});
  kernel_.trace.note(kernel_.now, servers_.group_of(node), servers_.place_of(node), "IS COPIED");
  ++kernel_.tally.faults;
  kernel_.post(
      seconds(1),
      {.what = What::copy_turn, .generation = generation_, .value = static_cast<std::int64_t>(copies_.size()) - 1});
}

bool Copies::is_outdated(const Copy& copy) const {
  return store_.node(servers_.id_of(copy.node)).instance.number > copy.imprint.instance.number;
}

void Copies::on_turn(const Event& event) {
  if (event.generation != generation_) return;
  Copy& copy = copies_[static_cast<std::size_t>(event.value)];
  if (!copy.started && is_outdated(copy)) start(copy);
  if (copy.started) ask(copy);
  kernel_.post(kernel_.random.between(ms(500), seconds(1)), event);
}

void Copies::start(Copy& copy) {
  keeper::InstanceChain chain(copy.imprint.instance, "machine of a copy");
  copy.imprint.instance = chain.with_link("link " + std::to_string(++post_.links));
  copy.imprint.instance.place = "machine of a copy";
  ++copy.imprint.state.epoch;
  copy.connection = ++post_.connections;
  copy.started = true;
  kernel_.trace.note(kernel_.now, servers_.group_of(copy.node), servers_.place_of(copy.node), "ITS COPY STARTS");
}

void Copies::ask(Copy& copy) {
  protocol::Report report;
  report.epoch = copy.imprint.state.epoch;
  report.sequence = ++copy.sequence;
  report.wait = true;
  report.host = "copy";
  report.port = 5432;
  report.instance = copy.imprint.instance;
  report.facts.state = copy.imprint.state.state;
  report.facts.term = copy.imprint.state.term;
  report.facts.system_id = SystemId{1};
  report.memory = protocol::Memory{copy.imprint.state.goal, copy.imprint.state.peers, copy.imprint.state.neighbours};
  kernel_.post(kernel_.random.skewed(100, ms(60)), {.what = What::report_arrives,
                                                    .value = post_.reports.put({.report = std::move(report),
                                                                                .token = copy.imprint.token,
                                                                                .connection = copy.connection,
                                                                                .copy_of = copy.node})});
}

}  // namespace autoctl::simulator
