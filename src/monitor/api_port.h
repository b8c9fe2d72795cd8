// Where the monitor's API listens and what it shows, as a reload may change it.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/http/server.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

class ApiPort {
 public:
  /// `server` runs as `config` says, and must outlive it. `endpoint`: what nodes are told to trust.
  ApiPort(http::Server& server, const config::Config& config, const ApiEndpoint& endpoint);

  /// From now on it listens where `config` says (the port stays), and shows the certificate that is in its file now. Not
  /// one that the nodes, who know what to trust since they joined, would not believe: it would cut all of them off.
  /// Where `listen` is another, it blocks for as long as the lookup of a name there does. Errors: those of
  /// http::Server::change(); denied. Then all is as it was.
  Result<> follow(const config::Config& config, const config::Files& files);

 private:
  http::Server& server_;
  const std::string trusted_, host_;
  std::string listen_, addresses_;  // as configured, and what was found for it
};

}  // namespace autoctl::monitor
