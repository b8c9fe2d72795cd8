// The certificates that the parts of a formation show, for people and for scripts. Pure: text from values.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/tls/describe.h"

namespace autoctl::cli {

/// What one port shows.
struct ShownCertificate {
  std::string part;    // a node's name, or "monitor"
  std::string server;  // Postgres, keeper, API
  std::string place;   // host:port
  bool reached = false;
  std::optional<tls::CertificateDescription> certificate;  // nullopt, though it was reached: no TLS
};

struct CertificatesShown {
  std::vector<ShownCertificate> servers;
  std::vector<tls::CertificateDescription> trusted;  // by whom the monitor's clients know it
  std::string change = {};                           // of the monitor's authority, under way; empty: none
};

/// One that has ended, is about to, or has not begun.
bool is_in_trouble(const CertificatesShown& all, std::chrono::system_clock::time_point now);
std::string certificates_table(const CertificatesShown& all, std::chrono::system_clock::time_point now);
nlohmann::json certificates_json(const CertificatesShown& all, std::chrono::system_clock::time_point now);

}  // namespace autoctl::cli
