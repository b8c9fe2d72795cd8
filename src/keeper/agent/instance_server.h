// LocalServer on the real Postgres.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/tls/scram.h"
#include "keeper/agent/local_server.h"
#include "keeper/agent/standby_log.h"
#include "keeper/agent/standby_rights.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

class InstanceServer final : public LocalServer {
 public:
  /// Told what a reload takes in, on the worker's thread; says what came of it, as lines of the reload's answer.
  using TakenIn = std::function<std::vector<std::string>(const config::Config& config)>;

  /// All references outlive it.
  InstanceServer(Instance& postgres, const config::Config& config, const config::Files& files, StandbyRights& rights,
                 TakenIn taken_in = {})
      : postgres_(postgres),
        config_(config),
        files_(files),
        rights_(rights),
        taken_in_(std::move(taken_in)),
        log_(files.startup_log()) {}

  Observation look(const Attention& attention) override;
  Result<> carry_out(const Order& order, const SavedState& saved, const Talk& talk) override;
  std::vector<std::string> take_news() override { return postgres_.take_news(); }
  int ended_fd() const override { return postgres_.pidfd(); }

 private:
  void look_at_server(Observation& seen, const std::vector<protocol::Peer>& peers);
  void look_at_disk(Observation& seen);
  Result<> configure(const SavedState& saved);
  Result<> admit_clients(const SavedState& saved);
  Result<> replace_data(const Order& order, const SavedState& saved, const Talk& talk);
  Result<> reload(const SavedState& saved);
  Result<> create_accounts();
  Result<> keep_slots(const SavedState& saved, const Talk& talk);
  Result<> keep_roles(const SavedState& saved);

  Instance& postgres_;
  const config::Config& config_;
  const config::Files& files_;
  StandbyRights& rights_;
  tls::ScramVerifierCache own_verifier_;
  const TakenIn taken_in_;
  StandbyLog log_;
  std::optional<DiskView> disk_;  // as it was when it was read; forgotten when it may have changed
};

}  // namespace autoctl::keeper
