// How many requests a second one sender may cost the monitor. A node whose credential is in wrong hands, or whose keeper has
// gone mad, costs the others nothing. Deterministic: time is handed in. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/fsm/types.h"

namespace autoctl::monitor {

/// So many tokens at most, which come back at a steady rate; each request takes one.
class Bucket {
 public:
  bool take(double per_second, double most, TimePoint now);
  /// It is as if nobody had ever taken one.
  bool is_full(double per_second, double most, TimePoint now) const;

 private:
  double level_at(double per_second, double most, TimePoint now) const;

  double missing_ = 0;
  TimePoint at_;
};

class Budgets {
 public:
  /// A keeper sends one report for each heartbeat, ten a second at the fastest, and some when its state changes.
  static constexpr double per_sender = 50;
  static constexpr double per_formation = 2'000;
  /// So many seconds' worth may come at once.
  static constexpr double seconds_at_once = 2;
  static constexpr std::size_t senders_max = 10'000;
  static constexpr Millis news_interval{60'000};

  struct Sender {
    std::string name;       // "node 7", "token 3", "10.0.0.9"
    NodeId node;            // 0 = no node
    std::string formation;  // of the node; empty: of none
  };
  struct News {
    NodeId node;
    std::string words;  // without the sender's name
    std::string name;
  };

  /// False: this request is more than it may cost.
  bool spend(const Sender& sender, TimePoint now);
  /// Who spent too much since the last call; of each once in a while.
  std::vector<News> news(TimePoint now);

 private:
  struct Account {
    Bucket bucket;
    Sender sender;
    std::size_t refused = 0;  // since it was told
    TimePoint told;
  };

  void forget_idle(TimePoint now);

  std::map<std::string, Account> accounts_;
  std::map<std::string, Bucket> formations_;
};

}  // namespace autoctl::monitor
