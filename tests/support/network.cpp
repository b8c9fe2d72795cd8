#include "support/network.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace autoctl::test {
namespace {

constexpr Millis tool_timeout{10'000};
constexpr const char* router = "10.77.0.1";

std::string address(int number) {
  return fmt::format("10.77.0.{}", 10 + number);
}

/// `line` is split at blanks; tools are found in the usual places.
Result<> tool(const std::string& line) {
  Command command;
  command.argv = {"/bin/sh", "-c", "PATH=$PATH:/usr/sbin:/sbin; exec " + line};
  const auto finished = autoctl::run(command, tool_timeout);
  if (!finished) return fail(finished.error());
  if (!finished->ok()) return fail(Errc::system, fmt::format("{}: {}", line, finished->output));
  return {};
}

/// `packets`: a chain, and which of the packets that come through it.
Result<> drop(const std::string& packets) {
  return tool("nft add rule inet cuts " + packets + " drop");
}

std::string namespace_file(pid_t pid) {
  return fmt::format("/proc/{}/ns/net", pid);
}

std::string link_name(int number) {
  return fmt::format("place{}", number);
}

/// The two ends of the wire, ours and the place's.
std::string our_end(int number) {
  return fmt::format("near{}", number);
}
std::string their_end(int number) {
  return fmt::format("far{}", number);
}

}  // namespace

bool may_make_networks() {
  const char* sandbox = std::getenv("AUTOCTL_SANDBOX");
  return sandbox != nullptr && std::string(sandbox) == "yes";
}

Result<Network> Network::make(int places, Links links) {
  Network network;
  std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1\n";
  AUTOCTL_TRY(tool("nft add table inet cuts"));
  for (const char* hook : {"input", "output", "forward"})
    AUTOCTL_TRY(tool(fmt::format("nft 'add chain inet cuts {} {{ type filter hook {} priority 0; }}'", hook, hook)));
  for (int number = 0; number < places; ++number) AUTOCTL_TRY(network.add_place(number, links));
  return network;
}

/// Two pairs of interfaces, and between them the wire.
Result<> Network::add_wire(const std::string& link, int number, pid_t holder) {
  AUTOCTL_TRY(tool(fmt::format("ip link add {} type veth peer name {}", link, our_end(number))));
  AUTOCTL_TRY(tool(fmt::format("ip link add {} type veth peer name eth0 netns {}", their_end(number), holder)));
  for (const auto& end : {our_end(number), their_end(number)}) AUTOCTL_TRY(tool("ip link set " + end + " up"));
  auto wire = SlowWire::make(our_end(number), their_end(number));
  if (!wire) return fail(std::move(wire.error()));
  wires_.push_back(std::move(*wire));
  return {};
}

Result<> Network::add_place(int number, Links links) {
  Command command;
  command.argv = {"/usr/bin/unshare", "--net", "/bin/sleep", "infinity"};
  command.dies_with_parent = true;
  command.output_file = "/dev/null";
  auto holder = Child::spawn(command);
  if (!holder) return fail(std::move(holder.error()));
  const std::string ours = std::filesystem::read_symlink("/proc/self/ns/net");
  const std::string theirs = namespace_file(holder->pid());
  const bool separate = lab::eventually(tool_timeout, [&] {
    std::error_code error;
    const std::string now = std::filesystem::read_symlink(theirs, error);
    return !error && now != ours;
  });
  if (!separate) return fail(Errc::system, "no network namespace was made");

  const std::string link = link_name(number);
  const std::string inside = "nsenter --net=" + theirs + " ip ";
  // All places believe that they are in one /24, as HBA lines for one's own network want it, but every packet goes
  // through us.
  if (links == Links::adjustable)
    AUTOCTL_TRY(add_wire(link, number, holder->pid()));
  else
    AUTOCTL_TRY(tool(fmt::format("ip link add {} type veth peer name eth0 netns {}", link, holder->pid())));
  AUTOCTL_TRY(tool(fmt::format("ip addr add {}/32 dev {}", router, link)));
  AUTOCTL_TRY(tool(fmt::format("ip link set {} up", link)));
  AUTOCTL_TRY(tool(fmt::format("ip route add {}/32 dev {}", address(number), link)));
  AUTOCTL_TRY(tool(inside + "link set lo up"));
  AUTOCTL_TRY(tool(fmt::format("{} addr add {}/24 dev eth0 noprefixroute", inside, address(number))));
  AUTOCTL_TRY(tool(inside + "link set eth0 up"));
  AUTOCTL_TRY(tool(fmt::format("{} route add {} dev eth0 scope link", inside, router)));
  AUTOCTL_TRY(tool(fmt::format("{} route add default via {}", inside, router)));
  holders_.push_back(std::move(*holder));
  return {};
}

Network::~Network() {
  for (std::size_t number = 0; number < wires_.size(); ++number)
    (void)tool("ip link del " + their_end(static_cast<int>(number)));
  wires_.clear();
  for (std::size_t number = 0; number < holders_.size(); ++number) {
    (void)tool("ip link del " + link_name(static_cast<int>(number)));
    (void)holders_[number].signal(SIGKILL);
    holders_[number].wait(tool_timeout);
  }
  if (!holders_.empty()) (void)tool("nft delete table inet cuts");
}

lab::LocalCluster::Place Network::place(int number) const {
  lab::LocalCluster::Place place;
  place.host = address(number);
  place.pgport = 5432 + number;  // sockets have no network namespaces
  place.launcher = {"/usr/bin/nsenter", "--net=" + namespace_of(number)};
  place.lan = true;
  return place;
}

std::string Network::namespace_of(int number) const {
  return namespace_file(holders_[static_cast<std::size_t>(number)].pid());
}

Result<> Network::cut(int from, int to) {
  return drop(fmt::format("forward iifname {} oifname {}", link_name(from), link_name(to)));
}

Result<> Network::mute(int number) {
  AUTOCTL_TRY(drop("forward iifname " + link_name(number)));
  return drop("input iifname " + link_name(number));
}

Result<> Network::deafen(int number) {
  AUTOCTL_TRY(drop("forward oifname " + link_name(number)));
  return drop("output oifname " + link_name(number));
}

Result<> Network::isolate(int number) {
  AUTOCTL_TRY(mute(number));
  return deafen(number);
}

Result<> Network::lose(int number, int percent) {
  const std::string some = fmt::format(" numgen random mod 100 '<' {}", percent);
  AUTOCTL_TRY(drop("forward iifname " + link_name(number) + some));
  return drop("forward oifname " + link_name(number) + some);
}

void Network::adjust(int number, WireQuality quality) {
  wires_.at(static_cast<std::size_t>(number))->set(quality);
}

Result<std::string> Network::add_address(int number) {
  const std::string other = fmt::format("10.78.0.{}", 10 + number);
  AUTOCTL_TRY(tool(fmt::format("ip route add {}/32 dev {}", other, link_name(number))));
  AUTOCTL_TRY(tool(fmt::format("{}addr add {}/32 dev eth0", ip_inside(number), other)));
  return other;
}

Result<> Network::send_from(int from, int to, const std::string& source) {
  return tool(fmt::format("{}route add {}/32 via {} src {}", ip_inside(from), address(to), router, source));
}

Result<> Network::translate(int from, int to, const std::string& source) {
  AUTOCTL_TRY(tool("nft 'add chain inet cuts translation { type nat hook postrouting priority 100; policy accept; }'"));
  return tool(fmt::format("nft add rule inet cuts translation ip saddr {} oifname {} snat ip to {}", address(from),
                          link_name(to), source));
}

std::string Network::ip_inside(int number) const {
  return "nsenter --net=" + namespace_of(number) + " ip ";
}

Result<> Network::heal() {
  for (const auto& wire : wires_) wire->set({});
  return tool("nft flush table inet cuts");
}

}  // namespace autoctl::test
