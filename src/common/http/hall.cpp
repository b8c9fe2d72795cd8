#include "common/http/hall.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/http/session.h"
#include "common/http/socket.h"

namespace autoctl::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

/// One for whom something is under way is not sent away for another sooner than this.
constexpr milliseconds patience{1'000};
constexpr std::size_t known_places_max = 8'192;
/// Handshakes that are begun before other work has its turn again.
constexpr int handshakes_in_a_row = 16;
constexpr int stranger_handshakes_in_a_row = 4;
constexpr int looks_per_second = 10;
constexpr int large_bodies_max = 32;
/// A connection costs some 50 kB while it shakes hands: after so many the allocator keeps more than it should.
constexpr std::size_t worth_giving_back = 200;
constexpr std::chrono::seconds give_back_interval{5};

/// Connection ids are unique in the process, not only on one server.
std::uint64_t next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

int turns_per_look(const ServerOptions& options) {
  return (options.stranger_handshakes_per_second + looks_per_second - 1) / looks_per_second;
}

/// As text_of() spells it.
std::string normal(const std::string& address) {
  error_code failed;
  const auto parsed = asio::ip::make_address(address, failed);
  return failed ? address : text_of(parsed);
}

}  // namespace

Hall::Hall(ServerOptions o, Handlers h)
    : options(std::move(o)),
      handlers(std::move(h)),
      strangers_(budget_of(options).strangers, patience),
      newcomers_(budget_of(options).newcomers, patience),
      members_(budget_of(options).members, patience),
      known_(known_places_max),
      strangers_lobby_(options.handshake_wait_max),
      newcomers_lobby_(options.handshake_wait_max),
      stranger_turns_(turns_per_look(options)) {
  for (const std::string& address : options.known_addresses) known_.note(normal(address));
}

void Hall::welcome(tcp::socket socket) {
  error_code gone;
  const auto peer = socket.remote_endpoint(gone);
  if (gone) return;
  const auto id = next_connection_id();
  const auto session = make_session(*this, std::move(socket), id);
  session->address = text_of(peer.address());
  session->known = known_.has(session->address);
  session->place = session->known ? session->address : network_of(peer.address());
  session->room = session->known ? &newcomers_ : &strangers_;
  const auto entry = session->room->enter(id, session->place, std::chrono::steady_clock::now());
  if (entry.gives_way) close(*entry.gives_way);
  if (!entry.comes_in) return turn_away(*session);
  sessions_.emplace(id, session);
  session->start();
}

bool Hall::make_room() {
  const auto now = std::chrono::steady_clock::now();
  auto spared = strangers_.let_go(now);
  if (!spared) spared = newcomers_.let_go(now);
  if (spared) close(*spared);
  return spared.has_value();
}

void Hall::queue(const std::shared_ptr<Session>& session) {
  const auto now = std::chrono::steady_clock::now();
  session->greeted = true;
  session->room->work(session->id, now);
  (session->known ? newcomers_lobby_ : strangers_lobby_).enter(session, session->place, now);
  if (!std::exchange(turns_posted_, true)) asio::post(io, [this] { begin_handshakes(); });
}

bool Hall::recognize(Session& session, const std::string& credential) {
  known_.note(session.address);
  if (session.room == &members_) return true;
  session.room->leave(session.id);
  const auto now = std::chrono::steady_clock::now();
  const auto entry = members_.enter(session.id, credential, now);
  session.room = &members_;
  members_.work(session.id, now);
  if (entry.gives_way) close(*entry.gives_way);
  if (!entry.comes_in) ++strain_.turned_away;
  return entry.comes_in;
}

void Hall::left(const Session& session) {
  session.room->leave(session.id);
  if (sessions_.erase(session.id) == 0) return;
  ++ended_;
  if (!session.heard || stopping || !handlers.on_disconnect) return;
  try {
    handlers.on_disconnect(session.id);
  } catch (const std::exception&) {  // the connection is gone: no client is left to tell
  }
}

bool Hall::begin_large_body() {
  if (large_bodies_ >= large_bodies_max) return false;
  ++large_bodies_;
  return true;
}

/// How late the server's thread comes shows from how late its timer does: that is the caller's to say.
Strain Hall::look(TimePoint now) {
  for (auto* lobby : {&newcomers_lobby_, &strangers_lobby_})
    for (const auto& session : lobby->overdue(now)) {
      turn_away(*session);
      session->finish();
    }
  calm_ = strangers_lobby_.empty() && newcomers_lobby_.empty() && stranger_turns_ == turns_per_look(options);
  stranger_turns_ = turns_per_look(options);
  if (!strangers_lobby_.empty() && !std::exchange(turns_posted_, true)) asio::post(io, [this] { begin_handshakes(); });
  give_memory_back(now);
  return std::exchange(strain_, {});
}

void Hall::stop() {
  stopping = true;
  // finish() takes the session out of the map.
  for (const auto& [id, weak] : std::exchange(sessions_, {}))
    if (const auto session = weak.lock()) session->finish();
}

void Hall::begin_handshakes() {
  turns_posted_ = false;
  if (stopping) return;
  for (int i = 0; i < handshakes_in_a_row; ++i)
    if (const auto session = newcomers_lobby_.next()) session->shake_hands();
  for (int i = 0; i < stranger_handshakes_in_a_row && stranger_turns_ > 0; ++i)
    if (const auto session = strangers_lobby_.next()) {
      --stranger_turns_;
      session->shake_hands();
    }
  const bool more = !newcomers_lobby_.empty() || (!strangers_lobby_.empty() && stranger_turns_ > 0);
  if (more && !std::exchange(turns_posted_, true)) asio::post(io, [this] { begin_handshakes(); });
}

/// It has left its room already.
void Hall::close(Guests::Id id) {
  const auto found = sessions_.find(id);
  const auto session = found == sessions_.end() ? nullptr : found->second.lock();
  if (!session) return;
  // A keeper is never silent for long: whoever says nothing tells nothing of a node.
  const bool may_be_missed = !session->heard && (session->greeted || !session->known);
  if (may_be_missed) turn_away(*session);
  session->finish();
}

void Hall::turn_away(const Session& session) {
  ++(session.known ? strain_.turned_away : strain_.strangers_closed);
  if (!session.known) strain_.stranger = session.place;
}

void Hall::refused(const Session& session, const std::string& why) {
  ++strain_.refused;
  strain_.refusal = session.address + ": " + why;
}

/// What a flood took, the allocator keeps: it takes it for needed again soon.
void Hall::give_memory_back(TimePoint now) {
  if (ended_ < worth_giving_back || now - gave_back_ < give_back_interval) return;
  ended_ = 0;
  gave_back_ = now;
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace autoctl::http
