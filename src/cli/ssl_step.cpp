#include "cli/ssl_step.h"

#include "common/config/auth.h"

namespace autoctl::cli {

namespace {

constexpr const char* takes_what_it_gets = "allow";

/// Where TLS is there, `prefer` may come with channel_binding=require.
bool asks_for_tls(const SslNeighbour& node) {
  if (node.mode == "prefer") return node.serves.value_or(true);
  return node.mode != "allow" && node.mode != "disable";
}

}  // namespace

SslStep next_ssl_step(const config::Ssl& now, const config::Ssl& wanted, const std::vector<SslNeighbour>& others) {
  SslStep step{.ssl = wanted, .waits_for = {}};
  if (wanted.enabled && (config::demands_tls(now) || !config::demands_tls(wanted))) return step;
  if (!wanted.enabled && !now.enabled) return step;
  for (const auto& node : others)
    if (wanted.enabled ? !node.serves.value_or(false) : asks_for_tls(node)) step.waits_for.push_back(node.name);
  if (step.complete()) return step;
  if (!wanted.enabled) step.ssl = now;
  step.ssl.mode = takes_what_it_gets;
  return step;
}

}  // namespace autoctl::cli
