// The four ways in: an empty directory or an existing cluster, as primary or as standby.
#include <filesystem>
#include <fstream>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr const char* tools = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH; ";

class Create : public ClusterTest {
 protected:
  std::string pgdata(const std::string& node) const { return directory() + "/" + node; }

  void run_script(const std::string& script) const {
    const Finished finished = shell(std::string("set -e; ") + tools + script);
    ASSERT_TRUE(finished.ok()) << script << "\n" << finished.output;
  }
  /// A cluster that somebody used before autoctl came, stopped.
  void make_existing_primary(const std::string& node) const {
    run_script("initdb -D " + pgdata(node) + " -A trust >/dev/null; echo \"work_mem = '7MB'\" >> " + pgdata(node) +
               "/postgresql.conf; echo \"CREATE TABLE kept AS SELECT generate_series(1, 75) AS id\" | "
               "postgres --single -D " +
               pgdata(node) + " postgres >/dev/null 2>&1");
  }
  void mark(const std::string& node) const { std::ofstream(pgdata(node) + "/marker") << "was here before\n"; }
  bool marked(const std::string& node) const { return std::filesystem::exists(pgdata(node) + "/marker"); }

  void expect_data_everywhere() {
    for (const auto& node : cluster().nodes())
      EXPECT_TRUE(lab::eventually(Millis(10'000), [&] {
        return query(*node, "SELECT count(*) FROM kept") == std::vector<std::string>{"75"};
      })) << node->name();
  }
};

TEST_F(Create, EmptyDirectories) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  EXPECT_EQ(query(*cluster().find("node_1"), "SELECT pg_is_in_recovery()"), std::vector<std::string>{"f"});
  EXPECT_EQ(query(*cluster().find("node_2"), "SELECT pg_is_in_recovery()"), std::vector<std::string>{"t"});
  EXPECT_NE(query(*cluster().find("node_1"), "SHOW synchronous_standby_names"), std::vector<std::string>{""});
}

TEST_F(Create, ExistingPrimaryKeepsItsDataAndSettings) {
  ASSERT_NO_FATAL_FAILURE(make_existing_primary("node_1"));
  mark("node_1");
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  EXPECT_TRUE(marked("node_1"));
  expect_data_everywhere();
  EXPECT_EQ(query(*cluster().find("node_1"), "SHOW work_mem"), std::vector<std::string>{"7MB"});
}

TEST_F(Create, ExistingStandbyIsNotCopiedAgain) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  const lab::AutoctlDaemon& primary = *cluster().find("node_1");
  query(primary, "CREATE TABLE kept AS SELECT generate_series(1, 75) AS id");
  // Over the socket or the loopback address, whatever the keeper has opened for local users.
  ASSERT_NO_FATAL_FAILURE(run_script("pg_basebackup -D " + pgdata("node_2") + " -R -c fast -h 127.0.0.1 -p " +
                                     std::to_string(primary.pgport())));
  mark("node_2");
  ASSERT_TRUE(ok(cluster().create_node("node_2", {})));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(marked("node_2")) << "the standby's own data was thrown away";
  expect_data_everywhere();
}

TEST_F(Create, ColdCopyIsNotCopiedAgain) {
  ASSERT_NO_FATAL_FAILURE(make_existing_primary("node_1"));
  ASSERT_NO_FATAL_FAILURE(run_script("cp -a " + pgdata("node_1") + " " + pgdata("node_2")));
  mark("node_2");
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  EXPECT_TRUE(marked("node_2")) << "the copy was thrown away";
  expect_data_everywhere();
}

}  // namespace
}  // namespace autoctl::test
