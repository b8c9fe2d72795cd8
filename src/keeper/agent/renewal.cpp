#include "keeper/agent/renewal.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/monitor_client/node_endpoint.h"
#include "common/tls/authority.h"
#include "common/tls/describe.h"
#include "common/tls/pair_file.h"
#include "common/tls/trust.h"

namespace autoctl::keeper {

namespace {

using SystemClock = std::chrono::system_clock;
using std::chrono::seconds;

constexpr Millis renewal_timeout{10'000};
/// The machine's clock may be set, or stand still while it sleeps.
constexpr seconds look_interval_max = std::chrono::hours(1);
constexpr seconds retry_interval_max = std::chrono::minutes(5);
/// Of a lifetime that is shorter than usual.
constexpr int retries_per_life = 60;
constexpr std::chrono::hours complaint_interval{24};

std::int64_t unix_seconds(SystemClock::time_point time) {
  return std::chrono::floor<seconds>(time.time_since_epoch()).count();
}

SystemClock::time_point due_at(const protocol::TrustFacts& has) {
  constexpr int part = 3;
  return SystemClock::time_point(seconds(has.ends - (has.ends - has.issued) / part));
}

bool is_due(const protocol::TrustFacts& has, const protocol::TrustGoal& goal, SystemClock::time_point now) {
  return has.issuer != goal.issuer || has.issued < goal.renew_before || now >= due_at(has);
}

/// Other monitors' authorities, that nodes of the formation have still certificates of, stay.
Result<> believe(const config::Files& files, const std::string& ca_pem) {
  const std::string before = config::read_file(files.monitor_ca()).value_or("");
  const std::string others = tls::without(config::read_file(files.ca()).value_or(""), before + ca_pem);
  AUTOCTL_TRY(config::write_file(files.ca(), ca_pem + others, 0644));
  return config::write_file(files.monitor_ca(), ca_pem, 0600);
}

Result<> check_answer(const config::Config& config, const std::string& key, const protocol::CertificateAnswer& answer) {
  const auto believed = tls::check_believed(answer.certificate, answer.ca_pem, config.hostname);
  if (believed && tls::belong_together(answer.certificate, key)) return {};
  return fail(Errc::incompatible, "the certificate that the monitor has issued is not good for this node" +
                                      (believed ? std::string() : ": " + believed.error().message));
}

}  // namespace

protocol::TrustFacts trust_in_files(const config::Config& config, const config::Files& files) {
  const auto ca_pem = config::read_file(files.monitor_ca());
  const auto text = config::read_file(config.ssl.server_cert);
  if (!config.ssl.issued || !ca_pem || !text) return {};
  const auto own = tls::describe_certificates(*text);
  if (!own) return {};
  const auto& first = own->front();
  return {.bundle = tls::sha256_hex(*ca_pem),
          .issuer = first.issuer,
          .serial = first.serial,
          .issued = unix_seconds(tls::issued_at(first)),
          .ends = unix_seconds(first.ends)};
}

Result<> renew_certificate(const config::Config& config, const config::Files& files, client::MonitorApi& api) {
  const auto alone = tls::lock_pair(files.key());
  if (!alone) return fail(alone.error());
  AUTOCTL_TRY(tls::settle_pair(files.certificate(), files.key()));
  const auto asked = tls::request_certificate(config.hostname);
  if (!asked) return fail(asked.error());
  const auto answer = api.renew_certificate(config.node, {asked->csr_pem, config.hostname}, renewal_timeout);
  if (!answer) return fail(answer.error());
  AUTOCTL_TRY(check_answer(config, asked->key_pem, *answer));
  AUTOCTL_TRY(believe(files, answer->ca_pem));
  return tls::replace_pair(files.certificate(), files.key(), {answer->certificate, asked->key_pem});
}

RenewalWatch::RenewalWatch(Board& board, const LiveConfig& config, const config::Files& files)
    : board_(board), config_(config), files_(files), thread_([this] { watch(); }) {}

RenewalWatch::~RenewalWatch() {
  {
    const std::lock_guard lock(mutex_);
    if (api_) api_->cancel();
  }
  thread_.join();
}

void RenewalWatch::watch() {
  std::optional<protocol::TrustGoal> known;
  auto deadline = TimePoint::max();
  while (true) {
    board_.await_trust(known, deadline);
    const auto assignment = board_.assignment();
    if (board_.stopping()) return;
    if (!assignment) continue;
    known = assignment->trust;
    deadline = std::chrono::steady_clock::now() + look(config_.now(), *known);
  }
}

seconds RenewalWatch::look(const config::Config& config, const protocol::TrustGoal& goal) {
  if (!config.ssl.issued || config.monitor_url.empty() || goal.bundle.empty()) return look_interval_max;
  const auto has = trust_in_files(config, files_);
  const auto now = SystemClock::now();
  if (has.bundle == goal.bundle && !is_due(has, goal, now))
    return std::clamp(std::chrono::ceil<seconds>(due_at(has) - now), seconds(1), look_interval_max);
  if (const auto done = follow(config, has, goal); !done) {
    complain(has, done.error());
    return std::clamp(seconds((has.ends - has.issued) / retries_per_life), seconds(1), retry_interval_max);
  }
  board_.request_reload();
  return seconds(1);
}

Result<> RenewalWatch::follow(const config::Config& config, const protocol::TrustFacts& has,
                              const protocol::TrustGoal& goal) {
  const auto endpoint = client::node_endpoint(config, files_);
  if (!endpoint) return fail(endpoint.error());
  auto made = client::MonitorApi::create(*endpoint);
  if (!made) return fail(made.error());
  {
    const std::lock_guard lock(mutex_);
    api_.emplace(*std::move(made));
    if (board_.stopping()) api_->cancel();
  }
  const auto ask = [&]() -> Result<> {
    if (is_due(has, goal, SystemClock::now())) {
      AUTOCTL_TRY(renew_certificate(config, files_, *api_));
      spdlog::info("This node has another certificate of the monitor's authority");
      return {};
    }
    const auto trusted = api_->trusted(renewal_timeout);
    if (!trusted) return fail(trusted.error());
    AUTOCTL_TRY(believe(files_, trusted->ca_pem));
    spdlog::info("This node believes what is in {} from now on", files_.ca());
    return {};
  };
  auto done = ask();
  const std::lock_guard lock(mutex_);
  api_.reset();
  return done;
}

void RenewalWatch::complain(const protocol::TrustFacts& has, const Error& error) {
  if (board_.stopping()) return;
  const auto now = SystemClock::now();
  if (error.message == complaint_ && now - complained_at_ < complaint_interval) return;
  complaint_ = error.message;
  complained_at_ = now;
  const std::string what = fmt::format("its certificate, which ends at {:%Y-%m-%d %H:%M} UTC, cannot be renewed: {}{}",
                                       fmt::gmtime(static_cast<std::time_t>(has.ends)), error.message,
                                       error.hint.empty() ? "" : " (" + error.hint + ")");
  spdlog::warn("{}", what);
  board_.tell({what});
}

}  // namespace autoctl::keeper
