#include "keeper/agent/pulse.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/postgres/lock_file.h"
#include "common/postgres/port_probe.h"
#include "common/postgres/proc.h"
#include "common/util/descriptor.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper {

namespace {

constexpr Millis judge_tick{250};
/// Between two probes: a session costs a millisecond, so that they are few while all is well.
constexpr Millis calm_probe_interval{4000};
constexpr Millis alert_probe_interval{2000};
/// How long one attempt waits; the longer one where the last got nowhere under load, so as not to add to it.
constexpr Millis session_timeout{3000};
constexpr Millis patient_session_timeout{10'000};

/// A ready process that gets no processor is load; one that sleeps, hangs in the kernel or was stopped, while we knock,
/// is not.
bool stood_still(const postgres::proc::Activity& before, const postgres::proc::Activity& after) {
  return before.state != '?' && after.state != '?' && after.state != 'R' && after.switches == before.switches;
}

/// Does the postmaster still make a process for a stranger? Each knock is answered before anything of the data is read.
bool answers_strangers(const postgres::LockFile& lock, Millis timeout) {
  const auto address = socket_at(lock.socket_directory + "/.s.PGSQL." + std::to_string(lock.port));
  if (!address) return true;
  const PortState found = postgres::probe_postgres({*address}, timeout);
  return found == PortState::open || found == PortState::unknown;  // not known: this side failed
}

Pulse try_session(const std::string& pgdata, Millis timeout) {
  const auto lock = postgres::read_lock_file(pgdata);
  const pid_t postmaster = lock ? lock->pid : 0;
  const auto before = postgres::proc::activity(postmaster);
  auto session = Session(pgdata).open(timeout);
  Error error;
  if (session) {
    const auto answer = session->query("select 1", timeout);
    if (answer) return {.of = Pulse::Of::session, .alive = true};
    error = answer.error();
  } else {
    error = session.error();
    if (pg::is_broken(error)) return {.of = Pulse::Of::session, .cause = Pulse::Cause::broken, .why = error.message};
    // Refused in so many words: there are too many clients, or it recovers from a crash of one of them.
    if (pg::server_spoke(error)) return {.of = Pulse::Of::session, .alive = true};
  }
  using Cause = Pulse::Cause;
  const Cause cause = stood_still(before, postgres::proc::activity(postmaster)) ? Cause::stands_still
                      : lock && !answers_strangers(*lock, timeout)              ? Cause::deaf
                                                                                : Cause::load;
  return {.of = Pulse::Of::session, .cause = cause, .why = error.message};
}

/// A page of a file that is there, flushed: what a commit needs of the disk, and no more. A new file each time would wait
/// for the file system's journal, and so for every big checkpoint. Its name is one that no backup and no rewind takes
/// along.
int write_beside(const std::string& directory) {
  const std::string path = directory + "/pgsql_tmp.autoctl";
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return errno;
  static constexpr std::array<char, 8192> page{};
  int error = 0;
  const auto written = ::write(file.get(), page.data(), page.size());
  if (written != static_cast<ssize_t>(page.size())) error = written < 0 ? errno : ENOSPC;
  if (error == 0 && ::fdatasync(file.get()) != 0) error = errno;
  return error;
}

bool same_file_system(const std::string& some, const std::string& other) {
  struct stat one {
  }, two{};
  return ::stat(some.c_str(), &one) == 0 && ::stat(other.c_str(), &two) == 0 && one.st_dev == two.st_dev;
}

Pulse try_writing(const std::string& pgdata) {
  const std::string wal = pgdata + "/pg_wal", data = pgdata + "/global";
  for (const auto& directory : {wal, data}) {
    if (directory == data && same_file_system(wal, data)) break;
    if (const int error = write_beside(directory); error != 0)
      return {.of = Pulse::Of::disk, .why = "nothing can be written in " + directory + ": " + std::strerror(error)};
  }
  return {.of = Pulse::Of::disk, .alive = true};
}

}  // namespace

PulseWatch::PulseWatch(Board& board, std::string pgdata)
    : board_(board),
      pgdata_(std::move(pgdata)),
      judge_([this] { judge(); }),
      sessions_([this] { try_sessions(); }),
      disk_([this] { try_disk(); }) {}

PulseWatch::~PulseWatch() {
  judge_.join();
  sessions_.join();
  disk_.join();
}

void PulseWatch::judge() {
  while (!board_.stopping()) {
    if (const std::string news = board_.check_vitals(); !news.empty()) spdlog::error("{}", news);
    board_.pause(judge_tick);
  }
}

void PulseWatch::try_sessions() {
  bool patient = false;
  while (!board_.stopping()) {
    bool alive = true;
    if (board_.expects_service()) {
      const Pulse pulse = try_session(pgdata_, patient ? patient_session_timeout : session_timeout);
      alive = pulse.alive;
      patient = !pulse.alive && pulse.cause == Pulse::Cause::load;
      board_.felt(pulse);
    }
    board_.pause(alive ? calm_probe_interval : alert_probe_interval);
  }
}

void PulseWatch::try_disk() {
  while (!board_.stopping()) {
    bool alive = true;
    if (board_.expects_service()) {
      const Pulse pulse = try_writing(pgdata_);
      alive = pulse.alive;
      board_.felt(pulse);
    }
    board_.pause(alive ? calm_probe_interval : alert_probe_interval);
  }
}

}  // namespace autoctl::keeper
