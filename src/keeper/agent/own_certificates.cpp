#include "keeper/agent/own_certificates.h"

#include <sys/stat.h>

#include <algorithm>

#include "common/config/own_port.h"
#include "common/postgres/include_file.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/port_probe.h"
#include "common/tls/certificate.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// How soon a replaced file is seen.
constexpr Millis file_tick{1'000};
/// Postgres may be told to read it only later,
constexpr Millis certificate_interval{5'000};
constexpr Millis restless_for{60'000};
/// or to use a file that is not looked at here.
constexpr Millis calm_certificate_interval{30'000};
constexpr Millis certificate_retry_interval{1'000};
constexpr Millis handshake_timeout{1'000};

void add(std::vector<Fingerprint>& certificates, const Fingerprint& one) {
  const bool known = std::ranges::find(certificates, one) != certificates.end();
  if (!known && certificates.size() < protocol::certificates_max) certificates.push_back(one);
}

void add_file(std::vector<Fingerprint>& certificates, const std::string& file) {
  const auto text = config::read_file(file);
  const auto found = text ? tls::inspect_certificate(*text) : fail(text.error());
  if (const auto fingerprint = found ? Fingerprint::parse(found->sha256) : std::nullopt)
    add(certificates, *fingerprint);
}

std::string certificate_file_of_postgres(const config::Config& config, const config::Files& files) {
  return config.ssl.server_cert.empty() ? files.pgdata + "/server.crt" : config.ssl.server_cert;
}

pid_t pid_of(const std::optional<postgres::LockFile>& lock) {
  return lock ? lock->pid : 0;
}

}  // namespace

std::vector<Fingerprint> certificates_of_own_port(const config::Config& config, const config::Files& files) {
  std::vector<Fingerprint> certificates;
  add_file(certificates, config::api_certificate_file(config, files));
  add_file(certificates, files.certificate());
  return certificates;
}

CertificateWatch::CertificateWatch(Board& board, const LiveConfig& config, const config::Files& files)
    : board_(board), config_(config), files_(files), thread_([this] { watch(); }) {}

CertificateWatch::~CertificateWatch() {
  thread_.join();
}

void CertificateWatch::watch() {
  while (!board_.stopping()) {
    const config::Config config = config_.now();
    const Identity now = identity(config);
    if (now != seen_) changed_at_ = Clock::now();
    if (now.postmaster != 0 && (now != seen_ || Clock::now() >= next_look_)) look(config);
    seen_ = now;
    board_.pause(file_tick);
  }
}

CertificateWatch::Identity CertificateWatch::identity(const config::Config& config) const {
  return {.postmaster = pid_of(postgres::read_lock_file(files_.pgdata)),
          .of_postgres = stamp_of(certificate_file_of_postgres(config, files_)),
          .of_port = stamp_of(config::api_certificate_file(config, files_)),
          .settings = {stamp_of(files_.pgdata + "/postgresql.conf"), stamp_of(files_.pgdata + "/postgresql.auto.conf"),
                       stamp_of(files_.pgdata + "/" + postgres::include_name)}};
}

CertificateWatch::Stamp CertificateWatch::stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {.path = path};
  return {.path = path,
          .inode = info.st_ino,
          .size = info.st_size,
          .changed = info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec};
}

/// Where it does not answer, the last that is known stays.
void CertificateWatch::look(const config::Config& config) {
  const auto lock = postgres::read_lock_file(files_.pgdata);
  const auto shown =
      lock ? postgres::certificate_of_postgres(config::postgres_addresses(config, lock->port), handshake_timeout)
           : std::nullopt;
  const bool same_server = pid_of(postgres::read_lock_file(files_.pgdata)) == pid_of(lock);
  const Millis interval = Clock::now() - changed_at_ < restless_for ? certificate_interval : calm_certificate_interval;
  next_look_ = Clock::now() + (shown && same_server ? interval : certificate_retry_interval);
  if (!shown || !same_server) return;
  protocol::ShownCertificates certificates{*shown, certificates_of_own_port(config, files_)};
  if (!shown->empty()) add_file(certificates.postgres, certificate_file_of_postgres(config, files_));
  board_.set_certificates(std::move(certificates));
}

}  // namespace autoctl::keeper
