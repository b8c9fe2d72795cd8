// Who shakes hands next, and who has waited too long.
#include "common/http/lobby.h"

#include <gmock/gmock.h>

#include <string>

namespace autoctl::http {
namespace {

using namespace std::chrono_literals;
using Guest = std::string;

class LobbyTest : public testing::Test {
 protected:
  std::shared_ptr<Guest> enter(const std::string& name, const std::string& place = "here") {
    auto guest = std::make_shared<Guest>(name);
    lobby.enter(guest, place, now);
    return guest;
  }
  std::string next() {
    const auto guest = lobby.next();
    return guest ? *guest : "";
  }

  std::chrono::steady_clock::time_point now;
  Lobby<Guest> lobby{1000ms};
};

TEST_F(LobbyTest, TheFirstComesFirst) {
  const auto a = enter("a"), b = enter("b");
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(next(), "b");
  EXPECT_EQ(next(), "");
  EXPECT_TRUE(lobby.empty());
}

TEST_F(LobbyTest, WhoHasGoneIsPassedOver) {
  auto a = enter("a");
  const auto b = enter("b");
  a.reset();
  EXPECT_EQ(next(), "b");
}

TEST_F(LobbyTest, AddressesTakeTurns) {
  const auto a = enter("a"), b = enter("b"), c = enter("c");
  EXPECT_EQ(next(), "a");
  const auto other = enter("other", "there"), third = enter("third", "yonder");
  EXPECT_EQ(next(), "other");
  EXPECT_EQ(next(), "third");
  const auto again = enter("again", "there");
  EXPECT_EQ(next(), "b");
  EXPECT_EQ(next(), "again");
  EXPECT_EQ(next(), "c");
}

TEST_F(LobbyTest, NobodyWaitsLongerThanAllowed) {
  const auto a = enter("a"), elsewhere = enter("elsewhere", "there");
  now += 600ms;
  const auto b = enter("b");
  now += 399ms;
  EXPECT_TRUE(lobby.overdue(now).empty());
  now += 1ms;
  EXPECT_THAT(lobby.overdue(now), testing::ElementsAre(a, elsewhere));
  EXPECT_EQ(next(), "b");
  EXPECT_TRUE(lobby.empty());
}

}  // namespace
}  // namespace autoctl::http
