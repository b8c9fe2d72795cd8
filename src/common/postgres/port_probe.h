// Tries a port of a host: does the node's server answer there? What an answer proves is in port_verdict.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "common/postgres/port_verdict.h"
#include "common/tls/handshake.h"
#include "common/util/descriptor.h"
#include "common/util/resolve.h"

namespace autoctl::postgres {

/// Which server is looked for.
enum class Expect : unsigned char {
  keeper,       // it takes a connection and, where its certificates are known, shows no other one
  postmaster,   // it answers as a postmaster does: the kernel of a frozen one still takes connections
  certificate,  // the same; what it shows is to be learnt
  own_port,     // what the port of a keeper or a monitor shows is to be learnt
};

/// One attempt: nonblocking, driven by poll(). Whatever the other side does, no call takes long, and each address has
/// its time. Not thread-safe.
class PortProbe {
 public:
  /// `addresses` have their port. All of them together may take `patience`, each an equal share of what is left.
  /// `certificates` are those that the node may show; empty: who answers is not looked at.
  PortProbe(Expect expect, std::vector<SocketAddress> addresses, Millis patience,
            std::vector<Fingerprint> certificates = {});

  void start(TimePoint now);
  /// After the socket became ready or the deadline passed.
  void advance(TimePoint now);

  int fd() const { return socket_.get(); }
  short events() const;
  TimePoint deadline() const { return deadline_; }
  bool done() const { return done_; }
  /// As judge_host(), once it is done.
  std::optional<PortState> result() const { return judge_host(signs_); }
  /// Why there is no result: the other side broke off, and ours did not fail.
  bool was_broken_off() const;
  /// What a postmaster that answered has shown, once it is done: nothing where it says that it has no TLS; nullopt where
  /// it was not asked or it is not known.
  std::optional<std::vector<Fingerprint>> shown() const;
  /// The same, to be read: PEM; empty where there is no TLS.
  std::optional<std::string> shown_pem() const;

 private:
  enum class Phase : unsigned char { connecting, reading, shaking_hands };
  void try_next(TimePoint now);
  void go_on(TimePoint now);
  bool learns() const { return expect_ == Expect::certificate || expect_ == Expect::own_port; }
  bool has_tls_at_once() const { return expect_ == Expect::keeper || expect_ == Expect::own_port; }
  bool asks_who_it_is() const { return learns() || !certificates_.empty(); }
  void connected(TimePoint now);
  void read_answer(TimePoint now);
  void begin_handshake(TimePoint now);
  void shake_hands(TimePoint now);
  void take(Sign sign, TimePoint now);
  void take_lateness(TimePoint now);

  Expect expect_;
  std::vector<SocketAddress> addresses_;
  Millis patience_;
  std::vector<Fingerprint> certificates_;
  TimePoint end_;
  std::vector<Sign> signs_;  // of the addresses that were tried, in order
  Descriptor socket_;
  std::optional<tls::Handshake> handshake_;
  std::optional<std::vector<Fingerprint>> shown_;
  std::string pem_;
  Phase phase_ = Phase::connecting;
  short events_ = 0;
  TimePoint deadline_;
  bool done_ = false;
};

/// Does the node's postmaster answer at one of these? Blocks up to `timeout`; `silent` when every attempt was broken
/// off, `unknown` when this side failed.
PortState probe_postgres(const std::vector<SocketAddress>& addresses, Millis timeout,
                         const std::vector<Fingerprint>& certificates = {});

/// Can this port be reached, and does the node's postmaster answer on it? Blocks up to `timeout`, and for as long as the
/// resolver takes. As above; `silent` also when the name cannot be resolved.
PortState probe_postgres(const std::string& host, int port, Millis timeout,
                         const std::vector<Fingerprint>& certificates = {});

/// The certificate of the server that answers at one of these as a postmaster does, the first that answers. Empty: it
/// has no TLS. Blocks up to `timeout`. nullopt: not known, for no server answered or it shows none to us.
std::optional<std::vector<Fingerprint>> certificate_of_postgres(const std::vector<SocketAddress>& addresses,
                                                                Millis timeout);

/// The same, to be read, of a Postgres (Expect::certificate) or of the port of a keeper or a monitor (Expect::own_port):
/// PEM; empty where there is no TLS.
std::optional<std::string> certificate_shown(const std::vector<SocketAddress>& addresses, Expect server,
                                             Millis timeout);

}  // namespace autoctl::postgres
