// By which certificates this node is known, so that no stranger passes for it at its address.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/config/config.h"
#include "common/config/files.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// Of the keeper's own port: those of which it has one, as config::api_certificate_file() and its way out say.
std::vector<Fingerprint> certificates_of_own_port(const config::Config& config, const config::Files& files);

/// A thread of its own: a Postgres that hangs holds up nothing else. It shakes hands with this node's Postgres as a
/// stranger would, because a file may have been replaced and not been read yet. The certificate in the file counts, too:
/// the next reload puts it in force, and a node must be known by it from that moment on.
class CertificateWatch {
 public:
  /// All must outlive it. Board::stop() ends it.
  CertificateWatch(Board& board, const config::Config& config, const config::Files& files);
  ~CertificateWatch();

 private:
  /// Of a file or a server that was replaced.
  struct Identity {
    pid_t postmaster = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};
    bool is(const Identity& other) const;
  };

  void watch();
  Identity identity() const;
  void look();

  Board& board_;
  const config::Config& config_;
  const config::Files& files_;
  const std::vector<Fingerprint> of_port_;
  std::string file_;  // that Postgres reads
  Identity seen_;
  TimePoint next_look_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
