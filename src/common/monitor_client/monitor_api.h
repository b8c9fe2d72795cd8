// The monitor's API as typed calls: what keepers and the CLI say to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/http/client.h"
#include "common/protocol/protocol.h"
#include "common/protocol/tokens.h"
#include "common/util/result.h"

namespace autoctl::client {

/// Where the monitor's API is, and the credentials for both sides.
struct MonitorEndpoint {
  std::string url;                   // https://host:port[,host:port…]
  std::string ca_pem;                // certificates to trust; empty = the system's store
  std::string monitor_id;            // its identity, if known
  std::string token;                 // sent as bearer; may be empty
  std::string certificate_pem = {};  // what this side shows, with its key; empty: nothing
  std::string key_pem = {};
};

struct MonitorVersion {
  int protocol = 0;
  std::string version;
  std::string monitor_id;
};

struct EventsQuery {
  std::string formation;  // empty = all
  std::optional<GroupId> group;
  std::int64_t after = -1;  // events with a larger id; -1 = the last `count`
  int count = 0;            // 0 = the monitor's default
  Millis wait{0};           // hold the answer until there is one
};

/// Not thread-safe but for cancel(): one per thread. Each call ends by its timeout. Where the URL names several hosts,
/// calls that may be repeated try the next host when one is unavailable, and stay with the host that answered. A monitor
/// that is overloaded and asks to be left alone for a moment is asked again while there is time, but for report(): the
/// next one will be newer. Errors of all calls: those of http::Client, those that the monitor answers with (protocol::decode_error), and incompatible
/// for another protocol version.
class MonitorApi {
 public:
  /// Errors: bad_usage (the URL).
  static Result<MonitorApi> create(const MonitorEndpoint& endpoint);

  void set_token(const std::string& token);
  /// From the next connection on it trusts and shows what `endpoint` says; its address is not looked at. Of the thread
  /// that calls.
  void set_trust(const MonitorEndpoint& endpoint);
  /// Goes with everything that changes something from now on, for the event log: why.
  void set_reason(const std::string& reason) { reason_ = reason; }
  /// Makes a call that is under way in another thread, and all later ones, return `unavailable`. Thread-safe.
  void cancel();

  Result<MonitorVersion> version(Millis timeout);
  Result<protocol::RegisterAnswer> register_node(const protocol::RegisterRequest& request, Millis timeout);
  Result<protocol::Assignment> report(NodeId node, const protocol::Report& report, Millis timeout);
  /// The last call failed because the monitor was overloaded, which has asked not to be asked again before; else 0.
  Millis asked_to_wait() const { return asked_to_wait_; }
  /// Returns all settings of the node.
  Result<protocol::SettingsDocument> change_node(NodeId node, const protocol::SettingsDocument& changes,
                                                 Millis timeout);
  /// `allow_data_loss`: drop the node even if it may have acknowledged commits that no other node has. `links`: the
  /// caller speaks for the node itself; refused (twin) if another one is that node.
  Result<> drop_node(NodeId node, Millis timeout, bool allow_data_loss = false, const std::string& links = {});
  /// Another certificate for a node that is registered at the request's host. Errors: also conflict (the authority's key
  /// is kept elsewhere; it is registered at another host).
  Result<protocol::CertificateAnswer> renew_certificate(NodeId node, const protocol::CertificateRequest& request,
                                                        Millis timeout);
  Result<> leave(NodeId node, Millis timeout, const std::string& links);
  Result<protocol::FormationDocument> create_formation(const protocol::FormationDocument& formation, Millis timeout);
  Result<> drop_formation(const std::string& formation, Millis timeout);
  Result<protocol::StateDocument> state(const std::string& formation, std::optional<GroupId> group, Millis timeout);
  /// Who would be the primary of each group if the one there is were lost now.
  Result<protocol::ExplanationsDocument> explain(const std::string& formation, std::optional<GroupId> group,
                                                 Millis timeout);
  /// `timeout` is on top of query.wait.
  Result<protocol::EventsDocument> events(const EventsQuery& query, Millis timeout);
  Result<protocol::OperationDocument> start_operation(const protocol::OperationRequest& request, Millis timeout);
  /// Returns as soon as it is no longer running, or after `wait`; `timeout` is on top of that.
  Result<protocol::OperationDocument> operation(std::int64_t id, Millis wait, Millis timeout);
  Result<protocol::SettingsDocument> settings(const std::string& formation, Millis timeout);
  Result<protocol::SettingsDocument> change_settings(const protocol::SettingsDocument& changes, Millis timeout);
  /// The answer has the secret, which nobody can ask for again.
  Result<protocol::TokenDocument> create_token(const protocol::TokenRequest& request, Millis timeout);
  Result<protocol::TokensDocument> tokens(Millis timeout);
  /// Returns it as it is afterwards.
  Result<protocol::TokenDocument> revoke_token(std::int64_t id, Millis timeout);
  /// What other clients of the monitor are to trust.
  Result<protocol::TrustDocument> trusted(Millis timeout);

 private:
  struct Host {
    std::string name;  // "host:port", for messages
    http::Client client;
  };
  enum class Retry { never, other_hosts };

  explicit MonitorApi(std::vector<Host> hosts);
  Result<std::string> try_hosts(const http::Request& request, TimePoint deadline, Retry retry);
  Result<std::string> call(http::Request request, Millis timeout, Retry retry);
  template <class Answer>
  Result<Answer> ask(const http::Request& request, Millis timeout, Retry retry);

  std::vector<Host> hosts_;
  std::size_t current_ = 0;
  Millis asked_to_wait_{0};
  std::string reason_;
};

struct DiscoverOptions {
  std::string ca_file;      // for https://: PEM file to trust; empty = what has the fingerprint, or the system's store
  Millis timeout{10'000};   // for all hosts together
  std::string fingerprint;  // of what is to be trusted (join_token.h); empty = of no join token
};

/// From what --monitor was given to the API. https:// is taken as it is; with a fingerprint and no CA file the monitor
/// is asked for what to trust (GET /v1/ca), and believed if that has the fingerprint. A libpq URI is connected to as
/// given, one host after the other, and asked (`autoctl.api_endpoint()`); its answer must have the fingerprint, too.
/// Errors: bad_usage (the address), unavailable, timeout, denied (also another fingerprint), incompatible (that Postgres
/// is no autoctl monitor).
Result<MonitorEndpoint> discover(const std::string& monitor, const DiscoverOptions& options);

}  // namespace autoctl::client
