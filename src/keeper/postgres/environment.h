// How Postgres' programs are called: messages untranslated, so that they can be understood, and without the PG*
// variables of whoever started us (PGPORT would move the server, PGHOST and PGSSLMODE its WAL receiver).
#pragma once

#include <string>
#include <vector>

#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

Command tool_command(const Tools& tools, const std::string& tool, std::vector<std::string> arguments);

/// The account that we, and so Postgres, run as: also the name of initdb's superuser.
std::string os_user();

/// The last lines of a program's output, in one: for error messages.
std::string last_lines(const std::string& output, int count = 3);

}  // namespace autoctl::keeper
