// What a rewind throws away is kept, within bounds.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "keeper/postgres/control_data.h"
#include "keeper/postgres/diverged.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_size = 1024;
const postgres::Tools no_tools{.bindir = "/nonexistent"};  // nobody can tell how many commits are in it: it is kept

class DivergedLimits : public testing::Test {
 protected:
  DivergedLimits() : files_(scratch_.path() + "/node") {
    fs::create_directories(files_.pgdata + "/pg_wal");
    fs::create_directories(files_.directory);
  }
  /// WAL of one segment that only this node has.
  static DivergedWal wal_of_segment(std::uint64_t number) {
    const Lsn start{number * segment_size};
    return {{Timeline{2}, Lsn{start.value + 100}, {{Timeline{1}, start}}}, start, segment_size};
  }
  std::string keep(const DivergedWal& wal) {
    for (const std::string& name : segments_of(wal)) std::ofstream(files_.pgdata + "/pg_wal/" + name) << "WAL";
    return keep_diverged_wal(no_tools, files_, wal);
  }
  std::set<std::string> kept() const {
    std::set<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(files_.directory + "/diverged", none))
      names.insert(entry.path().filename());
    return names;
  }

  const test::ScratchDirectory scratch_;
  const config::Files files_;
};

TEST_F(DivergedLimits, TheNewestFiveStay) {
  ASSERT_EQ(diverged_directories_max, 5U);
  std::vector<std::string> places;
  for (std::uint64_t number = 1; number <= 7; ++number) {
    const std::string said = keep(wal_of_segment(number));
    const auto at = said.find("kept in ");
    ASSERT_NE(at, std::string::npos) << said;
    places.push_back(said.substr(at + 8));
    ASSERT_TRUE(fs::exists(places.back() + "/README")) << places.back();
    // Each is an hour younger than the one before, all of them are older than the next.
    fs::last_write_time(places.back(),
                        fs::file_time_type::clock::now() - std::chrono::hours(10 - static_cast<int>(number)));
  }
  std::set<std::string> newest;
  for (std::size_t i = 2; i < places.size(); ++i) newest.insert(fs::path(places[i]).filename());
  EXPECT_EQ(kept(), newest);
  EXPECT_EQ(keep(wal_of_segment(7)), "") << "the same again is kept once";
  EXPECT_EQ(kept(), newest);
}

TEST_F(DivergedLimits, OneIsAtMostAGigabyte) {
  ASSERT_EQ(diverged_bytes_max, 1ULL << 30);
  const DivergedWal large{
      {Timeline{2}, Lsn{3ULL << 30}, {{Timeline{1}, Lsn{1ULL << 30}}}}, Lsn{1ULL << 30}, 1ULL << 30};
  const std::string said = keep_diverged_wal(no_tools, files_, large);
  EXPECT_NE(said.find("it is 2048 MB of WAL, of which "), std::string::npos) << said;
  EXPECT_TRUE(kept().empty());
}

TEST_F(DivergedLimits, HalfOfTheDiskThatIsFreeStaysFree) {
  EXPECT_EQ(diverged_room(0), 0U);
  EXPECT_EQ(diverged_room(100 << 20), 50U << 20);
  EXPECT_EQ(diverged_room(2ULL << 30), 1ULL << 30);
  EXPECT_EQ(diverged_room(1ULL << 40), diverged_bytes_max);
}

}  // namespace
}  // namespace autoctl::keeper
