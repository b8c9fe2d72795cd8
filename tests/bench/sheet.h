// What a run shall measure, and the table that it ends with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/util/result.h"

namespace autoctl::bench {

struct Options {
  int runs = 5;
  int nodes = 2;  // of autoctl's group; the peers have two
  std::vector<std::string> systems = {"autoctl", "pg_auto_failover", "patroni"};
  std::vector<std::string> scenarios = {"switchover",
                                        "switchover-dirty",
                                        "node-death",
                                        "postmaster-death",
                                        "link",
                                        "idle",
                                        "citus-switchover",
                                        "citus-worker-death",
                                        "citus-coordinator-switchover",
                                        "citus-coordinator-death"};
  bool has(const std::string& scenario) const;
};

std::string seconds(Millis time);

/// Table cells by row name and system, and the medians that ratios are made of.
class Sheet {
 public:
  void add_times(const std::string& row, const std::string& system, std::vector<Millis> times);
  void add(const std::string& row, const std::string& system, std::string cell);
  void print();

 private:
  std::string ratio(const std::string& row, const std::string& system);

  std::vector<std::string> order_, systems_;
  std::map<std::string, std::map<std::string, std::string>> cells_;
  std::map<std::string, std::map<std::string, Millis>> medians_;
};

/// The citus-… scenarios, where Postgres offers the extension; autoctl only.
Result<> measure_citus(const Options& options, Sheet& sheet);

}  // namespace autoctl::bench
