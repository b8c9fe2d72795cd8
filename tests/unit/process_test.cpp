#include "common/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "common/process/descriptor_limit.h"

namespace autoctl {
namespace {

using namespace std::chrono_literals;

Command shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  return command;
}

TEST(Process, CapturesOutputAndExitCode) {
  const auto finished = run(shell("echo out; echo err >&2; exit 3"), 10s);
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(finished->exit_code, 3);
  EXPECT_EQ(finished->output, "out\nerr\n");
}

TEST(Process, SeesLinesAsTheyComeAndSplitsAtCarriageReturns) {
  std::vector<std::string> lines;
  const auto finished =
      run(shell("printf 'one\\rtwo\\nthree'"), 10s, {}, [&](const auto& line) { lines.push_back(line); });
  ASSERT_TRUE(finished);
  EXPECT_THAT(lines, testing::ElementsAre("one", "two", "three"));
}

TEST(Process, AMissingProgramIsAnErrorThatNamesIt) {
  Command command;
  command.argv = {"/nonexistent/program"};
  const auto child = Child::spawn(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Errc::system);
  EXPECT_THAT(child.error().message, testing::HasSubstr("/nonexistent/program"));
}

TEST(Process, ATimeoutKillsTheWholeGroup) {
  const auto start = std::chrono::steady_clock::now();
  const auto finished = run(shell("sleep 60 & sleep 60"), 100ms);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(Process, CancelEndsIt) {
  const auto finished = run(shell("sleep 60"), 60s, [] { return true; });
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::unavailable);
}

TEST(Process, ASignalIsReported) {
  auto child = Child::spawn(shell("sleep 60"));
  ASSERT_TRUE(child);
  EXPECT_TRUE(child->running());
  EXPECT_FALSE(child->wait(0ms));
  ASSERT_TRUE(child->signal(SIGKILL));
  const auto finished = child->wait(10s);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->signal, SIGKILL);
  EXPECT_FALSE(child->running());
  EXPECT_EQ(child->pidfd(), -1);
  EXPECT_FALSE(child->signal(SIGTERM));
}

TEST(Process, TheChildHasItsOwnSessionCleanSignalsAndNoDescriptors) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  ::signal(SIGPIPE, SIG_IGN);
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("DROPPED", "1", 1);
  const int leaked = ::dup(2);  // without close-on-exec
  auto command = shell(
      "grep -E '^(SigBlk|SigIgn)' /proc/self/status; ls /proc/$$/fd; cut -d' ' -f6 /proc/$$/stat; "
      "echo $$; echo \"[$NOTIFY_SOCKET][$DROPPED][$ADDED]\"");
  command.without_env = {"DROPPED"};
  command.env = {{"ADDED", "yes"}};
  const auto finished = run(command, 10s);
  ::close(leaked);
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("DROPPED");
  ::signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(finished);
  std::istringstream lines(finished->output);
  std::vector<std::string> words{std::istream_iterator<std::string>(lines), {}};
  ASSERT_EQ(words.size(), 10U) << finished->output;
  EXPECT_EQ(words[1], "0000000000000000");
  EXPECT_EQ(words[3], "0000000000000000");
  EXPECT_THAT((std::vector<std::string>{words[4], words[5], words[6]}), testing::ElementsAre("0", "1", "2"));
  EXPECT_EQ(words[7], words[8]) << "session id is its own pid";
  EXPECT_EQ(words[9], "[][][yes]");
}

TEST(Process, ARaisedLimitOfDescriptorsIsNotTheChildrens) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{300, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto limit = raise_descriptor_limit();
  EXPECT_EQ(limit.inherited, 300U);
  EXPECT_GT(limit.now, 300U);
  EXPECT_EQ(descriptor_limit(), limit.now);
  const auto child = run(shell("ulimit -n"), 10s);
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(child->output, "300\n");
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Process, OutputGoesToAFile) {
  const std::string path = testing::TempDir() + "/process_test." + std::to_string(::getpid());
  auto command = shell("echo line");
  command.output_file = path;
  ASSERT_TRUE(run(command, 10s));
  ASSERT_TRUE(run(command, 10s));
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  ::unlink(path.c_str());
  EXPECT_EQ(text.str(), "line\nline\n");
}

TEST(Process, AdoptedProcessesAreWatchedAndOrphansBecomeOurs) {
  ASSERT_TRUE(become_subreaper());
  const auto finished = run(shell("sleep 60 & echo $!"), 10s);
  ASSERT_TRUE(finished);
  const pid_t orphan = std::stoi(finished->output);
  EXPECT_THAT(list_children(), testing::Contains(orphan));
  auto child = Child::adopt(orphan);
  ASSERT_TRUE(child);
  EXPECT_TRUE(child->running());
  ASSERT_TRUE(child->signal(SIGTERM));
  const auto end = child->wait(10s);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGTERM);
  EXPECT_FALSE(Child::adopt(orphan)) << "reaped, so gone";
}

TEST(Process, AdoptingAForeignProcessTellsNoExitCode) {
  auto parent = Child::adopt(::getppid());
  ASSERT_TRUE(parent);
  EXPECT_TRUE(parent->running());
  EXPECT_FALSE(parent->wait(0ms));
}

}  // namespace
}  // namespace autoctl
