// HTTPS + JSON in plain types. Beast and OpenSSL stay behind server.cpp and client.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace autoctl::http {

struct Request {
  std::string method;                        // "GET", "POST", …
  std::string path;                          // decoded, without the query
  std::map<std::string, std::string> query;  // decoded
  std::string bearer;                        // credential of the Authorization header, or empty
  std::string body;
  std::string peer;              // "address:port" of the other side; server only
  std::string certificate;       // whom the other side's was issued to, if it has shown one; server only
  std::string elsewhere;         // its address, if it is on another machine; server only
  std::uint64_t connection = 0;  // unique per connection in this process; server only
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::chrono::seconds retry_after{0};  // of a 503: not to be asked again before; 0 = nothing is said
};

}  // namespace autoctl::http
