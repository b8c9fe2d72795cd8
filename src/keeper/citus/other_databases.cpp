#include "keeper/citus/other_databases.h"

#include <algorithm>

namespace autoctl::keeper::citus {

namespace {

constexpr Millis listing_open_timeout{2000};
constexpr Millis listing_timeout{5000};
constexpr Millis interval{5000};  // between two that are not new

constexpr const char* names_of_others =
    "select datname from pg_database where datallowconn and datname <> current_database() order by datname collate "
    "\"C\"";
constexpr const char* asks_for_citus = "select exists (select from pg_extension where extname = 'citus')";

}  // namespace

void OtherDatabases::look(const Session& session, pg::Connection& here, TimePoint now) {
  const auto rows = here.query(names_of_others, listing_timeout);
  if (!rows) return;
  names_.clear();
  for (int row = 0; row < rows->size(); ++row) names_.push_back(rows->text(row, 0));
  std::erase_if(has_citus_, [this](const auto& known) { return !std::ranges::binary_search(names_, known.first); });

  const std::string name = next(now);
  if (name.empty()) return;
  asked_last_ = name;
  asked_at_ = now;
  bool& has_citus = has_citus_[name];
  auto there = session.open(listing_open_timeout, name);
  if (!there) return;
  if (const auto answer = there->query(asks_for_citus, listing_timeout)) has_citus = answer->text(0, 0) == "t";
}

std::string OtherDatabases::next(TimePoint now) const {
  for (const auto& name : names_)
    if (!has_citus_.contains(name)) return name;
  if (names_.empty() || now - asked_at_ < interval) return {};
  const auto after = std::ranges::upper_bound(names_, asked_last_);
  return after == names_.end() ? names_.front() : *after;
}

std::vector<std::string> OtherDatabases::with_citus() const {
  std::vector<std::string> found;
  for (const auto& [name, has] : has_citus_)
    if (has) found.push_back(name);
  return found;
}

}  // namespace autoctl::keeper::citus
