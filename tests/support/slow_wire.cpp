#include "support/slow_wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

/// A frame that the sender left to the network card to cut up, with its header.
constexpr std::size_t frame_max = 70'000;
constexpr int receive_buffer = 4 * 1024 * 1024;
constexpr int poll_max_ms = 50;

Result<Descriptor> open_interface(const std::string& name) {
  const auto complain = [&](const char* what) {
    return fail(Errc::system, std::string(what) + " " + name + ": " + std::strerror(errno));
  };
  Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return complain("no packet socket for");
  // Frames come with a note of what the card was to do with them (checksum, segments), and go on with it.
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      ::setsockopt(socket.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0)
    return complain("cannot set up the packet socket for");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return complain("cannot listen on");
  return socket;
}

}  // namespace

Result<std::unique_ptr<SlowWire>> SlowWire::make(const std::string& left, const std::string& right) {
  auto one = open_interface(left);
  if (!one) return fail(std::move(one.error()));
  auto other = open_interface(right);
  if (!other) return fail(std::move(other.error()));
  return std::unique_ptr<SlowWire>(new SlowWire(std::move(*one), std::move(*other)));
}

SlowWire::SlowWire(Descriptor left, Descriptor right)
    : left_(std::move(left)),
      right_(std::move(right)),
      there_([this] { carry(left_.get(), right_.get(), 1); }),
      back_([this] { carry(right_.get(), left_.get(), 2); }) {}

SlowWire::~SlowWire() {
  stopping_ = true;
  there_.join();
  back_.join();
}

void SlowWire::set(WireQuality quality) {
  delay_ = quality.delay.count();
  loss_percent_ = quality.loss_percent;
}

void SlowWire::carry(int from, int to, unsigned seed) {
  struct Frame {
    Clock::time_point due;
    std::vector<char> bytes;
  };
  std::deque<Frame> under_way;
  std::minstd_rand dice(seed);
  std::vector<char> buffer(frame_max);
  while (!stopping_) {
    auto wait = Millis(poll_max_ms);
    if (!under_way.empty()) wait = std::min(wait, std::chrono::ceil<Millis>(under_way.front().due - Clock::now()));
    pollfd readable{from, POLLIN, 0};
    ::poll(&readable, 1, static_cast<int>(std::max(Millis::rep{0}, wait.count())));
    const ssize_t size = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0 && static_cast<int>(dice() % 100) >= loss_percent_)
      under_way.push_back({Clock::now() + Millis(delay_.load()), {buffer.data(), buffer.data() + size}});
    for (; !under_way.empty() && under_way.front().due <= Clock::now(); under_way.pop_front())
      (void)::send(to, under_way.front().bytes.data(), under_way.front().bytes.size(), 0);
  }
}

}  // namespace autoctl::test
