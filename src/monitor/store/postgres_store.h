// The store in the monitor's own Postgres: schema autoctl, one connection, one writer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "common/pg/connection.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

/// What autoctl.api_endpoint() tells a node that found the monitor by its libpq URI.
struct ApiEndpoint {
  std::string url;
  std::string ca_pem;
  /// The credential that it hands out now; none with --auth trust. It is another one every few minutes.
  std::function<std::string()> entry_credential;
};

/// What autoctl.api_endpoint() hands out from now on, if it is not that already. `entry_credential`: nullopt: none.
Result<> hand_out(pg::Connection& connection, const std::optional<std::string>& entry_credential,
                  const std::string& ca_pem);

class PostgresStore final : public Store {
 public:
  PostgresStore(std::string conninfo, ApiEndpoint endpoint);

  /// Also runs the migrations, and creates the monitor's identity the first time.
  Result<Image> load() override;
  Result<> commit(const Change& change) override;
  Result<std::vector<protocol::EventDocument>> events(const EventQuery& query) override;

 private:
  Result<> connect();
  Result<> introduce();
  Result<Image> read_image();
  Result<> write(const Change& change);
  Result<> trim_events(std::int64_t last_event);

  const std::string conninfo_;
  const ApiEndpoint endpoint_;
  std::optional<pg::Connection> connection_;  // none while in doubt
  std::int64_t trimmed_at_ = 0;               // last event id at the last trim
};

}  // namespace autoctl::monitor
