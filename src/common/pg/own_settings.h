// What a session of autoctl's depends on, said by itself: settings that come with the connection win over those of the
// server, of a role and of a database.
#pragma once

#include <string>
#include <string_view>

namespace autoctl::pg {

enum class Privilege { superuser, user };

/// For a connection's `options` (not yet quoted for a conninfo string). `major` is the server's; 0 = not known: then
/// what older servers do not know is left out. Only a superuser may set what keeps libraries and triggers of others out
/// of the session.
std::string own_settings(int major, Privilege privilege);

/// Removes libpq's variables (PGOPTIONS, PGHOSTADDR, PGSSLMODE, …) from this process' environment: they are a user's,
/// and would reach every connection and every child. While there are no other threads.
void forget_environment();

/// Is this variable one of them? Not those that a postmaster reads for itself (PG_OOM_ADJUST_FILE).
bool is_of_libpq(std::string_view variable);

}  // namespace autoctl::pg
