// What goes wrong, at random, as long as a round of faults lasts; and how all of it ends.
#pragma once

#include <vector>

#include "copies.h"
#include "monitor_host.h"

namespace autoctl::simulator {

class Faults {
 public:
  Faults(Kernel& kernel, PretendedNetwork& network, Servers& servers, std::vector<Keeper>& keepers,
         MonitorHost& monitor, Copies& copies)
      : kernel_(kernel), network_(network), servers_(servers), keepers_(keepers), monitor_(monitor), copies_(copies) {}

  /// Somebody also promotes standbys by hand.
  bool promotions_by_hand = false;
  /// Servers hang, too.
  bool hangs = false;
  /// The monitor is overloaded, too.
  bool overloads = false;
  /// Machines freeze, too; else they are switched off instead.
  bool freezes = true;
  /// Operators ask for switchovers more often than anything goes wrong.
  bool many_switchovers = false;

  void begin(Micros until);
  /// Everything is switched on, thawed and connected; nothing new goes wrong.
  void end();
  /// One node is lost until then, in some way; nothing else goes wrong.
  void lose(int node, Micros until);
  /// The same, with all that its host has.
  void lose_host(int node, Micros until);

  void on_group(const Event& event);
  /// Something that a fault would be bad for has just begun in one of these groups.
  void on_delicate_moment(int group, int other_group);
  void on_monitor(const Event& event);
  void on_node_boots(const Event& event);

 private:
  void note(int node, std::string_view what, Micros duration = 0);
  Micros some_time(Micros longest) { return kernel_.random.skewed(ms(20), longest); }
  int another_node(int node);
  void strike(int node);
  void ask_for_switchover(int node);
  void lay_hands_on(int node);
  bool promote_by_hand(int node);
  void switch_off(int node);
  void freeze(int node);
  void hang(int node, Micros until);
  void cut_from_monitor(int node, Micros until);
  void cut_from_peer(int node);
  void isolate(int node, Micros until);

  Kernel& kernel_;
  PretendedNetwork& network_;
  Servers& servers_;
  std::vector<Keeper>& keepers_;
  MonitorHost& monitor_;
  Copies& copies_;
  Micros until_ = 0;
  Micros interval_ = 0;  // between two faults of a group, about
};

}  // namespace autoctl::simulator
