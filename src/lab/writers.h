// The application of the demonstration and of the tests, and what it noticed of all that was done. On a Citus
// formation, its clients commit through the coordinator: some for each group of workers, and one whose rows are each on
// two groups at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/writing_client.h"

namespace autoctl::lab {

/// How many groups of workers take part in distributed statements. Errors: of the coordinator, a conninfo.
Result<int> active_workers(const std::string& coordinator);

class Writers {
 public:
  struct Options {
    std::vector<ServerAddress> servers;  // of a Citus formation the coordinators
    std::string dbname = "postgres";
    int per_group = 1;
    bool distributed = false;  // the rows are on Citus workers
    Millis interval = ClientOptions{}.interval;
  };
  /// Makes the table and finds out which rows go to which group; nothing is written yet. The workers have to be in
  /// pg_dist_node. Errors: of the server.
  static Result<Writers> make(const Options& options);

  void start();
  void stop();
  const std::vector<std::unique_ptr<WritingClient>>& clients() const { return clients_; }

  std::size_t acknowledged() const;
  std::size_t in_doubt() const;
  /// What the writer that suffered most noticed, see WritingClient.
  Millis outage(TimePoint from, TimePoint to) const;
  /// The time in which none of them had a row acknowledged.
  Millis service_outage(TimePoint from, TimePoint to) const;
  Millis longest_statement(TimePoint from) const;
  std::vector<Failure> failures(TimePoint from) const;
  /// What each client has when it has got another `rows` rows acknowledged; and whether all have got that far.
  std::vector<std::size_t> counts_after(std::size_t rows) const;
  bool reached(const std::vector<std::size_t>& counts) const;
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
  std::string server_;  // conninfo
  std::vector<std::unique_ptr<WritingClient>> clients_;
};

}  // namespace autoctl::lab
