// The keeper's own small HTTPS port: health for load balancers, status for people.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "common/config/config.h"
#include "common/http/server.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// GET /healthz (200 while the keeper lives), /primary and /replica (200 if Postgres is that now, else 503), /v1/status
/// (the last report and the assignment). Where clients need a credential, only the node's own opens /v1/status, and
/// without it the others say yes or no and nothing else. Listens where Postgres does, with the certificate that was
/// given.
class StatusPort {
 public:
  /// `board` must outlive it. Errors: as http::Server::start(); system (the credential).
  static Result<std::unique_ptr<StatusPort>> open(const config::Config& config, const config::Files& files,
                                                  const Board& board);

  /// A reload: from now on as `config` says, with the certificate that is in its file now. Of one thread at a time;
  /// where `listen` is another, it blocks for as long as the lookup of a name there does. Errors: as
  /// http::Server::change(); then it listens where it did, and shows what it showed.
  Result<> follow(const config::Config& config);

 private:
  StatusPort(const config::Config& config, const config::Files& files, const Board& board, std::string token);
  Result<> start(const config::Config& config);
  http::Response answer(const http::Request& request) const;
  http::Standing judge(const http::Request& header) const;
  bool knows(const http::Request& request) const;
  bool tells_everything(const http::Request& request) const;

  const config::Files files_;
  const Board& board_;
  const std::string token_;               // of the node; empty: nobody has it
  const std::string certificate_;         // whom the node's own was issued to
  std::atomic<bool> open_to_all_;         // everything is told to everybody
  std::string listen_, addresses_;        // as configured, and what was found for it
  std::unique_ptr<http::Server> server_;  // ends first: its handler asks the others
};

}  // namespace autoctl::keeper
