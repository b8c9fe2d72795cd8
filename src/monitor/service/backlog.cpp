#include "monitor/service/backlog.h"

#include <algorithm>

#include "monitor/service/inbox.h"

namespace autoctl::monitor {

namespace {

/// The thread that serves the connections may come so late before that is an overload by itself; but not for a moment
/// only, in which this process may have stood still.
constexpr Millis lag_max{500};
constexpr int lags_in_a_row = 3;
/// It is over when nothing was wanting for so long.
constexpr Millis calm{5'000};

std::string describe(const Backlog& backlog) {
  return std::to_string(backlog.late) + " reports waited longer than " +
         std::to_string(Inbox::report_wait_max.count()) + " ms, " + std::to_string(backlog.shed) +
         " were turned away, and so were " + std::to_string(backlog.turned_away) + " connections; answers were up to " +
         std::to_string(backlog.lag.count()) + " ms late";
}

}  // namespace

Backlog& Backlog::operator+=(const Backlog& more) {
  late += more.late;
  shed += more.shed;
  turned_away += more.turned_away;
  lag = std::max(lag, more.lag);
  return *this;
}

std::optional<Overload::News> Overload::look(const Backlog& since_last, TimePoint now) {
  total_ += since_last;
  lags_ = since_last.lag >= lag_max ? lags_ + 1 : 0;
  const bool strains =
      since_last.shed + since_last.turned_away > 0 || since_last.late >= Inbox::few_reports || lags_ >= lags_in_a_row;
  if (strains) {
    last_strain_ = now;
    if (is_on_) return std::nullopt;
    is_on_ = true;
    since_ = now;
    return News{true, "the monitor is overloaded: " + describe(total_) + "; no node is suspected for that"};
  }
  if (is_on_ && now - last_strain_ < calm) return std::nullopt;
  const Backlog total = total_;
  total_ = {};
  if (!is_on_) return std::nullopt;
  is_on_ = false;
  const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(last_strain_ - since_).count();
  return News{false, "the monitor keeps up again; it was overloaded for " + std::to_string(lasted) + " s, in which " +
                         describe(total)};
}

}  // namespace autoctl::monitor
