#include "keeper/agent/own_certificates.h"

#include <algorithm>

#include "common/config/own_port.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/port_probe.h"
#include "common/tls/certificate.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// How soon a replaced file is seen.
constexpr Millis tick{250};
/// Somebody may tell Postgres to use another file, or none.
constexpr Millis look_interval{5'000};
constexpr Millis retry_interval{1'000};
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

std::vector<SocketAddress> addresses_of_postgres(const config::Config& config, int port) {
  std::vector<SocketAddress> addresses;
  const std::string list = config::api_addresses(config);
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const auto found = resolve(list.substr(begin, end - begin), {.port = port, .numeric_only = true});
    if (found) addresses.insert(addresses.end(), found->begin(), found->end());
    begin = end + 1;
  }
  return addresses;
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

bool CertificateWatch::Identity::is(const Identity& other) const {
  return postmaster == other.postmaster && inode == other.inode && size == other.size &&
         changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
}

CertificateWatch::CertificateWatch(Board& board, const config::Config& config, const config::Files& files)
    : board_(board), config_(config), files_(files), of_port_(certificates_of_own_port(config, files)), thread_([this] {
        watch();
      }) {}

CertificateWatch::~CertificateWatch() {
  thread_.join();
}

void CertificateWatch::watch() {
  while (!board_.stopping()) {
    const Identity now = identity();
    if (now.postmaster != 0 && (!now.is(seen_) || Clock::now() >= next_look_)) {
      seen_ = now;
      look();
    }
    board_.pause(tick);
  }
}

CertificateWatch::Identity CertificateWatch::identity() const {
  Identity now{.postmaster = pid_of(postgres::read_lock_file(files_.pgdata))};
  struct stat info {};
  if (::stat(file_.c_str(), &info) != 0) return now;
  now.inode = info.st_ino;
  now.size = info.st_size;
  now.changed = info.st_ctim;
  return now;
}

/// Where it does not answer, the last that is known stays.
void CertificateWatch::look() {
  const auto fresh = config::load(files_);
  const config::Config& config = fresh ? *fresh : config_;
  file_ = config.ssl.server_cert.empty() ? files_.pgdata + "/server.crt" : config.ssl.server_cert;
  const auto lock = postgres::read_lock_file(files_.pgdata);
  const auto shown =
      lock ? postgres::certificate_of_postgres(addresses_of_postgres(config, lock->port), handshake_timeout)
           : std::nullopt;
  const bool same_server = pid_of(postgres::read_lock_file(files_.pgdata)) == pid_of(lock);
  next_look_ = Clock::now() + (shown && same_server ? look_interval : retry_interval);
  if (!shown || !same_server) return;
  protocol::ShownCertificates certificates{*shown, of_port_};
  if (!shown->empty()) add_file(certificates.postgres, file_);
  board_.set_certificates(std::move(certificates));
}

}  // namespace autoctl::keeper
