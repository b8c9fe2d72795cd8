// Which groups make a formation: each one of its own; or, in a world of Citus formations, a coordinator's group and its
// workers' groups, side by side.
#pragma once

#include <string>

#include "common/fsm/types.h"

namespace autoctl::simulator {

class Grouping {
 public:
  Grouping(int formations, int citus_workers) : formations_(formations), size_(1 + citus_workers) {}

  bool citus() const { return size_ > 1; }
  int formations() const { return formations_; }
  int groups() const { return formations_ * size_; }
  int groups_of_formation() const { return size_; }

  /// Group 0 of the same formation: the coordinator's.
  int first_of(int group) const { return group - group % size_; }
  bool is_last_of_formation(int group) const { return group % size_ == size_ - 1; }
  /// The group's number in its formation, as the product counts.
  GroupId id_of(int group) const { return group % size_; }
  bool is_worker(int group) const { return id_of(group) != 0; }
  /// "f7" begins with group 7.
  std::string formation_of(int group) const { return "f" + std::to_string(first_of(group)); }
  int group_of(const std::string& formation, GroupId id) const { return std::stoi(formation.substr(1)) + id; }

 private:
  int formations_;
  int size_;
};

}  // namespace autoctl::simulator
