#include "common/pg/own_settings.h"

#include <unistd.h>

#include <vector>

namespace autoctl::pg {
namespace {

/// No timeout of a user's, no isolation level that a standby cannot give, no other role, no library, nothing that ends
/// the session or changes how its answers look.
constexpr std::string_view of_everybody =
    "-c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off "
    "-c default_transaction_deferrable=off -c statement_timeout=0 -c lock_timeout=0 "
    "-c idle_in_transaction_session_timeout=0 -c role=none -c local_preload_libraries= -c client_min_messages=warning "
    "-c bytea_output=hex -c standard_conforming_strings=on -c exit_on_error=off -c jit=off "
    "-c max_parallel_workers_per_gather=0";
constexpr std::string_view since_14 = " -c idle_session_timeout=0";
constexpr std::string_view since_17 = " -c transaction_timeout=0";
constexpr std::string_view of_superusers = " -c session_preload_libraries= -c session_replication_role=origin";
constexpr std::string_view of_superusers_since_17 = " -c event_triggers=off";

}  // namespace

std::string own_settings(int major, Privilege privilege) {
  const bool superuser = privilege == Privilege::superuser;
  std::string options(of_everybody);
  if (major >= 14) options += since_14;
  if (major >= 17) options += since_17;
  if (superuser) options += of_superusers;
  if (superuser && major >= 17) options += of_superusers_since_17;
  return options;
}

bool is_of_libpq(std::string_view variable) {
  return variable.starts_with("PG") && !variable.starts_with("PG_OOM_ADJUST_");
}

void forget_environment() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (is_of_libpq(text)) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
}

}  // namespace autoctl::pg
