// fork + exec. Between the two only async-signal-safe calls are made: the parent has threads.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/process/descriptor_limit.h"
#include "common/process/pidfd.h"
#include "common/process/process.h"

namespace autoctl {
namespace {

/// Only for the process that the service manager started: a Postgres that says READY=1 or STOPPING=1 would speak for
/// us.
constexpr std::array<std::string_view, 5> service_variables = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
                                                               "LISTEN_PID", "LISTEN_FDS"};

std::vector<std::string> environment_for(const Command& command) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (command.env.contains(std::string(name)) ||
        std::ranges::find(service_variables, name) != service_variables.end() ||
        std::ranges::find(command.without_env, name) != command.without_env.end())
      continue;
    out.emplace_back(text);
  }
  for (const auto& [name, value] : command.env) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Everything that the child needs, made before the fork.
struct Plan {
  char* const* argv;
  char* const* env;
  const char* directory;  // nullptr = stay
  int input, output;      // become 0, and 1 and 2
  int report;             // close-on-exec pipe: errno of what failed
  bool dies_with_parent;
  pid_t parent;
  const rlimit* descriptors;  // the limit that it gets; nullptr = the parent's
};

void close_others_on_exec() {
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Kernels before 5.11.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
  for (int fd = 3; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void become(const Plan& plan) {
  const auto give_up = [&] {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(plan.report, &error, sizeof error);
    ::_exit(127);
  };
  // A session of its own: neither a terminal's Ctrl-C nor its hang-up reaches the child.
  ::setsid();
  if (plan.dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(127);
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0) give_up();
  close_others_on_exec();
  if (plan.descriptors != nullptr) ::setrlimit(RLIMIT_NOFILE, plan.descriptors);
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up();
  ::execve(plan.argv[0], plan.argv, plan.env);
  give_up();
  ::_exit(127);
}

/// With every signal blocked across the fork, none can run a handler of ours in the child.
pid_t fork_and_exec(const Plan& plan) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) become(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

tl::unexpected<Error> cannot_start(const Command& command, int error) {
  return fail(Errc::system, "cannot run " + command.argv.front() + ": " + std::strerror(error));
}

}  // namespace

Result<Child> Child::spawn(const Command& command) {
  if (command.argv.empty()) return fail(Errc::internal, "a command without a program");
  auto arguments = command.argv;
  auto variables = environment_for(command);
  const auto argv = pointers(arguments);
  const auto env = pointers(variables);

  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> report_pipe{-1, -1};
  std::array<int, 2> output_pipe{-1, -1};
  if (!input.valid() || ::pipe2(report_pipe.data(), O_CLOEXEC) != 0) return cannot_start(command, errno);
  const Descriptor report_in(report_pipe[0]);
  Descriptor report_out(report_pipe[1]);
  Descriptor output_in, output_out;
  if (command.output_file.empty()) {
    if (::pipe2(output_pipe.data(), O_CLOEXEC) != 0) return cannot_start(command, errno);
    output_in = Descriptor(output_pipe[0]);
    output_out = Descriptor(output_pipe[1]);
    ::fcntl(output_in.get(), F_SETFL, O_NONBLOCK);
  } else {
    output_out = Descriptor(::open(command.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!output_out.valid())
      return fail(Errc::system, "cannot write " + command.output_file + ": " + std::strerror(errno));
  }
  const char* directory = command.working_directory.empty() ? nullptr : command.working_directory.c_str();
  const Plan plan{.argv = argv.data(),
                  .env = env.data(),
                  .directory = directory,
                  .input = input.get(),
                  .output = output_out.get(),
                  .report = report_out.get(),
                  .dies_with_parent = command.dies_with_parent,
                  .parent = ::getpid(),
                  .descriptors = inherited_descriptor_limit()};
  const pid_t pid = fork_and_exec(plan);
  if (pid < 0) return cannot_start(command, errno);
  report_out.reset();

  int error = 0;
  ssize_t count = 0;
  do {
    count = ::read(report_in.get(), &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    return cannot_start(command, error);
  }
  Child child;
  child.pid_ = pid;
  child.output_fd_ = std::move(output_in);
  child.pidfd_ = Descriptor(open_pidfd(pid));
  if (!child.pidfd_.valid()) {
    const int reason = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return cannot_start(command, reason);
  }
  return child;
}

}  // namespace autoctl
