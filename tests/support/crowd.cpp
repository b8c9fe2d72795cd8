#include "tests/support/crowd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "common/monitor_client/monitor_api.h"
#include "common/protocol/protocol.h"
#include "keeper/agent/retry_pause.h"
#include "keeper/core/answer_patience.h"

namespace autoctl::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr Millis join_patience{10'000};
constexpr int nodes_of_a_formation = 2;
constexpr int callers_at_once = 8;

/// Counts as they come, from the crowd's thread; taken by another.
class Tally {
 public:
  template <class Change>
  void note(Change change) {
    const std::lock_guard lock(mutex_);
    change(counts_);
  }
  CrowdCounts take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(counts_, {});
  }

 private:
  std::mutex mutex_;
  CrowdCounts counts_;
};

/// A port at which every node seems to have a Postgres and a keeper: it answers a request for TLS with "no".
class Door {
 public:
  Door(asio::io_context& io, int port) : acceptor_(io, tcp::endpoint(tcp::v4(), static_cast<std::uint16_t>(port))) {
    accept();
  }
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  struct Visitor {
    explicit Visitor(tcp::socket s) : socket(std::move(s)) {}
    tcp::socket socket;
    std::array<char, 8> request{};
  };

  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
      if (failed) return;
      const auto visitor = std::make_shared<Visitor>(std::move(socket));
      asio::async_read(visitor->socket, asio::buffer(visitor->request), [visitor](error_code gone, std::size_t) {
        if (!gone) asio::async_write(visitor->socket, asio::buffer("N", 1), [visitor](error_code, std::size_t) {});
      });
      accept();
    });
  }

  tcp::acceptor acceptor_;
};

/// One keeper: connects, reports, waits for the answer, does what it says, and again. Its handlers run in the crowd's
/// thread; each carries the number of the try it belongs to, as a try may end while they are on their way.
class Pretender {
 public:
  Pretender(asio::io_context& io, asio::ssl::context& tls, tcp::endpoint monitor, Tally& tally)
      : io_(io), tls_(tls), monitor_(std::move(monitor)), tally_(tally), timer_(io) {}

  void registered(const protocol::RegisterAnswer& answer, const protocol::RegisterRequest& request, SystemId system) {
    token_ = answer.token;
    id_ = answer.node;
    system_ = system;
    report_.epoch = 1;
    report_.host = request.host;
    report_.port = request.port;
    report_.api_port = request.api_port;
    report_.pg_version = "17.0";
    report_.instance = {.id = "link-" + request.name, .number = 1, .place = request.name};
    report_.facts.state = NodeState::init;
  }
  void set_peer(const Pretender* peer) { peer_ = peer; }
  bool at_rest() const { return at_rest_; }

  void begin() {
    if (leaving_) return;
    ++try_;
    ++report_.sequence;
    report_.wait = true;
    report_.known_version = assignment_.version;
    obey();
    sent_at_ = Clock::now();
    timer_.expires_after(assignment_.heartbeat + patience_.now());
    timer_.async_wait([this, number = try_](error_code cancelled) {
      if (cancelled || number != try_) return;
      tally_.note([](CrowdCounts& c) { ++c.timeouts; });
      patience_.ran_out();
      give_up();
    });
    stream_ ? send() : connect();
  }

  void leave() {
    leaving_ = true;
    ++try_;
    timer_.cancel();
    drop();
  }

 private:
  using Stream = beast::ssl_stream<beast::tcp_stream>;

  /// Of this try: what ended with an error ends the try.
  template <class Then>
  auto step(Then then) {
    return [this, number = try_, stream = stream_, then](error_code failed, auto&&...) {
      if (number != try_) return;
      if (!failed) return then();
      tally_.note([](CrowdCounts& c) { ++c.broken; });
      give_up();
    };
  }

  void connect() {
    stream_ = std::make_shared<Stream>(io_, tls_);
    buffer_.clear();
    beast::get_lowest_layer(*stream_).async_connect(
        monitor_, step([this] {
          error_code ignored;
          beast::get_lowest_layer(*stream_).socket().set_option(tcp::no_delay(true), ignored);
          stream_->async_handshake(asio::ssl::stream_base::client, step([this] {
                                     tally_.note([](CrowdCounts& c) { ++c.connections; });
                                     send();
                                   }));
        }));
  }

  void send() {
    request_ = {};
    request_.version(11);
    request_.method(bhttp::verb::post);
    request_.target("/v1/nodes/" + std::to_string(id_.value) + "/report");
    request_.set(bhttp::field::host, "monitor");
    request_.set(bhttp::field::authorization, "Bearer " + token_);
    request_.body() = protocol::encode(report_);
    request_.prepare_payload();
    response_.emplace();
    bhttp::async_write(*stream_, request_, step([this] {
      bhttp::async_read(*stream_, buffer_, *response_, step([this] { take(response_->release()); }));
    }));
  }

  void take(bhttp::response<bhttp::string_body> answer) {
    const int status = static_cast<int>(answer.result_int());
    const auto waited = std::chrono::duration_cast<Millis>(Clock::now() - sent_at_);
    if (!answer.keep_alive()) drop();
    tally_.note([&](CrowdCounts& c) {
      status == 200 ? ++c.answers : status == 503 ? ++c.shed : ++c.refused;
      if (status == 200) c.waits.push_back(static_cast<int>(waited.count()));
    });
    asked_ = status == 503 ? Millis{1'000} : Millis{0};
    if (status == 200) {
      pause_.answered();
      patience_.answered();
    }
    if (status == 200)
      if (auto assignment = protocol::decode<protocol::Assignment>(answer.body())) assignment_ = *std::move(assignment);
    status == 200 ? begin() : pause();
  }

  void give_up() {
    ++try_;
    asked_ = Millis{0};
    drop();
    pause();
  }
  void pause() {
    timer_.expires_after(pause_.next(asked_));
    timer_.async_wait([this, number = try_](error_code cancelled) {
      if (!cancelled && number == try_) begin();
    });
  }
  void drop() {
    if (stream_) beast::get_lowest_layer(*stream_).close();
    stream_.reset();
  }

  /// It sees what it should see once it has done what it was told.
  void obey() {
    const Goal& goal = assignment_.goal;
    NodeFacts& facts = report_.facts;
    if (goal.state == NodeState::init) return;
    facts = {.state = goal.state, .term = goal.term, .system_id = system_};
    facts.timeline = Timeline{1};
    facts.lsn = Lsn{0x3000000};
    facts.upstream = goal.upstream;
    facts.in_recovery = traits_of(goal.state).postgres == PostgresRole::standby;
    facts.postgres_running = facts.in_recovery || may_accept_writes(goal.state);
    facts.receiving = follows_primary(goal.state);
    facts.upstream_port = facts.in_recovery ? PortState::open : PortState::unknown;
    at_rest_ = goal.state == NodeState::primary || goal.state == NodeState::secondary;
    if (!is_leader_state(goal.state)) return;
    facts.sync_in_force = goal.sync;
    for (const auto& peer : assignment_.peers) {
      facts.prepared_peers.push_back(peer.id);
      if (peer_ != nullptr && peer_->report_.facts.receiving) facts.streaming.push_back(peer.id);
    }
  }

  asio::io_context& io_;
  asio::ssl::context& tls_;
  const tcp::endpoint monitor_;
  Tally& tally_;
  asio::steady_timer timer_;
  std::string token_;
  NodeId id_;
  SystemId system_;
  const Pretender* peer_ = nullptr;
  protocol::Report report_;
  protocol::Assignment assignment_;
  std::shared_ptr<Stream> stream_;
  beast::flat_buffer buffer_;
  bhttp::request<bhttp::string_body> request_;
  std::optional<bhttp::response_parser<bhttp::string_body>> response_;
  keeper::RetryPause pause_;
  keeper::AnswerPatience patience_;
  Millis asked_{0};  // by the monitor, to be left alone for so long
  Clock::time_point sent_at_;
  std::uint64_t try_ = 0;
  std::atomic<bool> at_rest_ = false;
  bool leaving_ = false;
};

}  // namespace

int CrowdCounts::wait(double part) const {
  if (waits.empty()) return -1;
  return waits[std::min(waits.size() - 1, static_cast<std::size_t>(part * static_cast<double>(waits.size())))];
}

class Crowd::Impl {
 public:
  explicit Impl(CrowdOptions options) : options_(std::move(options)) {
    error_code ignored;
    tls_.set_verify_mode(asio::ssl::verify_none, ignored);
    doors_.emplace_back(std::make_unique<Door>(io_, options_.ports));
    doors_.emplace_back(std::make_unique<Door>(io_, options_.ports + 1));
    thread_ = std::thread([this] { io_.run(); });
  }

  Result<> join(TimePoint deadline) {
    std::vector<std::future<Result<>>> callers;
    for (int i = 0; i < callers_at_once; ++i)
      callers.push_back(std::async(std::launch::async, [this, deadline] { return add_formations(deadline); }));
    Result<> all;
    for (auto& caller : callers)
      if (auto result = caller.get(); !result) all = std::move(result);
    return all;
  }

  std::size_t joined() const {
    const std::lock_guard lock(mutex_);
    return crowd_.size();
  }

  void leave() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      const std::lock_guard lock(mutex_);
      for (const auto& one : crowd_) one->leave();
      for (const auto& door : doors_) door->close();
    });
    thread_.join();  // nothing is pending any more
  }

  CrowdCounts counts() {
    CrowdCounts counts = tally_.take();
    std::ranges::sort(counts.waits);
    return counts;
  }

  std::size_t at_rest() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(crowd_, [](const auto& one) { return one->at_rest(); }));
  }

 private:
  Result<> add_formations(TimePoint deadline) {
    auto api = client::MonitorApi::create({.url = "https://" + options_.host + ":" + std::to_string(options_.port),
                                           .ca_pem = options_.ca_pem,
                                           .monitor_id = {},
                                           .token = options_.token});
    if (!api) return fail(std::move(api.error()));
    Result<> last;
    while (!reserve()) {
      if (Clock::now() >= deadline)
        return last ? fail(Errc::timeout, "not all nodes could be registered in time") : last;
      last = add_formation(*api);
      const bool busy = !last && (last.error().code == Errc::unavailable || last.error().code == Errc::timeout);
      if (!last && !busy) return last;
      if (!last) reserved_ -= nodes_of_a_formation;
    }
    return {};
  }
  /// True when there are enough.
  bool reserve() {
    if (reserved_.fetch_add(nodes_of_a_formation) < options_.nodes) return false;
    reserved_ -= nodes_of_a_formation;
    return true;
  }

  /// A formation whose nodes cannot all be registered stays behind: the next one has another name and other addresses.
  Result<> add_formation(client::MonitorApi& api) {
    const int formation = formations_++;
    const std::string name = "crowd_" + std::to_string(formation);
    if (auto made = api.create_formation({.name = name}, join_patience); !made) return fail(std::move(made.error()));
    std::vector<std::unique_ptr<Pretender>> members;
    for (int i = 0; i < nodes_of_a_formation; ++i) {
      const int number = formation * nodes_of_a_formation + i;
      protocol::RegisterRequest request;
      request.formation = name;
      request.name = "pretender_" + std::to_string(number);
      request.host = "127." + std::to_string(1 + number / 62'500) + "." + std::to_string(number / 250 % 250) + "." +
                     std::to_string(1 + number % 250);
      request.port = options_.ports;
      request.api_port = options_.ports + 1;
      auto answer = api.register_node(request, join_patience);
      if (!answer) return fail(std::move(answer.error()));
      members.push_back(std::make_unique<Pretender>(io_, tls_, monitor_, tally_));
      members.back()->registered(*answer, request, SystemId{7'000'000'000ULL + static_cast<std::uint64_t>(formation)});
    }
    members.front()->set_peer(members.back().get());
    members.back()->set_peer(members.front().get());
    const std::lock_guard lock(mutex_);
    for (auto& one : members) {
      asio::post(io_, [begins = one.get()] { begins->begin(); });
      crowd_.push_back(std::move(one));
    }
    return {};
  }

  const CrowdOptions options_;
  const tcp::endpoint monitor_{asio::ip::make_address(options_.host), static_cast<std::uint16_t>(options_.port)};
  std::atomic<int> formations_ = 0;
  std::atomic<int> reserved_ = 0;  // nodes that are registered, or about to be
  mutable std::mutex mutex_;       // guards crowd_; what is in there is the thread's own
  asio::io_context io_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  Tally tally_;
  std::vector<std::unique_ptr<Pretender>> crowd_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::thread thread_;
};

Crowd::Crowd(CrowdOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Crowd::~Crowd() {
  leave();
}
Result<> Crowd::join(TimePoint deadline) {
  return impl_->join(deadline);
}
std::size_t Crowd::joined() const {
  return impl_->joined();
}
void Crowd::leave() {
  impl_->leave();
}
CrowdCounts Crowd::counts() {
  return impl_->counts();
}
std::size_t Crowd::at_rest() const {
  return impl_->at_rest();
}

}  // namespace autoctl::test
