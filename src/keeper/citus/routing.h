// What a coordinator's keeper has to do with pg_dist_node, one task at a time: the monitor's plan, the table's rows and
// the outcome of each task go in; the next task and what the monitor has to hear come out. Pure: no I/O, no clock, no
// logging. The router's thread and the simulator drive it in the same way:
//
//   follow(plan); task = next(now); do it, or break it off when overtaken(); done() | failed() | looked() | lost(); …
//
// A round ends the holds that the plan no longer asks for, looks at the table, begins the holds that the plan asks for,
// and then takes the steps that lead from the table to the plan. Steps of a group whose statements are held wait until
// its hold has ended. Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "keeper/citus/planner.h"

namespace autoctl::keeper::citus {

struct Task {
  enum class Kind : unsigned char {
    rest,     // nothing, until `until` or a new plan
    look,     // read pg_dist_node; its outcome is looked() or lost()
    check,    // ask the session of this group's hold for a sign of life
    commit,   // the move that the hold has made; its session ends in either case
    release,  // take that move back; its session ends in either case
    hold,     // begin a transaction on a session of its own, and move the row in it
    step,     // change the table
  };
  Kind kind = Kind::rest;
  GroupId group = 0;    // all but rest and look
  NodeId target;        // holds: the node that the group's statements wait for
  TableStep step;       // hold, step
  bool shards = false;  // look: also ask which rows hold shards
  TimePoint until;      // rest
};

/// What the monitor hears. nullopt: this node has no part in it.
struct Word {
  std::optional<protocol::CitusFacts> facts;
  bool urgent = false;
};

class Routing {
 public:
  /// The newest plan. nullopt: this node is not to touch the table any more; the caller ends all sessions at once, and
  /// with them every hold.
  void follow(std::optional<protocol::CitusPlan> plan);

  /// What to do now: the same until its outcome is told.
  Task next(TimePoint now);
  /// True if the task under way is in the way of something more important, seen that this is the newest plan: a worker
  /// that does not answer must not keep the others' statements from moving.
  bool overtaken(const std::optional<protocol::CitusPlan>& newest) const;

  /// `findings`: what else is not as it should be, a sentence each.
  void looked(std::vector<Row> rows, std::vector<std::string> findings, TimePoint now);
  void done(TimePoint now);
  void failed(const std::string& why, TimePoint now);
  /// The table cannot be looked at, or the session for looks and steps not be had.
  void lost(TimePoint now);

  /// What the monitor has to hear now; nullopt if that has not changed since it was last asked for.
  std::optional<Word> take_word();
  /// Sentences for the log: each trouble and each drift once.
  std::vector<std::string> take_news();

 private:
  enum class Stage : unsigned char { resting, ending_holds, looking, beginning_holds, stepping, looking_again };
  /// What was found to differ though the plan had been carried out.
  struct Drift {
    std::string what;
    TimePoint at;
  };

  void begin_round();
  void go_on(TimePoint now);
  void end_round(bool all, TimePoint now);
  std::vector<Task> fates_of_holds() const;
  std::vector<Task> holds_to_begin() const;
  std::optional<Task> hold_to_begin(const protocol::CitusRoute& route) const;
  Task look() const;
  Comparison compare_unheld() const;
  void take_in(TimePoint now);
  void trouble(GroupId group, const std::string& what, const std::string& words);
  void note_drift(const std::string& what, TimePoint now);
  void report(const Comparison& seen);

  std::optional<protocol::CitusPlan> newest_;
  protocol::CitusPlan plan_;  // that this round carries out
  Stage stage_ = Stage::resting;
  std::deque<Task> tasks_;  // of this stage; the first is under way
  TimePoint rest_until_;
  bool all_ = true;  // of this round has succeeded
  int failures_ = 0;

  std::vector<Row> rows_;
  std::vector<std::string> findings_;
  std::map<GroupId, NodeId> holds_;  // whom the group's statements wait for
  std::map<GroupId, std::string> troubles_;
  std::vector<Drift> drift_;
  std::optional<protocol::CitusPlan> carried_out_;  // the plan that the table has followed
  std::optional<protocol::CitusFacts> facts_, told_;
  std::vector<std::string> news_;
};

}  // namespace autoctl::keeper::citus
