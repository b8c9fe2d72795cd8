#include "cli/output/certificates.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output/table.h"

namespace autoctl::cli {

namespace {

using SystemTime = std::chrono::system_clock::time_point;
using tls::CertificateDescription;

std::string day(SystemTime time) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string moment(SystemTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::int64_t days_left(const CertificateDescription& certificate, SystemTime now) {
  return std::chrono::duration_cast<std::chrono::hours>(certificate.ends - now).count() / 24;
}

std::string state_of(const CertificateDescription& certificate, SystemTime now) {
  if (certificate.ends <= now) return "has ended";
  if (certificate.begins > now) return "not yet";
  return tls::ends_soon(certificate, now) ? "ends soon" : "good";
}

std::string state_of(const ShownCertificate& shown, SystemTime now) {
  if (!shown.reached) return "not reached";
  return shown.certificate ? state_of(*shown.certificate, now) : "no TLS";
}

nlohmann::json to_json(const CertificateDescription& certificate, SystemTime now) {
  return {{"issued_to", certificate.subject},
          {"names", certificate.names},
          {"issuer", certificate.issuer},
          {"self_signed", certificate.self_signed},
          {"serial", certificate.serial},
          {"sha256", certificate.sha256},
          {"begins", moment(certificate.begins)},
          {"ends", moment(certificate.ends)},
          {"days_left", days_left(certificate, now)}};
}

}  // namespace

bool is_in_trouble(const CertificatesShown& all, SystemTime now) {
  const auto bad = [&](const CertificateDescription& certificate) { return state_of(certificate, now) != "good"; };
  return std::ranges::any_of(all.trusted, bad) || std::ranges::any_of(all.servers, [&](const auto& shown) {
           return shown.certificate && bad(*shown.certificate);
         });
}

std::string certificates_table(const CertificatesShown& all, SystemTime now) {
  Table table({{"Of"},
               {"Server"},
               {"Address"},
               {"Issued to"},
               {"Issuer"},
               {"From"},
               {"Ends"},
               {"Days"},
               {"State"},
               {"Names", 0, true}});
  const auto add = [&](std::vector<std::string> row, const std::optional<CertificateDescription>& certificate,
                       std::string state) {
    if (certificate)
      row.insert(row.end(),
                 {certificate->subject, certificate->self_signed ? "itself" : certificate->issuer,
                  day(certificate->begins), day(certificate->ends), std::to_string(days_left(*certificate, now)),
                  std::move(state), fmt::format("{}", fmt::join(certificate->names, ", "))});
    else
      row.insert(row.end(), {"", "", "", "", "", std::move(state), ""});
    table.add(std::move(row));
  };
  for (const auto& shown : all.servers)
    add({shown.part, shown.server, shown.place}, shown.certificate, state_of(shown, now));
  for (const auto& authority : all.trusted) add({"trusted", "", ""}, authority, state_of(authority, now));
  return table.text() + (all.change.empty() ? "" : "The authority is being replaced: " + all.change + "\n");
}

nlohmann::json certificates_json(const CertificatesShown& all, SystemTime now) {
  nlohmann::json servers = nlohmann::json::array(), trusted = nlohmann::json::array();
  for (const auto& shown : all.servers) {
    nlohmann::json one = {
        {"of", shown.part}, {"server", shown.server}, {"address", shown.place}, {"state", state_of(shown, now)}};
    one["certificate"] = shown.certificate ? to_json(*shown.certificate, now) : nlohmann::json();
    servers.push_back(std::move(one));
  }
  for (const auto& authority : all.trusted) {
    nlohmann::json one = to_json(authority, now);
    one["state"] = state_of(authority, now);
    trusted.push_back(std::move(one));
  }
  return {{"servers", servers}, {"trusted", trusted}, {"change", all.change}};
}

}  // namespace autoctl::cli
