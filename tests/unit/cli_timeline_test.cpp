// `show timeline`: text from values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/output/timeline.h"

namespace autoctl::cli {
namespace {

using testing::HasSubstr;

protocol::NodeDocument node(std::int64_t id, std::uint32_t timeline, std::vector<HistoryEntry> history,
                            std::string lineage) {
  protocol::NodeDocument document;
  document.formation = "default";
  document.id = NodeId{id};
  document.name = "node_" + std::to_string(id);
  document.kind = "pgsql";
  document.timeline = Timeline{timeline};
  document.lsn = Lsn{0x3000130};
  document.history = std::move(history);
  document.lineage = std::move(lineage);
  return document;
}

protocol::StateDocument sample() {
  protocol::StateDocument state;
  state.groups = {{.formation = "default"}};
  state.nodes = {node(1, 2, {{Timeline{1}, Lsn{0x2000000}}}, "primary"),
                 node(2, 3, {{Timeline{1}, Lsn{0x2000000}}, {Timeline{2}, Lsn{0x3000000}}}, "forked"),
                 node(3, 1, {}, "follows")};
  return state;
}

TEST(TimelineTable, ShowsBranchesAndWhoLeft) {
  const std::string text = timeline_table(sample());
  EXPECT_THAT(text, HasSubstr("       1 |          0 |             0/0\n"
                              "       2 |          1 |       0/2000000\n"
                              "       3 |          2 |       0/3000000\n"));
  EXPECT_THAT(text, HasSubstr("node_1 |     1 |   2: 0/3000130 | the primary\n"));
  EXPECT_THAT(text, HasSubstr("node_2 |     2 |   3: 0/3000130 | FORK: "));
  EXPECT_THAT(text, HasSubstr("node_3 |     3 |   1: 0/3000130 | ok, "));
}

TEST(TimelineTable, ForScripts) {
  const auto json = timeline_json(sample());
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0]["timelines"][2], (nlohmann::json{{"tli", 3}, {"parent_tli", 2}, {"switchpoint_lsn", "0/3000000"}}));
  EXPECT_EQ(json[0]["nodes"][1]["lineage"], "forked");
  EXPECT_EQ(json[0]["nodes"][1]["reported_tli"], 3);
}

}  // namespace
}  // namespace autoctl::cli
