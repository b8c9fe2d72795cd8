// Turns HTTP requests into calls of the engine, and its results into responses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/http/http.h"
#include "common/http/server.h"
#include "monitor/api/api_trust.h"
#include "monitor/api/host_check.h"
#include "monitor/service/credentials.h"
#include "monitor/service/service.h"

namespace autoctl::monitor {

class ApiRouter {
 public:
  /// `credentials` must outlive `service`, and both must outlive it.
  ApiRouter(Service& service, Credentials& credentials, std::string monitor_id, ApiTrust trust = {});

  struct Need {
    std::string_view method, path;
    Right right;
  };
  /// What each route needs.
  static std::vector<Need> needs();

  /// For http::Server, as its gate: without a good credential, large bodies are not read, and what needs one is refused.
  http::Standing judge(const http::Request& header) const;
  /// For http::Server: never blocks. Answers from the service's thread, or at once where the request itself is wrong.
  void handle(const http::Request& request, const http::Responder& respond) const;

 private:
  http::Standing judge_owner(const http::Request& header, const Credentials::Owner& owner) const;
  /// False: it will be answered, as its sender has asked for too much.
  bool affords(const http::Request& request, NodeId reporter, const http::Responder& respond) const;
  http::Response health() const;
  http::Response version() const;
  http::Response trust() const;

  Service& service_;
  Credentials& credentials_;
  HostCheck hosts_;
  std::string monitor_id_;
  ApiTrust trust_;
};

}  // namespace autoctl::monitor
