// Configuration on disk: ours, the user's, Debian's layout; and the swap of a copy into PGDATA's place.
#include <gmock/gmock.h>
#include <signal.h>

#include "mount.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  return config::read_file(path).value_or("(none)");
}

class PostgresConfiguration : public PostgresTest {
 protected:
  void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }
};

TEST_F(PostgresConfiguration, IsIdempotentAndKeepsWhatTheUserWrote) {
  Node& one = node(1);
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  const std::string conf = one.files.pgdata + "/postgresql.conf", hba = one.files.pgdata + "/pg_hba.conf";
  append(conf,
         "# mine\nmax_wal_senders = 25\nMAX_REPLICATION_SLOTS 3\nwal_receiver_timeout = '42s'\nport = 1\nwal_level = "
         "logical\n");
  append(hba, "host mydb me 192.0.2.1/32 scram-sha-256 # mine\n");
  const std::vector<protocol::Peer> peers = {{NodeId{2}, "node_2", "192.0.2.7", 5432, NodeState::init},
                                             {NodeId{3}, "node_3", "localhost", 5432, NodeState::init}};
  ASSERT_TRUE(ok(one.postgres->configure(peers)));
  const std::string conf_text = text_of(conf), hba_text = text_of(hba);
  const std::string ours = text_of(one.files.pgdata + "/postgresql-autoctl.conf");
  ASSERT_TRUE(ok(one.postgres->configure(peers)));
  EXPECT_EQ(text_of(conf), conf_text);
  EXPECT_EQ(text_of(hba), hba_text);
  EXPECT_EQ(text_of(one.files.pgdata + "/postgresql-autoctl.conf"), ours);
  EXPECT_THAT(conf_text, testing::HasSubstr("# mine\n"));
  EXPECT_THAT(conf_text, testing::EndsWith("include_if_exists = 'postgresql-autoctl.conf'\n"));

  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_EQ(one.sql("show max_wal_senders"), "25") << "enough";
  EXPECT_EQ(one.sql("show max_replication_slots"), "10") << "too few";
  EXPECT_EQ(one.sql("show wal_receiver_timeout"), "42s") << "a matter of taste";
  EXPECT_EQ(one.sql("show wal_level"), "logical");
  EXPECT_EQ(one.sql("show wal_retrieve_retry_interval"), "100ms");
  EXPECT_EQ(one.sql("select count(*) from pg_hba_file_rules where error is not null"), "0");
  EXPECT_EQ(one.sql("select string_agg(address, ',' order by address) from pg_hba_file_rules "
                    "where user_name = '{pgautofailover_replicator}' and database = '{replication}'"),
            "127.0.0.0,192.0.2.7,::1");
  EXPECT_EQ(one.sql("select count(*) from pg_hba_file_rules where user_name = '{me}'"), "1");

  // Lines that a user adds behind ours do not win over ours; peers that went lose their lines.
  append(conf, "listen_addresses = '192.0.2.99'\n");
  ASSERT_TRUE(ok(one.postgres->configure({})));
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_EQ(one.sql("show listen_addresses"), "127.0.0.1");
  EXPECT_EQ(one.sql("select count(*) from pg_hba_file_rules where user_name = '{pgautofailover_replicator}'"), "0");
}

TEST_F(PostgresConfiguration, AlterSystemWinsButForWhatBreaksReplication) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  one.sql("alter system set work_mem = '7MB'");
  one.sql("alter system set wal_keep_size = '1GB'");
  one.sql("alter system set hot_standby = off");
  one.sql("alter system set port = 1");
  ASSERT_TRUE(ok(one.postgres->configure({})));
  EXPECT_EQ(
      one.sql("select string_agg(name, ',' order by name) from pg_file_settings where sourcefile like '%auto.conf'"),
      "wal_keep_size,work_mem");
  one.sql("alter system set wal_level = minimal");
  one.sql("alter system set synchronous_standby_names = 'nobody'");
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_EQ(one.sql("show wal_level"), "replica");
  EXPECT_EQ(one.sql("show synchronous_standby_names"), "");
  EXPECT_EQ(one.sql("show work_mem"), "7MB");
}

TEST_F(PostgresConfiguration, SaysWhatWaitsForARestart) {
  Node& one = node(1);
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  append(one.files.pgdata + "/postgresql.conf", "max_replication_slots = 3\n");
  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_THAT(*one.postgres->pending_restart(), testing::IsEmpty());
  one.config.listen = "127.0.0.1,127.0.0.2";
  one.open();
  ASSERT_TRUE(one.postgres->adopt());
  ASSERT_TRUE(ok(one.postgres->configure({})));
  EXPECT_TRUE(eventually([&] {
    const auto waiting = one.postgres->pending_restart();
    return waiting && *waiting == std::vector<std::string>{"listen_addresses"};
  }));
}

/// Of a limit that others have used up: it is raised on disk, and what is needed shows.
TEST_F(PostgresConfiguration, RoomIsMadeBesideOthersSlotsAndSenders) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  EXPECT_THAT(*one.postgres->restart_needs(2s), testing::IsEmpty());
  one.sql("select pg_create_physical_replication_slot('cdc_' || i) from generate_series(1, 9) i");
  ASSERT_TRUE(ok(one.postgres->sync_slots({NodeId{2}}))) << "one is left";
  EXPECT_THAT(*one.postgres->restart_needs(2s), testing::IsEmpty());
  const auto full = one.postgres->sync_slots({NodeId{2}, NodeId{3}});
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, testing::HasSubstr("others have taken all replication slots"));
  EXPECT_THAT(*one.postgres->restart_needs(2s), testing::ElementsAre("max_replication_slots (10, needs 19)"));
  EXPECT_FALSE(one.postgres->configuration_is_changed()) << "by somebody else";
  one.open();  // a keeper that starts finds it as well
  ASSERT_TRUE(one.postgres->adopt());
  EXPECT_THAT(*one.postgres->restart_needs(2s), testing::ElementsAre("max_replication_slots (10, needs 19)"));
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  ASSERT_TRUE(ok(one.postgres->sync_slots({NodeId{2}, NodeId{3}})));
  EXPECT_THAT(*one.postgres->restart_needs(2s), testing::IsEmpty());
  ASSERT_TRUE(ok(one.postgres->configure({})));
  EXPECT_EQ(one.sql("select setting from pg_file_settings where name = 'max_replication_slots' order by seqno desc"),
            "19")
      << "once it was found out";
}

/// A line with a name would let in whoever has that name later. It is looked up again.
TEST_F(PostgresConfiguration, ANameThatLeadsNowhereGetsNoLineAndIsTriedAgain) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  const std::string lines = "select count(*) from pg_hba_file_rules where user_name = '{pgautofailover_replicator}'";
  ASSERT_TRUE(ok(one.postgres->configure({{NodeId{2}, "node_2", "nowhere.invalid", 5432, NodeState::init}})));
  EXPECT_EQ(one.sql(lines), "0");
  EXPECT_TRUE(eventually([&] { return one.postgres->configuration_is_changed(); }));
  ASSERT_TRUE(ok(one.postgres->configure({{NodeId{2}, "node_2", "192.0.2.7", 5432, NodeState::init}})));
  EXPECT_NE(one.sql(lines), "0");
  EXPECT_FALSE(one.postgres->configuration_is_changed());
}

TEST_F(PostgresConfiguration, ALineThatKeepsPostgresAtItsOldOnesIsTold) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  one.postgres->take_news();
  append(one.files.pgdata + "/pg_hba.conf", "host all all 192.0.2.0/24 no-such-method\n");
  const std::vector<protocol::Peer> peers = {{NodeId{2}, "node_2", "192.0.2.7", 5432, NodeState::init}};
  ASSERT_TRUE(ok(one.postgres->configure(peers)));
  EXPECT_THAT(one.postgres->take_news(),
              testing::Contains(testing::AllOf(testing::HasSubstr("pg_hba.conf line"), testing::HasSubstr("no-such"))));
}

TEST_F(PostgresConfiguration, SkippedHbaIsLeftAlone) {
  Node& one = node(1);
  one.config.skip_pg_hba = true;
  one.open();
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  const std::string before = text_of(one.files.pgdata + "/pg_hba.conf");
  ASSERT_TRUE(ok(one.postgres->configure({{NodeId{2}, "node_2", "192.0.2.7", 5432, NodeState::init}})));
  EXPECT_EQ(text_of(one.files.pgdata + "/pg_hba.conf"), before);
}

TEST_F(PostgresConfiguration, DebiansLayoutIsUsedInPlaceAndAStandbyOfItGetsItsOwn) {
  Node& one = node(1);
  Node& two = node(2);
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  const std::string etc = scratch + "/etc";
  fs::create_directory(etc);
  for (const char* name : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"})
    fs::rename(one.files.pgdata + "/" + name, etc + "/" + name);
  append(etc + "/postgresql.conf",
         fmt::format("data_directory = '{}'\nhba_file = '{}/pg_hba.conf'\nident_file = '{}/pg_ident.conf'\n",
                     one.files.pgdata, etc, etc) +
             "include_dir = 'conf.d'\nlog_directory = '/nowhere/log'\n");
  fs::create_directory(etc + "/conf.d");
  append(etc + "/conf.d/tuned.conf", "work_mem = '7MB'\n");
  append(etc + "/pg_hba.conf", "host app app 192.0.2.0/24 scram-sha-256\n");
  // As pg_ctlcluster leaves it.
  ASSERT_TRUE(config::write_file(
      one.files.pgdata + "/postmaster.opts",
      fmt::format("/usr/lib/postgresql/15/bin/postgres \"-D\" \"{}\" \"-c\" \"config_file={}/postgresql.conf\"\n",
                  one.files.pgdata, etc)));
  ASSERT_TRUE(ok(one.postgres->configure({two.peer()})));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_EQ(one.sql("show config_file"), etc + "/postgresql.conf");
  EXPECT_FALSE(fs::exists(one.files.pgdata + "/postgresql.conf"));
  EXPECT_TRUE(fs::exists(etc + "/postgresql-autoctl.conf"));
  EXPECT_THAT(text_of(etc + "/pg_hba.conf"), testing::StartsWith("# autoctl: begin"));
  one.save_password();
  ASSERT_TRUE(ok(one.postgres->keep_replication_roles(one.roles({two.peer()}))));
  ASSERT_TRUE(ok(one.postgres->sync_slots({two.id})));

  ASSERT_NO_FATAL_FAILURE(two.make_standby(one, {one.peer()}));
  EXPECT_EQ(two.sql("show config_file"), two.files.pgdata + "/postgresql.conf");
  EXPECT_EQ(two.sql("show work_mem"), "7MB") << "the user's settings reach it";
  EXPECT_EQ(two.sql("select count(*) from pg_hba_file_rules where user_name = '{app}'"), "1");
  EXPECT_EQ(two.sql("show log_directory"), "log") << "there is no such directory here";

  // There and back, with crash recovery and pg_rewind.
  ASSERT_TRUE(ok(two.postgres->stop_receiving()));
  one.sql("create table lost()");
  ASSERT_TRUE(ok(two.postgres->promote(never)));
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(one.postgres->rewind(two.peer(), never, ignore_progress)));
  const protocol::Peer upstream = two.peer();
  ASSERT_TRUE(ok(two.postgres->sync_slots({one.id})));
  ASSERT_TRUE(ok(one.postgres->set_upstream(&upstream, one.id)));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  EXPECT_TRUE(one.streams());
  EXPECT_EQ(one.sql("show config_file"), etc + "/postgresql.conf");
  EXPECT_EQ(one.sql("show port"), std::to_string(one.config.pgport));
}

TEST_F(PostgresConfiguration, AnInterruptedSwapIsFinishedByWhoeverComesNext) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  Node& two = *nodes[1];
  ASSERT_TRUE(ok(two.postgres->stop(StopMode::fast, 10s)));
  two.postgres.reset();
  // Killed between the two renames.
  fs::rename(two.files.pgdata, two.files.clone_directory());
  fs::create_directory(two.files.pgdata + ".old");
  ASSERT_TRUE(config::write_file(two.files.directory + "/swap.unfinished", "exchange directories\n"));
  two.open();
  EXPECT_TRUE(two.postgres->inspect()->standby_signal);
  EXPECT_FALSE(fs::exists(two.files.pgdata + ".old"));
  EXPECT_FALSE(fs::exists(two.files.directory + "/swap.unfinished"));

  // Killed before the first.
  two.postgres.reset();
  fs::rename(two.files.pgdata, two.files.clone_directory());
  fs::create_directory(two.files.pgdata);
  ASSERT_TRUE(config::write_file(two.files.pgdata + "/old", ""));
  ASSERT_TRUE(config::write_file(two.files.directory + "/swap.unfinished", "exchange directories\n"));
  two.open();
  EXPECT_FALSE(fs::exists(two.files.pgdata + "/old"));
  ASSERT_TRUE(ok(two.postgres->start(never)));
  EXPECT_TRUE(two.streams());
}

TEST_F(PostgresConfiguration, AMountPointIsCopiedIntoAndKeepsItsConfiguration) {
  const Mount mount(scratch + "/node3", "tmpfs", "tmpfs", 0, "size=500m,mode=0700");
  REQUIRE_MOUNT(mount);
  ASSERT_NO_FATAL_FAILURE(make_pair());
  Node& one = *nodes[0];
  Node& three = node(3);
  ASSERT_TRUE(ok(one.postgres->sync_slots({nodes[1]->id, three.id})));
  ASSERT_TRUE(ok(one.postgres->keep_replication_roles(one.roles({nodes[1]->peer(), three.peer()}))));
  ASSERT_NO_FATAL_FAILURE(three.make_standby(one, {}));
  EXPECT_FALSE(fs::exists(three.files.clone_directory()));
  EXPECT_FALSE(fs::exists(three.files.pgdata + "/.autoctl.clone"));
  append(three.files.pgdata + "/postgresql.conf", "work_mem = '7MB'\n");
  ASSERT_TRUE(ok(three.postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(three.postgres->clone(one.peer(), three.id, never, ignore_progress)));
  EXPECT_FALSE(fs::exists(three.files.pgdata + "/.autoctl.old"));
  ASSERT_TRUE(ok(three.postgres->start(never)));
  EXPECT_TRUE(three.streams());
  EXPECT_EQ(three.sql("show work_mem"), "7MB");

  // Killed while the old contents were moved out.
  ASSERT_TRUE(ok(three.postgres->stop(StopMode::fast, 10s)));
  three.postgres.reset();
  fs::create_directory(three.files.pgdata + "/.autoctl.clone");
  fs::create_directory(three.files.pgdata + "/.autoctl.old");
  for (const auto& entry : fs::directory_iterator(three.files.pgdata))
    if (const auto name = entry.path().filename().string(); !name.starts_with(".autoctl."))
      fs::copy(entry.path(), three.files.pgdata + "/.autoctl.clone/" + name, fs::copy_options::recursive);
  fs::rename(three.files.pgdata + "/base", three.files.pgdata + "/.autoctl.old/base");
  ASSERT_TRUE(config::write_file(three.files.directory + "/swap.unfinished", "move contents out\n"));
  three.open();
  EXPECT_FALSE(fs::exists(three.files.pgdata + "/.autoctl.old"));
  ASSERT_TRUE(ok(three.postgres->start(never)));
  EXPECT_TRUE(three.streams());
}

TEST_F(PostgresConfiguration, ACopyThatFillsTheDiskLeavesTheOldData) {
  const Mount mount(scratch + "/small", "tmpfs", "tmpfs", 0, "size=100m,mode=0700");
  REQUIRE_MOUNT(mount);
  ASSERT_NO_FATAL_FAILURE(make_pair());
  Node& one = *nodes[0];
  one.sql("create table big as select repeat(md5(i::text), 20) from generate_series(1, 100000) i");
  Node& three = node(3, scratch + "/small/data");
  ASSERT_NO_FATAL_FAILURE(three.make_primary());
  three.sql("create table precious()");
  ASSERT_TRUE(ok(three.postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one.postgres->sync_slots({nodes[1]->id, three.id})));
  ASSERT_TRUE(ok(one.postgres->keep_replication_roles(one.roles({nodes[1]->peer(), three.peer()}))));
  const auto copied = three.postgres->clone(one.peer(), three.id, never, ignore_progress);
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, testing::HasSubstr("No space left on device"));
  EXPECT_FALSE(copied.error().hint.empty());
  EXPECT_FALSE(fs::exists(three.files.clone_directory()));
  ASSERT_TRUE(ok(three.postgres->start(never)));
  EXPECT_EQ(three.sql("select count(*) from precious"), "0");
}

TEST_F(PostgresConfiguration, AFullDiskFailsInitdbAndASettingCleanly) {
  const Mount mount(scratch + "/small", "tmpfs", "tmpfs", 0, "size=60m,mode=0700");
  REQUIRE_MOUNT(mount);
  Node& one = node(1, scratch + "/small/data");
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  ASSERT_TRUE(ok(one.postgres->set_sync({})));
  std::ofstream filler(scratch + "/small/filler");
  const std::string block(64 * 1024, 'x');
  while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
  filler.close();
  const std::string before = text_of(one.files.pgdata + "/postgresql-autoctl.conf");
  const auto set = one.postgres->set_sync({1, {NodeId{2}}});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Errc::system);
  EXPECT_EQ(text_of(one.files.pgdata + "/postgresql-autoctl.conf"), before);
  EXPECT_EQ(parse_sync_names(one.seen().sync_names), SyncQuorum{}) << "what is in force";

  Node& two = node(2, scratch + "/small/data2");
  const auto made = two.postgres->initdb(never);
  ASSERT_FALSE(made);
  EXPECT_TRUE(!fs::exists(two.files.pgdata) || fs::is_empty(two.files.pgdata));
}

TEST_F(PostgresConfiguration, AStandbyOfABiggerPrimaryStartsWithWhatItNeeds) {
  Node& primary = node(1);
  Node& standby = node(2);
  ASSERT_TRUE(ok(primary.postgres->initdb(never)));
  std::ofstream(primary.files.pgdata + "/postgresql.conf", std::ios::app)
      << "max_connections = 150\nmax_prepared_transactions = 12\n";
  ASSERT_TRUE(ok(primary.postgres->configure({standby.peer()})));
  ASSERT_TRUE(ok(primary.postgres->start(never)));
  primary.save_password();
  ASSERT_TRUE(ok(primary.postgres->keep_replication_roles(primary.roles({standby.peer()}))));
  ASSERT_TRUE(ok(primary.postgres->sync_slots({standby.id})));
  ASSERT_NO_FATAL_FAILURE(standby.make_standby(primary, {primary.peer()}));
  ASSERT_TRUE(ok(standby.postgres->stop(StopMode::fast, 10s)));
  std::ofstream(standby.files.pgdata + "/postgresql.conf", std::ios::app)
      << "max_connections = 50\nmax_prepared_transactions = 0\n";
  ASSERT_TRUE(ok(standby.postgres->start(never)));
  EXPECT_TRUE(standby.streams());
  EXPECT_EQ(standby.sql("show max_connections"), "150");
}

}  // namespace
}  // namespace autoctl::keeper::test
