// Command lines: those of the tutorials parse, and a mistake gets the right hint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/create_options.h"
#include "cli/invocation.h"
#include "cli/operation.h"

namespace autoctl::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Splits at blanks, and honours single quotes, as a shell would.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  std::istringstream stream(line);
  for (std::string word; stream >> std::ws && std::getline(stream, word, ' ');) result.push_back(word);
  return result;
}

class Parse : public testing::Test {
 protected:
  Parse() {
    for (const char* name :
         {"PGDATA", "PGUSER", "PGDATABASE", "PGPORT", "PG_AUTOCTL_MONITOR", "AUTOCTL_MONITOR", "PG_AUTOCTL_NODE_NAME",
          "AUTOCTL_NODE_NAME", "PG_AUTOCTL_AUTH_METHOD", "PG_AUTOCTL_HBA_LAN", "PG_AUTOCTL_PG_HBA_LAN"})
      ::unsetenv(name);
  }
  ~Parse() override {
    for (const char* name : {"PGDATA", "PGUSER", "PGDATABASE", "PG_AUTOCTL_MONITOR", "AUTOCTL_MONITOR",
                             "PG_AUTOCTL_NODE_NAME", "PG_AUTOCTL_AUTH_METHOD", "PG_AUTOCTL_HBA_LAN", "PGPORT"})
      ::unsetenv(name);
  }

  static Error refused(const std::string& line) {
    const auto invocation = parse(words(line));
    EXPECT_FALSE(invocation) << line;
    return invocation ? Error{} : invocation.error();
  }
};

// What the seeds and the pages of the docs type, and the command that it is.
const std::vector<std::pair<std::string, std::string>> lines_of_the_tutorials = {
    {"create postgres --ssl-self-signed --auth trust --pg-hba-lan --run", "create postgres"},
    {"create monitor --ssl-self-signed --auth trust --run", "create monitor"},
    {"create monitor --auth trust --ssl-self-signed --pgdata ./monitor --pgport 6000 --nodename 127.0.0.1 "
     "--pgctl /usr/pgsql-11/bin/pg_ctl",
     "create monitor"},
    {"create postgres --auth trust --ssl-self-signed --pgdata ./node_a --pgport 6010 --nodename 127.0.0.1 "
     "--pgctl /usr/pgsql-11/bin/pg_ctl "
     "--monitor postgres://autoctl_node@127.0.0.1:6000/pg_auto_failover?sslmode=require",
     "create postgres"},
    {"rotate password --pgdata node --formation shop --wait 5", "rotate password"},
    {"token create --pgdata monitor --nodes 2 --formation shop --group 0 --ttl 30m --json", "token create"},
    {"token list --pgdata monitor", "token list"},
    {"token revoke 3 --pgdata monitor", "token revoke"},
    {"create worker --pgdata w --auth scram-sha-256 --monitor https://m:8000 --join-token-file join-token",
     "create worker"},
    {"enable monitor https://m:8000 --pgdata w --join-token autoctl-join.abc", "enable monitor"},
    {"run --pgdata ./node_a", "run"},
    {"watch", "watch"},
    {"show state", "show state"},
    {"show state --pgdata ./monitor", "show state"},
    {"show state --json", "show state"},
    {"show uri", "show uri"},
    {"show uri --monitor --json", "show uri"},
    {"show uri --pgdata node_a --formation default", "show uri"},
    {"show events --formation default --group 0 --count 5", "show events"},
    {"show settings", "show settings"},
    {"show standby-names", "show standby-names"},
    {"show file --json", "show file"},
    {"show systemd", "show systemd"},
    {"perform switchover", "perform switchover"},
    {"perform failover --formation default --group 0 --wait 30", "perform failover"},
    {"perform failover --allow-data-loss", "perform failover"},
    {"perform switchover --allow-data-loss", "perform switchover"},
    {"perform promotion --name node1", "perform promotion"},
    {"show state --local --json", "show state"},
    {"show state --watch", "show state"},
    {"show file --state --contents", "show file"},
    {"show file --init", "show file"},
    {"watch --json --wait", "watch"},
    {"run --name a --hostname h --pgport 6001", "run"},
    {"drop node --name a --no-wait", "drop node"},
    {"create formation --formation a --without-secondary --number-sync-standbys 0", "create formation"},
    {"inspect fsm mermaid steady-state", "inspect fsm mermaid"},
    {"inspect monitor get primary --json", "inspect monitor get primary"},
    {"inspect pgsetup wait --read-write --timeout 60", "inspect pgsetup wait"},
    {"manual service pgctl off", "manual service pgctl off"},
    {"manual fsm assign primary --pgdata x", "manual fsm assign"},
    {"do tmux compose session --nodes 3", "do tmux"},
    {"enable maintenance --pgdata node3", "enable maintenance"},
    {"enable maintenance --allow-failover", "enable maintenance"},
    {"disable maintenance", "disable maintenance"},
    {"pause --formation default", "pause"},
    {"resume", "resume"},
    {"stop --fast", "stop"},
    {"stop --immediate", "stop"},
    {"reload", "reload"},
    {"status --json", "status"},
    {"explain --group 0 --json", "explain"},
    {"drop node --name node2 --formation default", "drop node"},
    {"drop node --hostname h --pgport 5433", "drop node"},
    {"drop monitor --destroy", "drop monitor"},
    {"create formation --formation shop --kind citus --dbname shop", "create formation"},
    {"create formation --formation shop --disable-secondary", "create formation"},
    {"create formation --formation shop --enable-secondary", "create formation"},
    {"enable secondary --formation shop --json", "enable secondary"},
    {"disable secondary --formation shop", "disable secondary"},
    {"drop formation --formation shop", "drop formation"},
    {"config get postgresql.port", "config get"},
    {"config set postgresql.port 5433", "config set"},
    {"config check", "config check"},
    {"set formation number-sync-standbys 1", "set formation"},
    {"get formation number-sync-standbys --json", "get formation number-sync-standbys"},
    {"get formation settings --formation default", "get formation settings"},
    {"set node candidate-priority 60 --name node2", "set node candidate-priority"},
    {"set node replication-quorum false --formation default --json", "set node replication-quorum"},
    {"set node metadata --name node2", "set node metadata"},
    {"set node metadata --hostname db1.example --pgport 5433 --json", "set node metadata"},
    {"get node region --name node2", "get node region"},
    {"inspect fsm list", "inspect fsm list"},
    {"inspect fsm mermaid", "inspect fsm mermaid"},
    {"inspect fsm markdown", "inspect fsm markdown"},
    {"inspect fsm check", "inspect fsm check"},
    {"demo --keep", "demo"},
    {"version", "version"},
    {"-v show state", "show state"},
    {"show state -v --log-format json", "show state"}};

TEST_F(Parse, EveryLineOfTheTutorials) {
  for (const auto& [line, command] : lines_of_the_tutorials) {
    const auto invocation = parse(words(line));
    ASSERT_TRUE(invocation) << line << ": " << invocation.error().message;
    EXPECT_EQ(invocation->command, command) << line;
    EXPECT_TRUE(invocation->run) << line;
  }
}

TEST_F(Parse, ContainersConfigureANodeThroughTheEnvironment) {
  ::setenv("PGDATA", "/tmp/pgaf", 1);
  ::setenv("PGUSER", "tutorial", 1);
  ::setenv("PGDATABASE", "tutorial", 1);
  ::setenv("PG_AUTOCTL_HBA_LAN", "true", 1);
  ::setenv("PG_AUTOCTL_AUTH_METHOD", "trust", 1);
  ::setenv("PG_AUTOCTL_MONITOR", "postgresql://autoctl_node@monitor/pg_auto_failover", 1);
  ::setenv("PG_AUTOCTL_NODE_NAME", "node1", 1);
  const auto invocation = parse(words("create postgres --ssl-self-signed --run"));
  ASSERT_TRUE(invocation) << invocation.error().message;
  const auto options = std::any_cast<CreateOptions>(invocation->options);
  EXPECT_EQ(options.pgdata, "/tmp/pgaf");
  EXPECT_EQ(options.username, "tutorial");
  EXPECT_EQ(options.dbname, "tutorial");
  EXPECT_EQ(options.auth, "trust");
  EXPECT_EQ(options.name, "node1");
  EXPECT_EQ(options.monitor, "postgresql://autoctl_node@monitor/pg_auto_failover");
  EXPECT_TRUE(options.pg_hba_lan);
  EXPECT_TRUE(options.run);
}

TEST_F(Parse, AWordOfPatronisIsAnsweredWhateverFollowsIt) {
  for (const char* line : {"flush", "flush demo switchover", "edit-config --set ttl=20 demo", "remove shop --force",
                           "restart demo node1 --force"}) {
    const auto refused = parse(words(line));
    ASSERT_FALSE(refused) << line;
    EXPECT_EQ(refused.error().code, Errc::bad_usage) << line;
    EXPECT_THAT(refused.error().hint, HasSubstr("`")) << line << ": " << refused.error().message;
  }
}

TEST_F(Parse, ARoleThatIsCreatedIsASuperuserUnlessSomebodySaysOtherwise) {
  const auto made = [](const std::string& line) {
    const auto invocation = parse(words(line));
    EXPECT_TRUE(invocation) << line;
    return to_config(std::any_cast<CreateOptions>(invocation->options), "postgres");
  };
  const std::string line = "create postgres --pgdata /tmp/x --monitor https://m:7432 --no-ssl --auth trust";
  EXPECT_TRUE(made(line + " --username app")->superuser);
  EXPECT_FALSE(made(line + " --username app --no-superuser")->superuser);
  EXPECT_FALSE(made(line)->superuser) << "there is no role to create";
}

TEST_F(Parse, OurOwnPrefixWinsAndTheCommandLineWinsOverBoth) {
  ::setenv("PG_AUTOCTL_MONITOR", "https://pg:1", 1);
  ::setenv("AUTOCTL_MONITOR", "https://ours:1", 1);
  const auto monitor = [](const std::string& line) {
    return std::any_cast<OperationOptions>(parse(words(line))->options).target.monitor;
  };
  EXPECT_EQ(monitor("perform switchover"), "https://ours:1");
  EXPECT_EQ(monitor("perform switchover --monitor https://line:1"), "https://line:1");
}

TEST_F(Parse, AVariableForOneCommandDoesNotDisturbAnother) {
  ::setenv("PGPORT", "not a port", 1);
  EXPECT_TRUE(parse({"version"}));
  EXPECT_FALSE(parse(words("create monitor --auth trust --no-ssl")));
}

TEST_F(Parse, MistakesGetTheNearestWordAsAHint) {
  EXPECT_EQ(refused("shwo state").hint, "did you mean 'show'?");
  EXPECT_EQ(refused("show stat").hint, "did you mean 'state'?");
  EXPECT_EQ(refused("perform fialover").hint, "did you mean 'failover'?");
  EXPECT_EQ(refused("create postgres --ssl-self-singed").hint, "did you mean '--ssl-self-signed'?");
  EXPECT_THAT(refused("inspect fsm").hint, HasSubstr("list, mermaid, gv, markdown, check, state"));
  EXPECT_THAT(refused("").hint, HasSubstr("create"));
  EXPECT_THAT(refused("show state extra").message, HasSubstr("no argument 'extra'"));
}

TEST_F(Parse, ARefusalQuotesNoSecret) {
  for (const char* line :
       {"create postgres --monitor http://u:TOPSECRET@m", "create postgres --monitor host=m,password=TOPSECRET",
        "show state --monitr=postgres://u:TOPSECRET@m/d", "show state postgres://u:TOPSECRET@m/d",
        "create postgres --join-tokn=autoctl-join.TOPSECRET", "create postgres autoctl-join.TOPSECRET"}) {
    const Error error = refused(line);
    EXPECT_THAT(error.message + error.hint, Not(HasSubstr("TOPSECRET"))) << line;
  }
}

TEST_F(Parse, WrongValuesAreRefusedAndNamed) {
  for (const auto& [line, part] : std::vector<std::pair<std::string, std::string>>{
           {"create postgres --pgport 0", "--pgport"},
           {"create postgres --pgport 65536", "--pgport"},
           {"create postgres --pgport five", "--pgport"},
           {"create postgres --auth none", "none"},
           {"create postgres --monitor http://m", "--monitor"},
           {"create postgres --candidate-priority 101", "--candidate-priority"},
           {"create postgres --replication-quorum perhaps", "--replication-quorum"},
           {"create postgres --name a/b", "a/b"},
           {"create postgres --hostname 'a", "--hostname"},
           {"create postgres --maximum-backup-rate 1G", "1G"},
           {"create postgres --ssl-mode strict", "strict"},
           {"create postgres --group -1", "--group"},
           {"set node metadata --pgport 0", "--pgport"},
           {"set node metadata --hostname 'a", "--hostname"},
           {"create formation --formation f --enable-secondary --disable-secondary", "--enable-secondary"},
           {"perform promotion", "--name"},
           {"perform switchover --wait 0", "--wait"},
           {"stop --fast --immediate", "--fast"},
           {"show events --count 0", "--count"},
           {"show state --log-format xml", "--log-format"},
           {"config set postgresql.port", "value"}}) {
    const Error error = refused(line);
    EXPECT_EQ(error.code, Errc::bad_usage) << line;
    EXPECT_THAT(error.message, HasSubstr(part)) << line;
    EXPECT_THAT(error.message, HasSubstr("autoctl")) << line;
    EXPECT_FALSE(error.hint.empty()) << line;
  }
}

TEST_F(Parse, LogOptionsCountFromAnywhere) {
  EXPECT_EQ(parse(words("-v status -v"))->logging.verbosity, 2);
  EXPECT_EQ(parse(words("status -q"))->logging.verbosity, -1);
  EXPECT_EQ(parse(words("status --log-format json"))->logging.format, logging::Format::json);
}

TEST_F(Parse, HelpIsThereAtEveryLevel) {
  for (const char* line : {"--help", "show --help", "show state --help", "help show state", "--version"}) {
    const auto invocation = parse(words(line));
    ASSERT_TRUE(invocation) << line;
    testing::internal::CaptureStdout();
    const auto code = invocation->run();
    const std::string text = testing::internal::GetCapturedStdout();
    ASSERT_TRUE(code) << line;
    EXPECT_EQ(*code, ExitCode::ok) << line;
    EXPECT_THAT(text, HasSubstr("autoctl")) << line;
  }
}

TEST_F(Parse, TheManualIsTheOneInDocs) {
  std::ifstream file(AUTOCTL_SOURCE_DIR "/docs/cli.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), manual()) << "write it again: autoctl help --markdown > docs/cli.md";
}

TEST_F(Parse, EveryCommandTeachesByExample) {
  const std::string text = manual();
  std::size_t sections = 0;
  std::size_t examples = 0;
  for (std::size_t at = 0; (at = text.find("\n## `", at)) != std::string::npos; ++at) ++sections;
  for (std::size_t at = 0; (at = text.find("\n```sh\n", at)) != std::string::npos; ++at) ++examples;
  EXPECT_GT(sections, 25U);
  EXPECT_EQ(sections, examples);
}

TEST_F(Parse, CompletionKnowsVerbsAndOptions) {
  const std::string script = bash_completion();
  EXPECT_THAT(script, HasSubstr("\"autoctl perform\") words=\"failover switchover promotion"));
  EXPECT_THAT(script, HasSubstr("--candidate-priority"));
}

}  // namespace
}  // namespace autoctl::cli
