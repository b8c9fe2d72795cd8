// A real monitor in a process of its own, with a real Postgres, that a test may kill.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/monitor_client/monitor_api.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/proc.h"
#include "monitor/daemon.h"
#include "tests/support/scratch.h"

namespace autoctl::test {

/// Of a node on this machine that nobody runs.
inline protocol::RegisterRequest request(const std::string& name, int port) {
  protocol::RegisterRequest r;
  r.name = name;
  r.host = "127.0.0.1";
  r.port = port;
  r.api_port = port + 1;
  return r;
}

class MonitorProcess {
 public:
  explicit MonitorProcess(const std::string& auth = "trust") : files_(scratch_.path() + "/monitor") {
    config_.pgdata = files_.pgdata;
    config_.hostname = "localhost";
    config_.auth = auth;
    config_.pgport = free_port();
    config_.api_port = free_port();
    config_.listen = "localhost";
    config_.ssl.enabled = config_.ssl.self_signed = true;
    config_.ssl.mode = "require";
  }
  ~MonitorProcess() {
    terminate();
    const auto lock = postgres::read_lock_file(files_.pgdata);
    if (lock) ::kill(lock->pid, SIGQUIT);
  }

  void create() {
    auto created = monitor::create_monitor(config_);
    ASSERT_TRUE(created) << created.error().message;
    config_ = *created;
  }

  void start() {
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(monitor::run_monitor(files_));
  }

  /// SIGTERM; returns the exit code.
  int terminate() { return end(SIGTERM); }
  void kill() { end(SIGKILL); }
  /// SIGSTOP and SIGCONT to its Postgres with all backends.
  void signal_postgres(int signal_number) const {
    const pid_t postmaster = postgres_pid();
    ::kill(postmaster, signal_number);
    for (const pid_t pid : postgres::proc::own()) {
      const auto stat = postgres::proc::stat(pid);
      if (stat && stat->parent == postmaster) ::kill(pid, signal_number);
    }
  }
  pid_t postgres_pid() const {
    const auto lock = postgres::read_lock_file(files_.pgdata);
    return lock ? lock->pid : 0;
  }

  client::MonitorApi api(const std::string& token = {}) const {
    const auto ca = config::read_file(files_.certificate());
    auto api = client::MonitorApi::create({.url = "https://localhost:" + std::to_string(config_.api_port),
                                           .ca_pem = ca.value_or(""),
                                           .monitor_id = {},
                                           .token = token});
    return std::move(*api);
  }
  bool answers() const {
    auto client = api();
    return client.version(std::chrono::seconds(2)).has_value();
  }

  const config::Files& files() const { return files_; }
  config::Config& config() { return config_; }

 private:
  int end(int signal_number) {
    if (pid_ <= 0) return -1;
    ::kill(pid_, signal_number);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  ScratchDirectory scratch_;
  config::Files files_;
  config::Config config_;
  pid_t pid_ = -1;
};

}  // namespace autoctl::test
