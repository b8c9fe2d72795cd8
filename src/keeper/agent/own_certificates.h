// By which certificates this node is known, so that no stranger passes for it at its address.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "common/config/config.h"
#include "common/config/files.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"

namespace autoctl::keeper {

/// Of the keeper's own port: those of which it has one, as config::api_certificate_file() and its way out say.
std::vector<Fingerprint> certificates_of_own_port(const config::Config& config, const config::Files& files);

/// A thread of its own: a Postgres that hangs holds up nothing else. It shakes hands with this node's Postgres as a
/// stranger would, because a file may have been replaced and not been read yet. The certificate in the file counts, too:
/// the next reload puts it in force, and a node must be known by it from that moment on.
class CertificateWatch {
 public:
  /// All must outlive it. Board::stop() ends it.
  CertificateWatch(Board& board, const LiveConfig& config, const config::Files& files);
  ~CertificateWatch();

 private:
  /// Of a file that was replaced.
  struct Stamp {
    std::string path;
    std::uint64_t inode = 0;
    std::int64_t size = 0, changed = 0;  // bytes; ns
    bool operator==(const Stamp&) const = default;
  };
  struct Identity {
    pid_t postmaster = 0;
    Stamp of_postgres, of_port;
    std::array<Stamp, 3> settings;  // which may name another file for Postgres, or none
    bool operator==(const Identity&) const = default;
  };
  static Stamp stamp_of(const std::string& path);

  void watch();
  Identity identity(const config::Config& config) const;
  void look(const config::Config& config);

  Board& board_;
  const LiveConfig& config_;
  const config::Files& files_;
  Identity seen_;
  TimePoint changed_at_, next_look_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
