#include "monitor/trust_watch.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/tls/describe.h"
#include "common/util/logging.h"

namespace autoctl::monitor {

namespace {

using SteadyClock = std::chrono::steady_clock;
using SystemClock = std::chrono::system_clock;

constexpr std::chrono::seconds trust_interval{60};
/// Of a lifetime that is shorter than usual.
constexpr int looks_per_life = 30;
constexpr std::chrono::minutes waiting_interval{10};
constexpr std::chrono::hours complaint_interval{24};
/// A node says that it believes both when its Postgres has been told to: a look later it does.
constexpr int looks_agreed = 2;

}  // namespace

TrustWatch::TrustWatch(config::Config config, const config::Files& files, OwnPostgres& own, ApiPort& port,
                       Service& service)
    : config_(std::move(config)),
      files_(files),
      own_(own),
      port_(port),
      service_(service),
      authority_(files),
      change_(files) {
  if (!config_.ssl.issued) return;
  in_force_ = config::read_file(files_.certificate()).value_or("") + authority_.trusted().value_or("");
  tell_engine();
}

void TrustWatch::look() {
  if (!config_.ssl.issued) return;
  const Phase phase = change_.phase();
  if (phase == Phase::none && SteadyClock::now() < next_) return;
  next_ = SteadyClock::now() +
          std::min(trust_interval, std::chrono::seconds(config_.certificate_lifetime / looks_per_life));
  if (const auto done = tend(); !done) return complain(done.error());
  if (phase == Phase::none) return;
  if (const auto done = advance(phase); !done) complain(done.error());
}

Result<> TrustWatch::reload(const config::Config& config) {
  config_ = config;
  next_ = {};  // the lifetime may be another one
  if (!config_.ssl.issued) return {};
  if (change_.phase() == Phase::introducing && told_waiting_ == SteadyClock::time_point())
    tell("The monitor's authority is being replaced: a new one is made known to all nodes");
  return tend();
}

Result<> TrustWatch::tend() {
  AUTOCTL_TRY(change_.settle());
  renew_own();
  return put_in_force();
}

void TrustWatch::renew_own() {
  const auto done = authority_.ensure_own(config_.hostname);
  if (done) return;
  const auto text = config::read_file(files_.certificate());
  const auto own = text ? tls::describe_certificates(*text) : fail(text.error());
  Error error = Error(done.error()).with_context("the monitor's certificate cannot be renewed");
  if (own)
    error.message +=
        fmt::format("; it ends at {:%Y-%m-%d %H:%M} UTC", fmt::gmtime(SystemClock::to_time_t(own->front().ends)));
  complain(error);
}

Result<> TrustWatch::put_in_force() {
  const auto certificate = config::read_file(files_.certificate());
  const auto trusted = authority_.trusted();
  if (!certificate) return fail(certificate.error());
  if (!trusted) return fail(trusted.error());
  const std::string wanted = *certificate + *trusted;
  if (wanted != in_force_) {
    AUTOCTL_TRY(port_.follow(config_, files_));
    if (own_.running()) AUTOCTL_TRY(own_.reload());
    in_force_ = wanted;
    spdlog::info("The monitor shows its newest certificate, and believes what is in {}", files_.ca());
  }
  tell_engine();
  return {};
}

void TrustWatch::tell_engine() {
  const auto goal = authority_.goal();
  if (!goal) return complain(goal.error());
  service_.post(
      [goal = *goal, words = words_of_change(change_.phase())](Engine& engine) { engine.set_trust(goal, words); });
}

std::string TrustWatch::words_of_change(Phase phase) const {
  if (phase == Phase::none) return {};
  const char* what = phase == Phase::introducing ? "a new authority is made known to all"
                                                 : "all get certificates of the new authority";
  const std::string whom = behind_.empty() ? std::string() : fmt::format("; waits for {}", fmt::join(behind_, ", "));
  return what + whom;
}

/// One look behind: the engine answers meanwhile.
Result<> TrustWatch::advance(Phase phase) {
  std::optional<std::vector<std::string>> behind;
  {
    const std::lock_guard lock(standing_->mutex);
    behind.swap(standing_->behind);
  }
  service_.post([standing = standing_, bundle_only = phase == Phase::introducing](Engine& engine) {
    auto found = engine.behind_in_trust(bundle_only);
    const std::lock_guard lock(standing->mutex);
    standing->behind = std::move(found);
  });
  if (!behind) return {};
  behind_ = *std::move(behind);
  agreed_ = behind_.empty() ? agreed_ + 1 : 0;
  if (agreed_ == 0 && SteadyClock::now() - told_waiting_ > waiting_interval) {
    if (told_waiting_ != SteadyClock::time_point()) tell("The change of the authority: " + words_of_change(phase));
    told_waiting_ = SteadyClock::now();
  }
  if (agreed_ < looks_agreed) return {};
  agreed_ = 0;
  standing_ = std::make_shared<Standing>();  // what is still to come is about the step before
  told_waiting_ = {};
  if (phase == Phase::introducing) {
    AUTOCTL_TRY(change_.switch_over());
    tell(
        "All nodes believe the new authority beside the old one: from now on it issues, and they get its certificates");
  } else {
    AUTOCTL_TRY(change_.finish());
    tell("All nodes have certificates of the new authority: the old one is not believed any more");
  }
  return tend();
}

/// Once, and again each day while it is so.
void TrustWatch::complain(const Error& error) {
  const auto now = SystemClock::now();
  if (error.message == complaint_ && now - complained_at_ < complaint_interval) return;
  complaint_ = error.message;
  complained_at_ = now;
  logging::error(error);
  tell(error.message + (error.hint.empty() ? "" : ": " + error.hint));
}

void TrustWatch::tell(const std::string& words) {
  spdlog::info("{}", words);
  service_.post([words](Engine& engine) { engine.tell(words); });
}

}  // namespace autoctl::monitor
