// The application of a Citus formation: clients that commit through the coordinator, some for each group of workers and
// one whose every row is on two groups at once, and what they felt of all that was done.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/demo/client.h"

namespace autoctl::demo {

class Writers {
 public:
  struct Options {
    std::vector<Server> coordinators;
    std::string dbname = "postgres";
    int per_group = 2;
    bool distributed = true;  // false: without real sharding, the rows stay on the coordinator
  };
  /// Makes the table and finds out which rows go to which group; nothing is written yet. The workers have to be in
  /// place. Errors: of the coordinator.
  static Result<Writers> make(const Options& options);

  void start();
  void stop();
  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }

  std::size_t acknowledged() const;
  std::size_t in_doubt() const;
  /// What the writer that suffered most felt, see Client.
  Millis outage(TimePoint from, TimePoint to) const;
  Millis longest_statement(TimePoint from) const;
  std::size_t failures(TimePoint from) const;
  /// Every writer gets another `rows` rows acknowledged. False after `timeout`.
  bool progress(std::size_t rows, Millis timeout) const;
  /// Why the writers that cannot write cannot, a line each; empty while all work.
  std::string trouble() const;

  /// Acknowledged rows that are not there.
  Result<std::size_t> lost() const;
  /// Rows of the writer of two groups that only one of them has.
  Result<std::size_t> half_applied() const;

 private:
  explicit Writers(const Options& options);
  void add(const std::string& source, std::vector<std::string> twins);
  Result<> add_for_groups();

  Options options_;
  std::string coordinator_;  // conninfo
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace autoctl::demo
