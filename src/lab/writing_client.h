// The clients of the demonstration and of the tests: one application that writes all the time, and one client per node
// that tries to write to it whether it is the primary or not.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/pg/connection.h"
#include "lab/acknowledgement.h"

namespace autoctl::lab {

/// Where a Postgres listens.
struct ServerAddress {
  std::string host;
  int port = 0;
};

/// A libpq conninfo for `servers`, tried in this order; target_session_attrs=read-write finds the primary among them.
std::string conninfo(const std::vector<ServerAddress>& servers, const std::string& dbname,
                     const std::string& target_session_attrs = "read-write");

struct ClientOptions {
  std::string source = "writer";   // tells the rows of several clients apart
  std::vector<std::string> twins;  // further sources: every row is written for them too, in the same transaction
  std::vector<ServerAddress> servers;
  std::string dbname = "postgres";
  bool any_server = false;    // write to any server that answers, primary or not
  bool distributed = false;   // the rows are on Citus workers, which cannot tell which coordinator wrote them
  Millis interval{5};         // between one answer and the next commit
  Millis retry_interval{20};  // between tries to connect
  Millis open_timeout{1000};
  Millis statement_timeout{1000};
};

/// A statement that ended with an error, or without an answer.
struct Failure {
  TimePoint sent;
  TimePoint ended;
  std::string message;
};

/// Commits rows one after the other, in a thread of its own, and never the same row twice: a row whose answer did not
/// come is in doubt and the next one gets a new id. All public members are thread-safe.
class WritingClient {
 public:
  explicit WritingClient(ClientOptions options);
  ~WritingClient();  // stops
  WritingClient(const WritingClient&) = delete;
  WritingClient& operator=(const WritingClient&) = delete;

  /// Creates the table that all clients write to. Once, before any start(), on a running primary.
  static Result<> prepare(const std::string& server);
  /// Makes that table a distributed one, all rows of one source in one shard. On a coordinator, once its workers are
  /// there.
  static Result<> distribute(const std::string& server);

  void start();
  void stop();

  const ClientOptions& options() const { return options_; }
  /// Ordered by `received`.
  std::vector<Acknowledgement> acknowledgements() const;
  std::size_t acknowledged() const;
  std::size_t in_doubt() const { return in_doubt_; }
  /// Largest gap between acknowledged commits, see largest_gap().
  Millis outage(TimePoint from, TimePoint to) const;
  /// Statements that failed since `from`; failed connection attempts do not count.
  std::vector<Failure> failures(TimePoint from) const;
  /// The longest time from sending a statement to its answer, whichever it was, of those that ended since `from`.
  Millis longest_statement(TimePoint from) const;
  /// Why the last try failed; empty while it works.
  std::string trouble() const;

  /// Acknowledged rows that are not on the server that the conninfo `server` leads to.
  Result<std::vector<std::int64_t>> lost(const std::string& server) const;
  /// Rows that exist for some of source and twins, but not for all.
  Result<std::vector<std::int64_t>> half_applied(const std::string& server) const;

 private:
  void work();
  bool connect();
  void write_row();
  void note_failure(TimePoint sent, const std::string& message);
  void note(std::string trouble);

  const ClientOptions options_;
  std::atomic<std::size_t> in_doubt_ = 0;
  const std::string insert_row_;
  mutable std::mutex mutex_;  // guards the next three
  std::vector<Acknowledgement> acknowledgements_;
  std::vector<Failure> failures_;
  std::string trouble_;
  // The thread's own.
  std::vector<ServerAddress> servers_;  // in the order in which they are tried
  std::optional<pg::Connection> connection_;
  std::int64_t next_id_ = 1;
  std::jthread thread_;
};

}  // namespace autoctl::lab
