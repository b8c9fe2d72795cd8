// What the keeper reads and writes of Postgres' files, as text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/hba_file.h"
#include "common/postgres/lock_file.h"
#include "keeper/postgres/carried_configuration.h"
#include "keeper/postgres/computed_settings.h"
#include "keeper/postgres/control_data.h"
#include "keeper/postgres/diverged.h"
#include "keeper/postgres/hba_rules.h"
#include "keeper/postgres/layout.h"
#include "keeper/postgres/percent.h"
#include "keeper/postgres/wal_room.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using postgres::parse_lock_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class Scratch {
 public:
  Scratch() { ::mkdtemp(path_.data()); }
  ~Scratch() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    ASSERT_TRUE(config::write_file(path_ + "/" + name, text));
  }

 private:
  std::string path_ = testing::TempDir() + "/files-XXXXXX";
};

ServerSettings parsed(std::string_view text) {
  ServerSettings settings;
  for (const auto& line : postgres::parse_conf(text)) settings[line.name] = line.value;
  return settings;
}

TEST(ConfFile, IsReadAsTheServerDoes) {
  EXPECT_THAT(parsed("port = 5433 # comment\n"
                     "  Work_Mem\t'7 MB'\n"
                     "#shared_buffers = 1GB\n"
                     "\n"
                     "primary_conninfo='host=''h'' passfile=\\'x\\''\n"
                     "my.setting = 'a#b'\r\n"
                     "port=5434"),
              ElementsAre(Pair("my.setting", "a#b"), Pair("port", "5434"),
                          Pair("primary_conninfo", "host='h' passfile='x'"), Pair("work_mem", "7 MB")));
}

TEST(ConfFile, QuotingSurvivesTheRoundTrip) {
  const std::string value = "host='it\\'s' x=\"y\" \\";
  EXPECT_THAT(parsed(postgres::conf_line("primary_conninfo", value)), ElementsAre(Pair("primary_conninfo", value)));
}

TEST(ConfFile, IncludesAreFollowedInOrderButForOurs) {
  const Scratch scratch;
  scratch.write(
      "postgresql.conf",
      "port = 1\ninclude_dir 'conf.d'\ninclude = 'more.conf'\ninclude_if_exists 'none.conf'\ninclude 'ours.conf'\n");
  scratch.write("conf.d/10.conf", "port = 2\na = 10\n");
  scratch.write("conf.d/20.conf", "a = 20\n");
  scratch.write("conf.d/.hidden.conf", "a = 30\n");
  scratch.write("conf.d/notes.txt", "a = 40\n");
  scratch.write("more.conf", "b = 1\n");
  scratch.write("ours.conf", "port = 99\n");
  EXPECT_THAT(postgres::read_settings(scratch.path() + "/postgresql.conf", scratch.path() + "/ours.conf"),
              ElementsAre(Pair("a", "20"), Pair("b", "1"), Pair("port", "2")));
  EXPECT_TRUE(postgres::read_settings(scratch.path() + "/nowhere.conf").empty());
  scratch.write("loop.conf", "c = 1\ninclude 'loop.conf'\n");
  EXPECT_THAT(postgres::read_settings(scratch.path() + "/loop.conf"), ElementsAre(Pair("c", "1")));
}

TEST(ConfFile, SingleSettingsAreTakenOut) {
  EXPECT_EQ(postgres::without_settings("# port = 1\nport = 2\nPort 3\nports = 4\n", {"port"}),
            "# port = 1\nports = 4\n");
}

TEST(ConfFile, TheIncludeLineStaysLastAndAlone) {
  const std::string once = postgres::with_include_at_end("port = 1", "ours.conf");
  EXPECT_THAT(once, testing::StartsWith("port = 1\n"));
  EXPECT_THAT(once, testing::EndsWith("include_if_exists = 'ours.conf'\n"));
  EXPECT_EQ(postgres::with_include_at_end(once, "ours.conf"), once);
  const std::string moved = postgres::with_include_at_end(once + "port = 2\ninclude 'theirs.conf'\n", "ours.conf");
  EXPECT_THAT(moved, testing::EndsWith("include 'theirs.conf'\n\n# autoctl's settings; this line stays the last one.\n"
                                       "include_if_exists = 'ours.conf'\n"));
  EXPECT_EQ(moved.find("ours.conf"), moved.rfind("ours.conf"));
}

config::Config configuration() {
  config::Config config;
  config.pgport = 5433;
  config.pghost = "/tmp";
  return config;
}

TEST(OurSettings, FillWhatIsMissingAndLeaveTasteAlone) {
  UserSettings user;
  user.files = {{"wal_sender_timeout", "1h"}, {"max_wal_senders", "3"}, {"max_replication_slots", "50"}};
  const auto ours = computed_settings(configuration(), 15, user, std::nullopt);
  EXPECT_EQ(ours.at("port"), "5433");
  EXPECT_EQ(ours.at("max_wal_senders"), "10");
  EXPECT_EQ(ours.at("wal_log_hints"), "on");
  EXPECT_EQ(ours.at("wal_retrieve_retry_interval"), "100ms");
  EXPECT_EQ(ours.at("recovery_init_sync_method"), "syncfs");
  for (const char* name : {"wal_sender_timeout", "max_replication_slots", "wal_level", "ssl", "password_encryption",
                           "synchronous_commit", "log_statement"})
    EXPECT_FALSE(ours.contains(name)) << name;
  EXPECT_FALSE(computed_settings(configuration(), 13, user, std::nullopt).contains("recovery_init_sync_method"));
}

TEST(OurSettings, ChecksumsNeedNoHintsAndAStandbyWhatItsPrimaryHad) {
  ControlData control;
  control.checksums = true;
  control.hot_standby_minima = {{"max_connections", "200"}, {"max_worker_processes", "8"}};
  UserSettings user;
  user.files = {{"max_connections", "100"}};
  const auto ours = computed_settings(configuration(), 15, user, control);
  EXPECT_FALSE(ours.contains("wal_log_hints"));
  EXPECT_EQ(ours.at("max_connections"), "200");
  EXPECT_FALSE(ours.contains("max_worker_processes"));
}

TEST(OurSettings, WhatARunningServerHasTooLittleOfNeedsARestart) {
  const ServerSettings ours = {{"hot_standby", "on"},     {"wal_log_hints", "on"},
                               {"port", "5432"},          {"max_wal_senders", "25"},
                               {"listen_addresses", "*"}, {"shared_preload_libraries", "citus, x"}};
  EXPECT_THAT(restart_needs({{"wal_level", "logical"},
                             {"max_wal_senders", "30"},
                             {"max_replication_slots", "10"},
                             {"hot_standby", "on"},
                             {"wal_log_hints", "on"},
                             {"port", "5432"},
                             {"listen_addresses", "*"},
                             {"shared_preload_libraries", "x,citus"}},
                            ours),
              testing::IsEmpty());
  EXPECT_THAT(restart_needs({{"wal_level", "minimal"},
                             {"max_wal_senders", "24"},
                             {"max_replication_slots", "0"},
                             {"hot_standby", "off"},
                             {"wal_log_hints", "off"},
                             {"port", "5433"},
                             {"listen_addresses", ""},
                             {"shared_preload_libraries", "x"}},
                            ours),
              testing::ElementsAre("hot_standby (off, needs on)", "listen_addresses (empty, needs *)",
                                   "max_replication_slots (0, needs 10)", "max_wal_senders (24, needs 25)",
                                   "port (5433, needs 5432)", "shared_preload_libraries (x, needs citus, x)",
                                   "wal_level (minimal, needs replica)", "wal_log_hints (off, needs on)"));
  EXPECT_THAT(restart_needs({{"wal_log_hints", "off"}}, {}), testing::IsEmpty()) << "it has checksums";
}

TEST(OurSettings, RoomBesideOthersStaysOnceItWasFoundOut) {
  UserSettings user;
  user.files = {{"max_wal_senders", "3"}, {"max_replication_slots", "50"}};
  const ServerSettings room = room_in({{"max_wal_senders", "24"}, {"max_replication_slots", "44"}, {"port", "1"}});
  EXPECT_FALSE(room.contains("port"));
  const auto ours = computed_settings(configuration(), 15, user, std::nullopt, room);
  EXPECT_EQ(ours.at("max_wal_senders"), "24");
  EXPECT_FALSE(ours.contains("max_replication_slots")) << "the user's is enough";
}

TEST(OurSettings, OnlyHarmfulOverridesAreReset) {
  const ServerSettings ours = {
      {"port", "5433"}, {"listen_addresses", "*"}, {"hot_standby", "on"}, {"max_connections", "200"}};
  EXPECT_THAT(harmful_overrides({{"port", "5433"},
                                 {"listen_addresses", "localhost"},
                                 {"hot_standby", "off"},
                                 {"max_connections", "100"},
                                 {"wal_level", "logical"},
                                 {"primary_conninfo", "host=old"},
                                 {"work_mem", "7MB"}},
                                ours),
              ElementsAre("hot_standby", "listen_addresses", "max_connections", "primary_conninfo"));
  EXPECT_THAT(harmful_overrides({{"wal_level", "minimal"}}, ours), ElementsAre("wal_level"));
}

HbaRules rules() {
  HbaRules rules;
  rules.auth = "scram-sha-256";
  rules.tls = true;
  rules.peers = {{NodeId{2}, "node_2", {"10.0.0.2/32", "fd00::2/128"}, "autoctl_standby_2"}};
  return rules;
}

TEST(Hba, TheBlockHasReplicationAndRewindLinesForEachAddress) {
  EXPECT_EQ(postgres::with_hba_block("", hba_lines(rules())),
            "# autoctl: begin. Rewritten by autoctl; lines of your own belong below the end.\n"
            "# node 2 node_2\n"
            "hostssl replication autoctl_standby_2 10.0.0.2/32 scram-sha-256\n"
            "hostssl postgres autoctl_standby_2 10.0.0.2/32 scram-sha-256\n"
            "hostssl replication autoctl_standby_2 fd00::2/128 scram-sha-256\n"
            "hostssl postgres autoctl_standby_2 fd00::2/128 scram-sha-256\n"
            "# autoctl: end\n");
  HbaRules more = rules();
  more.tls = false;
  more.lan_database = "app";
  more.local_user = "postgres";
  EXPECT_THAT(hba_lines(more), testing::StartsWith("local all \"postgres\" peer\n"));
  EXPECT_THAT(hba_lines(more), testing::EndsWith("\nhost \"app\" all samenet scram-sha-256\n"));
  EXPECT_THAT(hba_lines(more), testing::Not(HasSubstr(" all all ")));
}

TEST(Hba, NodesWithCertificatesHaveToShowThem) {
  HbaRules strict = rules();
  strict.certificates = true;
  strict.superuser = "postgres";
  strict.citus_database = "app";
  const std::string text = hba_lines(strict);
  // Its own role is what its certificate was issued to; the shared one is nobody's in particular.
  EXPECT_THAT(text,
              HasSubstr("hostssl replication autoctl_standby_2 10.0.0.2/32 scram-sha-256 clientcert=verify-full\n"));
  EXPECT_THAT(text, HasSubstr("hostssl postgres autoctl_standby_2 10.0.0.2/32 scram-sha-256 clientcert=verify-full\n"));
  HbaRules shared = strict;
  shared.peers.front().role = "pgautofailover_replicator";
  EXPECT_THAT(
      hba_lines(shared),
      HasSubstr("hostssl replication pgautofailover_replicator 10.0.0.2/32 scram-sha-256 clientcert=verify-ca\n"));
  EXPECT_THAT(text, HasSubstr("hostssl \"app\" \"postgres\" 10.0.0.2/32 scram-sha-256 clientcert=verify-ca\n"
                              "hostssl \"app\" all 10.0.0.2/32 scram-sha-256\n"));
  EXPECT_THAT(addresses_in_block(text, NodeId{2}), ElementsAre("10.0.0.2/32", "fd00::2/128"));
}

TEST(Hba, TheBlockOfAServerThatHoldsClientsOffLetsInAutoctlAndTheOtherNodes) {
  HbaRules held = rules();
  held.local_user = "postgres";
  held.lan_database = "app";
  held.holds_clients = true;
  const std::string text = hba_lines(held);
  EXPECT_THAT(text, testing::StartsWith("local all \"postgres\" peer\n"));
  EXPECT_THAT(text, HasSubstr("hostssl replication autoctl_standby_2 10.0.0.2/32"));
  EXPECT_THAT(text, testing::EndsWith("local all all reject\nhost all all all reject\n"));
}

TEST(Hba, TheBlockIsReplacedAndTheRestIsNotTouched) {
  const std::string users = "# mine\nlocal all all peer\n";
  const std::string lines = hba_lines(rules());
  const std::string once = postgres::with_hba_block(users, lines);
  EXPECT_EQ(once, postgres::with_hba_block("", lines) + users);
  EXPECT_EQ(postgres::with_hba_block(once, lines), once);
  EXPECT_EQ(postgres::without_hba_block(once), users);
  EXPECT_THAT(addresses_in_block(once, NodeId{2}), ElementsAre("10.0.0.2/32", "fd00::2/128"));
  EXPECT_TRUE(addresses_in_block(once, NodeId{3}).empty());
  HbaRules lan = rules();
  lan.lan_database = "app";
  EXPECT_THAT(addresses_in_block(hba_lines(lan), NodeId{2}), ElementsAre("10.0.0.2/32", "fd00::2/128"));
}

TEST(Hba, KnowsWhetherWeGetInWithoutALineOfOurOwn) {
  EXPECT_TRUE(local_user_is_let_in("local all postgres peer\nlocal all all scram-sha-256\n", "postgres"));
  EXPECT_TRUE(local_user_is_let_in("local  postgres,x  \"me\",you  trust\n", "me"));
  EXPECT_FALSE(local_user_is_let_in("local all all scram-sha-256\nlocal all postgres peer\n", "postgres"));
  EXPECT_FALSE(local_user_is_let_in("local all all peer map=x\n", "postgres"));
  EXPECT_FALSE(local_user_is_let_in("host all all 127.0.0.1/32 trust\n# local all all trust\n", "postgres"));
}

TEST(Hba, AddressesAreLiteralAndLoopbackIsAllOfIt) {
  EXPECT_THAT(literal_addresses("192.0.2.7"), ElementsAre("192.0.2.7/32"));
  EXPECT_THAT(literal_addresses("fd00::2"), ElementsAre("fd00::2/128"));
  EXPECT_THAT(literal_addresses("127.0.1.1"), ElementsAre("127.0.0.0/8", "::1/128"));
}

TEST(Hba, WhereANodeSaysToComeFromIsAddedEachOnce) {
  std::vector<IpAddress> reported = {*IpAddress::parse("10.0.0.2"), *IpAddress::parse("fd00::3")};
  EXPECT_THAT(with_reported({"10.0.0.2/32"}, reported), ElementsAre("10.0.0.2/32", "fd00::3/128"));
  for (int i = 1; i < 100; ++i) reported.push_back(*IpAddress::parse("10.0.1." + std::to_string(i)));
  EXPECT_EQ(with_reported({}, reported).size(), protocol::addresses_max);
}

constexpr std::string_view control_text = R"(pg_control version number:            1300
Database system identifier:           18446744073709551615
Database cluster state:               in archive recovery
pg_control last modified:             Sat 21 Nov 2026 01:00:00 PM UTC
Latest checkpoint location:           0/2000060
Latest checkpoint's TimeLineID:       1
Minimum recovery ending location:     16/B374D848
Min recovery ending loc's timeline:   2
max_connections setting:              100
max_prepared_xacts setting:           5
max_locks_per_xact setting:           64
WAL block size:                       8192
Bytes per WAL segment:                16777216
Data page checksum version:           1
)";

TEST(ControlDataText, IsParsed) {
  const auto data = parse_control_data(control_text);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->system_id.value, 18446744073709551615ULL);
  EXPECT_EQ(data->cluster_state, "in archive recovery");
  EXPECT_FALSE(data->clean_shutdown());
  EXPECT_EQ(data->checkpoint, Lsn{0x2000060});
  EXPECT_EQ(data->checkpoint_timeline, Timeline{1});
  EXPECT_EQ(data->timeline, Timeline{2});
  EXPECT_EQ(to_string(data->minimum_recovery), "16/B374D848");
  EXPECT_EQ(data->segment_size, 16777216U);
  EXPECT_TRUE(data->checksums);
  EXPECT_THAT(data->hot_standby_minima,
              ElementsAre(Pair("max_connections", "100"), Pair("max_locks_per_transaction", "64"),
                          Pair("max_prepared_transactions", "5")));
  EXPECT_FALSE(parse_control_data("pg_controldata: error: could not open file"));
}

TEST(ControlDataText, HistoryFiles) {
  const auto entries = parse_history("1\t0/3000148\tno recovery target specified\n\n# comment\n2\t1/A0\tbefore 2026\n");
  EXPECT_THAT(entries,
              ElementsAre(HistoryEntry{Timeline{1}, Lsn{0x3000148}}, HistoryEntry{Timeline{2}, Lsn{0x1000000A0}}));
  EXPECT_TRUE(parse_history("").empty());
  EXPECT_EQ(history_file_name(Timeline{0x1F}), "0000001F.history");
}

TEST(ControlDataText, SegmentsAndRecordEnds) {
  constexpr std::uint64_t segment = 16 * 1024 * 1024;
  EXPECT_EQ(segment_name(Timeline{2}, Lsn{0x3000148}, segment), "000000020000000000000003");
  EXPECT_EQ(segment_name(Timeline{2}, Lsn{0x3000000}, segment), "000000020000000000000002") << "holds the byte before";
  EXPECT_EQ(segment_name(Timeline{1}, Lsn{0x1600000001}, segment), "000000010000001600000000");
  EXPECT_EQ(record_end(Lsn{0x2000028}, 114, 8192, segment), Lsn{0x20000A0});
  EXPECT_EQ(record_end(Lsn{0x2001FE0}, 114, 8192, segment), Lsn{0x2002000 + 24 + 88})
      << "82 bytes after the page header";
  EXPECT_EQ(record_end(Lsn{0x2FFFFE0}, 114, 8192, segment), Lsn{0x3000000 + 40 + 88}) << "a segment's first page";
}

TEST(LockFileText, IsParsedOnlyWhenItHasAPid) {
  const auto lock =
      parse_lock_file("4711\n/pgdata\n1700000000\n5433\n/var/run/postgresql\n*\n 5432001 32768\nready   \n");
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->pid, 4711);
  EXPECT_EQ(lock->port, 5433);
  EXPECT_EQ(lock->socket_directory, "/var/run/postgresql");
  EXPECT_EQ(lock->status, "ready");
  EXPECT_EQ(parse_lock_file("4711\n/pgdata\n")->status, "");
  EXPECT_FALSE(parse_lock_file(""));
  EXPECT_EQ(parse_lock_file("1\n")->pid, 1) << "the first process of a container";
}

TEST(LayoutOfACluster, DebiansConfigurationIsFoundWhenItNamesThisDirectory) {
  const Scratch scratch;
  const std::string pgdata = scratch.path() + "/lib/15/main", root = scratch.path() + "/etc";
  fs::create_directories(pgdata);
  EXPECT_EQ(find_layout(pgdata, 15, {}, root).config_file, pgdata + "/postgresql.conf");
  scratch.write("etc/15/main/postgresql.conf", "data_directory = '/elsewhere'\n");
  EXPECT_EQ(find_layout(pgdata, 15, {}, root).config_file, pgdata + "/postgresql.conf");
  scratch.write("etc/15/main/postgresql.conf",
                "data_directory = '" + pgdata + "/'\nhba_file = '" + root + "/15/main/pg_hba.conf'\n");
  const Layout layout = find_layout(pgdata, 15, {}, root);
  EXPECT_TRUE(layout.config_outside());
  EXPECT_EQ(layout.config_file, root + "/15/main/postgresql.conf");
  EXPECT_EQ(layout.hba_file, root + "/15/main/pg_hba.conf");
  EXPECT_EQ(layout.ident_file, pgdata + "/pg_ident.conf");
  EXPECT_EQ(layout.include_file, root + "/15/main/postgresql-autoctl.conf");
  EXPECT_EQ(layout.auto_file, pgdata + "/postgresql.auto.conf");
}

TEST(LayoutOfACluster, DebiansClusterMayHaveAnyName) {
  const Scratch scratch;
  const std::string pgdata = scratch.path() + "/srv/data", root = scratch.path() + "/etc";
  fs::create_directories(pgdata);
  scratch.write("etc/15/billing/postgresql.conf", "data_directory = '" + pgdata + "'\n");
  scratch.write("etc/15/main/postgresql.conf", "data_directory = '/elsewhere'\n");
  EXPECT_EQ(find_layout(pgdata, 15, {}, root).config_file, root + "/15/billing/postgresql.conf");
}

TEST(LayoutOfACluster, TheLastStartTellsWhereTheFilesAre) {
  const Scratch scratch;
  const std::string pgdata = scratch.path() + "/data", etc = scratch.path() + "/c1";
  const auto was_started_with = [&](const std::string& arguments) {
    scratch.write("data/postmaster.opts", "/usr/lib/postgresql/15/bin/postgres " + arguments + "\n");
    return find_layout(pgdata, 15, {}, "/nowhere");
  };
  for (const char* name : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "other_hba.conf"})
    scratch.write("c1/" + std::string(name), "");
  const auto options = [](const Layout& layout) { return layout.start_options; };

  Layout layout = was_started_with("\"-D\" \"" + etc + "\"");
  EXPECT_EQ(layout.config_file, etc + "/postgresql.conf");
  EXPECT_EQ(layout.hba_file, etc + "/pg_hba.conf");
  EXPECT_EQ(layout.ident_file, etc + "/pg_ident.conf");
  EXPECT_THAT(options(layout),
              testing::ElementsAre("-c", "config_file=" + etc + "/postgresql.conf", "-c",
                                   "hba_file=" + etc + "/pg_hba.conf", "-c", "ident_file=" + etc + "/pg_ident.conf"));
  layout = was_started_with("\"-D\" \"" + pgdata + "/\" \"--hba_file=" + etc + "/other_hba.conf\"");
  EXPECT_FALSE(layout.config_outside());
  EXPECT_EQ(layout.hba_file, etc + "/other_hba.conf");
  EXPECT_THAT(options(layout), testing::ElementsAre("-c", "hba_file=" + etc + "/other_hba.conf"));
  layout = was_started_with("\"-D\" \"c1\"");
  EXPECT_FALSE(layout.config_outside()) << "a relative path says nothing";
  scratch.write("original/PG_VERSION", "15\n");
  scratch.write("original/postgresql.conf", "");
  layout = was_started_with("\"-D\" \"" + scratch.path() + "/original\" \"-c\" \"hba_file=" + etc + "/pg_hba.conf\"");
  EXPECT_THAT(options(layout), testing::IsEmpty()) << "this is a copy of that";
  scratch.write("c1/postgresql.conf", "data_directory = '" + scratch.path() + "/original'\n");
  EXPECT_FALSE(was_started_with("\"-D\" \"" + etc + "\"").config_outside()) << "of that one, too";
  scratch.write("c1/postgresql.conf", "data_directory = '" + pgdata + "'\n");
  layout = find_layout(pgdata, 15, {etc + "/postgresql.conf", {}, {}}, "/nowhere");
  EXPECT_EQ(layout.hba_file, etc + "/pg_hba.conf") << "beside it, as the data directory has none";
  scratch.write("c1/postgresql.conf", "hba_file = '/etc/hba'\n");
  layout = find_layout(pgdata, 15, {etc + "/postgresql.conf", {}, etc + "/pg_ident.conf"}, "/nowhere");
  EXPECT_EQ(layout.hba_file, "/etc/hba");
  EXPECT_THAT(options(layout), testing::Not(testing::Contains("hba_file=/etc/hba"))) << "the server reads that itself";
}

TEST(CarriedConfiguration, LeavesOutWhatThisMachineDoesNotHave) {
  const Scratch scratch;
  scratch.write("data/autoctl-configuration/postgresql.conf",
                "work_mem = '7MB'\nlog_directory = '/nowhere/log'\nssl = 'on'\nssl_cert_file = '/nowhere/cert'\n"
                "archive_command = '/bin/true %p'\n");
  EXPECT_EQ(carried_files(scratch.path() + "/data").settings,
            "work_mem = '7MB'\n# not on this machine: log_directory = '/nowhere/log'\n"
            "# not on this machine: ssl = 'on'\n# not on this machine: ssl_cert_file = '/nowhere/cert'\n"
            "archive_command = '/bin/true %p'\n");
  EXPECT_EQ(carried_files(scratch.path()).settings, "");
}

TEST(ProgressLines, Percent) {
  EXPECT_EQ(percent_in("12345/67890 kB (18%), 0/1 tablespace"), 18);
  EXPECT_EQ(percent_in("   40960/40960 kB (100%) copied"), 100);
  EXPECT_EQ(percent_in("waiting for checkpoint"), -1);
  EXPECT_EQ(percent_in("50%) odd"), -1);
}

TEST(DivergedWal, SegmentsAreThoseOfEachTimelineFromTheForkOn) {
  constexpr std::uint64_t size = 16 * 1024 * 1024;
  const auto at = [](std::uint64_t segment, std::uint64_t offset) { return Lsn{segment * size + offset}; };
  EXPECT_EQ(segments_of({{Timeline{1}, at(3, 500), {}}, at(3, 100), size}),
            std::vector<std::string>{"000000010000000000000003"});
  EXPECT_EQ(segments_of({{Timeline{1}, at(4, 0), {}}, at(2, size - 1), size}),
            (std::vector<std::string>{"000000010000000000000002", "000000010000000000000003"}))
      << "it ends where a segment ends";
  EXPECT_EQ(
      segments_of({{Timeline{3}, at(5, 9), {{Timeline{1}, at(3, 100)}, {Timeline{2}, at(4, 8)}}}, at(3, 100), size}),
      (std::vector<std::string>{"000000020000000000000003", "000000020000000000000004", "000000030000000000000004",
                                "000000030000000000000005"}));
}

TEST(DivergedWal, CountsCommits) {
  EXPECT_EQ(commits_in("Type    N\n----    -\nTransaction/COMMIT    2 ( 66.67)   90 ( 70)\n"
                       "Transaction/COMMIT_PREPARED   1 ( 33.33)   30\nTransaction/ABORT  4 (1)\nXLOG/COMMIT 9\n"),
            3);
  EXPECT_EQ(commits_in(""), 0);
}

constexpr std::uint64_t mb = 1024 * 1024;

TEST(WalBounds, SlotsMayKeepHalfOfTheRoom) {
  EXPECT_THAT(wal_bounds(100'000 * mb, {}, {}),
              testing::UnorderedElementsAre(Pair("max_slot_wal_keep_size", "50000MB"), Pair("wal_keep_size", "256MB")));
  EXPECT_TRUE(wal_bounds(0, {}, {}).empty()) << "nobody knows";
}

TEST(WalBounds, OnASmallDiskEverythingIsLess) {
  EXPECT_THAT(wal_bounds(400 * mb, {{{"max_wal_size", "1GB"}}, {}}, {}),
              testing::UnorderedElementsAre(Pair("max_slot_wal_keep_size", "200MB"), Pair("wal_keep_size", "50MB"),
                                            Pair("max_wal_size", "100MB")));
  EXPECT_THAT(wal_bounds(50 * mb, {}, {}), testing::Contains(Pair("max_wal_size", "32MB"))) << "a server needs as much";
}

TEST(WalBounds, WhatTheUserHasSetStays) {
  const UserSettings user{{{"max_slot_wal_keep_size", "-1"}, {"max_wal_size", "900MB"}}, {{"wal_keep_size", "0"}}};
  EXPECT_TRUE(wal_bounds(400 * mb, user, {}).empty());
}

TEST(WalBounds, SmallChangesOfTheRoomChangeNothing) {
  const ServerSettings before = wal_bounds(100'000 * mb, {}, {});
  EXPECT_EQ(wal_bounds(90'000 * mb, {}, before), before);
  EXPECT_EQ(wal_bounds(80'000 * mb, {}, before).at("max_slot_wal_keep_size"), "40000MB");
}

TEST(WalBounds, AreComputedAgainWhenTheRoomHasChangedOrAfterAMinute) {
  const TimePoint then = std::chrono::steady_clock::now();
  const BoundsWritten written{64'000 * mb, then};
  EXPECT_TRUE(written.still_good(65'000 * mb, then + std::chrono::seconds(59)));
  EXPECT_TRUE(written.still_good(63'000 * mb, then));
  EXPECT_FALSE(written.still_good(65'001 * mb, then));
  EXPECT_FALSE(written.still_good(62'999 * mb, then));
  EXPECT_FALSE(written.still_good(64'000 * mb, then + std::chrono::seconds(60)));
}

}  // namespace
}  // namespace autoctl::keeper
