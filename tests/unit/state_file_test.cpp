#include "keeper/agent/state_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace autoctl::keeper {
namespace {

class StateFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/autoctl-state-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    std::filesystem::create_directory(files().directory);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  config::Files files() const { return config::Files(root_ + "/data"); }
  std::string root_;
};

TEST_F(StateFile, RoundTrip) {
  SavedState saved;
  saved.state = NodeState::prepare_promotion;
  saved.term = Term{41};
  saved.goal.state = NodeState::stop_replication;
  saved.goal.term = Term{42};
  saved.goal.await_lsn = Lsn{0x100000028};
  saved.goal.sync = {1, {NodeId{2}, NodeId{3}}};
  saved.lease_required = true;
  saved.standing = {70, false, "eu", {{"silence_timeout", "9000"}}};
  saved.epoch = 7;
  saved.neighbours = {{.id = NodeId{3}, .name = "w", .host = "db3", .port = 5433}};
  saved.peers = {{.id = NodeId{2}, .name = "b", .host = "db2", .port = 5432, .goal = NodeState::secondary}};
  ASSERT_TRUE(save_state(files(), saved));
  const auto loaded = load_state(files());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->state, saved.state);
  EXPECT_EQ(loaded->term, saved.term);
  EXPECT_EQ(loaded->goal, saved.goal);
  EXPECT_EQ(loaded->lease_required, true);
  EXPECT_EQ(loaded->standing, saved.standing);
  EXPECT_EQ(loaded->epoch, 7U);
  EXPECT_EQ(loaded->peers, saved.peers);
  EXPECT_EQ(loaded->neighbours, saved.neighbours);
}

TEST_F(StateFile, MissingIsNotFound) {
  const auto loaded = load_state(files());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::not_found);
}

TEST_F(StateFile, DamagedSaysWhatToDo) {
  std::ofstream(files().state()) << R"({"state": "primary", "term": )";
  const auto loaded = load_state(files());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::bad_config);
  EXPECT_FALSE(loaded.error().hint.empty());
}

TEST_F(StateFile, a_state_that_is_none_is_named) {
  ASSERT_TRUE(save_state(files(), SavedState{}));
  const std::string good = config::read_file(files().state()).value();
  for (const std::string name : {"join_secondary", "prepare_maintenance", "apply_settings"}) {
    std::string text = good;
    text.replace(text.rfind("\"init\""), 6, "\"" + name + "\"");
    ASSERT_TRUE(config::write_file(files().state(), text));
    const auto loaded = load_state(files());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::bad_config);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
  }
}

}  // namespace
}  // namespace autoctl::keeper
