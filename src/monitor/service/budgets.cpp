#include "monitor/service/budgets.h"

#include <algorithm>
#include <chrono>

namespace autoctl::monitor {

double Bucket::level_at(double per_second, double most, TimePoint now) const {
  const double passed = std::chrono::duration<double>(now - at_).count();
  return most - std::max(0.0, missing_ - per_second * passed);
}

bool Bucket::take(double per_second, double most, TimePoint now) {
  const double level = level_at(per_second, most, now);
  missing_ = most - level;
  at_ = now;
  if (level < 1) return false;
  missing_ += 1;
  return true;
}

bool Bucket::is_full(double per_second, double most, TimePoint now) const {
  return level_at(per_second, most, now) >= most;
}

/// The sender's own comes first: what it spends in vain is not taken from its formation.
bool Budgets::spend(const Sender& sender, TimePoint now) {
  if (accounts_.size() >= senders_max && !accounts_.contains(sender.name)) forget_idle(now);
  Account& account = accounts_[sender.name];
  account.sender = sender;
  const bool may =
      account.bucket.take(per_sender, per_sender * seconds_at_once, now) &&
      (!sender.node || formations_[sender.formation].take(per_formation, per_formation * seconds_at_once, now));
  if (!may) ++account.refused;
  return may;
}

/// One that spends nothing starts anew as it would go on. Should all of them spend, they start anew, too.
void Budgets::forget_idle(TimePoint now) {
  const auto idle = [now](const auto& entry) {
    return entry.second.refused == 0 && entry.second.bucket.is_full(per_sender, per_sender * seconds_at_once, now);
  };
  std::erase_if(accounts_, idle);
  if (accounts_.size() >= senders_max) accounts_.clear();
  std::erase_if(formations_, [now](const auto& entry) {
    return entry.second.is_full(per_formation, per_formation * seconds_at_once, now);
  });
}

std::vector<Budgets::News> Budgets::news(TimePoint now) {
  std::vector<News> all;
  for (auto& [name, account] : accounts_) {
    if (account.refused == 0 || (account.told != TimePoint{} && now - account.told < news_interval)) continue;
    all.push_back({account.sender.node,
                   "sends more than its budget of " + std::to_string(static_cast<int>(per_sender)) +
                       " requests a second, or its formation more than " +
                       std::to_string(static_cast<int>(per_formation)) + ": " + std::to_string(account.refused) +
                       " were left out; nobody is suspected for that",
                   name});
    account.refused = 0;
    account.told = now;
  }
  return all;
}

}  // namespace autoctl::monitor
