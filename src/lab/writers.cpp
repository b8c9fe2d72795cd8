#include "lab/writers.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "lab/processes.h"

namespace autoctl::lab {
namespace {

constexpr Millis query_timeout{30'000};
// Longer than any pause that a switchover may make: how long a statement takes is what we want to know.
constexpr Millis statement_timeout{60'000};

// A source's rows are all in one shard, and so on one group: names are tried until each group has enough of them.
constexpr const char* groups_of_sources =
    "SELECT source, groupid FROM (SELECT 'writer_' || i AS source, i FROM generate_series(1, 500) i) s "
    "JOIN pg_dist_placement p ON p.shardid = get_shard_id_for_distribution_column('autoctl_demo.written', source) "
    "ORDER BY i";

}  // namespace

Result<int> active_workers(const std::string& coordinator) {
  auto connection = pg::Connection::open(coordinator, query_timeout);
  if (!connection) return fail(std::move(connection.error()));
  const auto rows = connection->query("SELECT count(*) FROM citus_get_active_worker_nodes()", query_timeout);
  if (!rows) return fail(rows.error());
  return static_cast<int>(rows->number(0, 0));
}

Writers::Writers(const Options& options) : options_(options), server_(conninfo(options.servers, options.dbname)) {}

Result<Writers> Writers::make(const Options& options) {
  Writers writers(options);
  AUTOCTL_TRY(WritingClient::prepare(writers.server_));
  if (options.distributed) {
    AUTOCTL_TRY(WritingClient::distribute(writers.server_));
    AUTOCTL_TRY(writers.add_for_groups());
  } else {
    for (int i = 1; i <= options.per_group; ++i) writers.add("writer_" + std::to_string(i), {});
  }
  return writers;
}

Result<> Writers::add_for_groups() {
  auto connection = pg::Connection::open(server_, query_timeout);
  if (!connection) return fail(std::move(connection.error()));
  const auto rows = connection->query(groups_of_sources, query_timeout);
  if (!rows) return fail(rows.error());
  std::map<std::int64_t, std::vector<std::string>> sources;
  for (int row = 0; row < rows->size(); ++row) sources[rows->number(row, 1)].push_back(rows->text(row, 0));
  std::vector<std::string> one_of_each;
  const auto enough = static_cast<std::size_t>(options_.per_group);
  for (const auto& [group, names] : sources) {
    if (names.size() <= enough) return fail(Errc::internal, "too few names were tried for the number of groups");
    for (std::size_t i = 0; i < enough; ++i) add(names[i], {});
    one_of_each.push_back(names[enough]);
  }
  if (one_of_each.size() > 1) add(one_of_each[0], {one_of_each[1]});
  return {};
}

void Writers::add(const std::string& source, std::vector<std::string> twins) {
  ClientOptions client;
  client.source = source;
  client.twins = std::move(twins);
  client.servers = options_.servers;
  client.dbname = options_.dbname;
  client.distributed = options_.distributed;
  client.statement_timeout = statement_timeout;
  client.interval = options_.interval;
  clients_.push_back(std::make_unique<WritingClient>(std::move(client)));
}

void Writers::start() {
  for (const auto& client : clients_) client->start();
}

void Writers::stop() {
  for (const auto& client : clients_) client->stop();
}

std::size_t Writers::acknowledged() const {
  std::size_t sum = 0;
  for (const auto& client : clients_) sum += client->acknowledged();
  return sum;
}

std::size_t Writers::in_doubt() const {
  std::size_t sum = 0;
  for (const auto& client : clients_) sum += client->in_doubt();
  return sum;
}

Millis Writers::outage(TimePoint from, TimePoint to) const {
  Millis longest{0};
  for (const auto& client : clients_) longest = std::max(longest, client->outage(from, to));
  return longest;
}

Millis Writers::service_outage(TimePoint from, TimePoint to) const {
  std::vector<Acknowledgement> all;
  for (const auto& client : clients_) std::ranges::copy(client->acknowledgements(), std::back_inserter(all));
  std::ranges::sort(all, {}, &Acknowledgement::received);
  return largest_gap(all, from, to);
}

Millis Writers::longest_statement(TimePoint from) const {
  Millis longest{0};
  for (const auto& client : clients_) longest = std::max(longest, client->longest_statement(from));
  return longest;
}

std::vector<Failure> Writers::failures(TimePoint from) const {
  std::vector<Failure> all;
  for (const auto& client : clients_) {
    const auto its = client->failures(from);
    all.insert(all.end(), its.begin(), its.end());
  }
  std::ranges::sort(all, {}, &Failure::ended);
  return all;
}

std::vector<std::size_t> Writers::counts_after(std::size_t rows) const {
  std::vector<std::size_t> counts;
  for (const auto& client : clients_) counts.push_back(client->acknowledged() + rows);
  return counts;
}

bool Writers::reached(const std::vector<std::size_t>& counts) const {
  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (clients_[i]->acknowledged() < counts[i]) return false;
  return true;
}

bool Writers::progress(std::size_t rows, Millis timeout) const {
  return eventually(timeout, [this, counts = counts_after(rows)] { return reached(counts); });
}

std::string Writers::trouble() const {
  std::string lines;
  for (const auto& client : clients_)
    if (const auto trouble = client->trouble(); !trouble.empty())
      lines += client->options().source + ": " + trouble + "\n";
  return lines;
}

Result<std::size_t> Writers::lost() const {
  std::size_t sum = 0;
  for (const auto& client : clients_) {
    const auto lost = client->lost(server_);
    if (!lost) return fail(lost.error());
    sum += lost->size();
  }
  return sum;
}

Result<std::size_t> Writers::half_applied() const {
  std::size_t sum = 0;
  for (const auto& client : clients_) {
    if (client->options().twins.empty()) continue;
    const auto half = client->half_applied(server_);
    if (!half) return fail(half.error());
    sum += half->size();
  }
  return sum;
}

}  // namespace autoctl::lab
