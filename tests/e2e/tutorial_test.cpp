// The tutorial that users of pg_auto_failover know, word for word, pg_autoctl and all.
#include <gmock/gmock.h>

#include <regex>

#include "support/other_name.h"

namespace autoctl::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

class Tutorial : public ClusterTest {
 protected:
  UnderItsOtherName name_;

  std::string monitor_pgdata() { return cluster().monitor().pgdata(); }

  std::string show_uri() {
    const Finished finished = autoctl({"show", "uri", "--pgdata", monitor_pgdata()});
    EXPECT_TRUE(finished.ok()) << finished.output;
    std::smatch found;
    const std::regex formation("formation \\| default \\| (postgres://\\S+)");
    EXPECT_TRUE(std::regex_search(finished.output, found, formation)) << finished.output;
    EXPECT_THAT(finished.output, HasSubstr("monitor | monitor | postgres://autoctl_node@"));
    return found.size() > 1 ? found[1].str() : "";
  }
  std::string psql(const std::string& uri, const std::string& sql) const {
    const Finished finished = shell("psql -X -A -t -v ON_ERROR_STOP=1 '" + uri + "' -c \"" + sql + "\"");
    EXPECT_TRUE(finished.ok()) << finished.output;
    return finished.output;
  }
};

TEST_F(Tutorial, WalksFromCreateToSwitchover) {
  lab::LocalCluster::Place place;
  ASSERT_TRUE(ok(cluster().create_monitor(place)));
  place.words = {"--username", "tutorial", "--dbname", "tutorial"};
  for (const char* name : {"node1", "node2"}) {
    ASSERT_TRUE(ok(cluster().create_node(name, place)));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }

  const Finished before = autoctl({"show", "state", "--pgdata", monitor_pgdata()});
  EXPECT_TRUE(before.ok());
  EXPECT_THAT(before.output, ContainsRegex("Name \\| +Node \\| +Host:Port \\| +TLI: LSN \\| +Connection \\| +"
                                           "Reported State \\| +Assigned State"));
  EXPECT_THAT(before.output,
              ContainsRegex("node1 \\| +1 \\| +127.0.0.1:[0-9]+ \\| +1: 0/[0-9A-F]+ \\| +read-write \\| +"
                            "primary \\| +primary"));
  EXPECT_THAT(before.output, ContainsRegex("node2 \\| +2 \\| +127.0.0.1:[0-9]+ \\| +1: 0/[0-9A-F]+ \\| +read-only \\| +"
                                           "secondary \\| +secondary"));

  std::string uri = show_uri();
  EXPECT_THAT(uri, HasSubstr("/tutorial?target_session_attrs=read-write&sslmode="));
  uri.insert(uri.find("//") + 2, "tutorial@");
  psql(uri, "CREATE TABLE companies (id bigserial PRIMARY KEY, name text NOT NULL)");
  psql(uri, "INSERT INTO companies (name) SELECT 'company ' || i FROM generate_series(1, 75) i");

  const Finished switchover = autoctl({"perform", "switchover", "--pgdata", monitor_pgdata()}, Millis(90'000));
  EXPECT_TRUE(switchover.ok()) << switchover.output;
  EXPECT_THAT(switchover.output, ContainsRegex("Time \\| +Name \\| +Node \\| +Host:Port \\| +Current State \\| +"
                                               "Assigned State"));
  EXPECT_THAT(switchover.output, ContainsRegex("node1 \\| +1 \\| +127.0.0.1:[0-9]+ \\| +primary \\| +draining"));
  EXPECT_THAT(switchover.output, ContainsRegex("node2 \\| +2 \\| +127.0.0.1:[0-9]+ \\| +primary \\| +primary"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());

  const Finished after = autoctl({"show", "state", "--pgdata", monitor_pgdata()});
  EXPECT_THAT(after.output,
              ContainsRegex("node1 \\| +1 \\|.* 2: 0/[0-9A-F]+ \\| +read-only \\| +secondary \\| +secondary"));
  EXPECT_THAT(after.output,
              ContainsRegex("node2 \\| +2 \\|.* 2: 0/[0-9A-F]+ \\| +read-write \\| +primary \\| +primary"));
  EXPECT_EQ(psql(uri, "SELECT count(*) FROM companies"), "75\n");

  const Finished read_only =
      autoctl({"show", "uri", "--pgdata", monitor_pgdata(), "--formation", "default", "--read-only"});
  EXPECT_TRUE(read_only.ok()) << read_only.output;
  std::string reader = read_only.output.substr(0, read_only.output.find('\n'));
  reader.insert(reader.find("//") + 2, "tutorial@");
  EXPECT_EQ(psql(reader, "SELECT pg_is_in_recovery(), count(*) FROM companies"), "t|75\n");
}

}  // namespace
}  // namespace autoctl::test
