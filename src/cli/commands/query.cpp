// query: SQL on one member of a group, with libpq's own user, password and environment.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands/commands.h"
#include "cli/member_options.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "common/config/files.h"
#include "common/pg/connection.h"
#include "common/postgres/lock_file.h"

namespace autoctl::cli {

namespace {

struct QueryOptions : MemberOptions {
  std::optional<std::string> command, file;
  std::string username, dbname;
  std::string format = "tsv";
  std::string delimiter = "\t";
  int timeout_seconds = 60;
};

Result<std::string> statements_of(const QueryOptions& options) {
  if (options.command) return *options.command;
  if (!options.file)
    return fail(Errc::bad_usage, "there is nothing to ask: neither --command nor --file is given",
                "autoctl query --command 'select 1'");
  return config::read_file(*options.file == "-" ? "/dev/stdin" : *options.file);
}

/// The node of this PGDATA by its socket, where the operating system says who asks; any other by its address.
std::string conninfo_of(const QueryOptions& options, const protocol::NodeDocument& member) {
  std::string conninfo =
      fmt::format("host={} port={} sslmode={}", pg::quote_conninfo(member.host), member.port, member.ssl_mode);
  const auto here = options.target.pgdata.empty() ? fail(Errc::not_found, "") : load_config(options.target.pgdata);
  const auto lock = postgres::read_lock_file(options.target.pgdata);
  if (here && !here->is_monitor() && here->node == member.id && lock && !lock->socket_directory.empty())
    conninfo = fmt::format("host={} port={}", pg::quote_conninfo(lock->socket_directory), lock->port);
  if (!options.username.empty()) conninfo += " user=" + pg::quote_conninfo(options.username);
  if (!options.dbname.empty()) conninfo += " dbname=" + pg::quote_conninfo(options.dbname);
  return conninfo + " application_name=autoctl_query";
}

Sheet sheet_of(const pg::Rows& rows) {
  Sheet sheet;
  sheet.columns = rows.columns();
  for (int row = 0; row < rows.size(); ++row) {
    std::vector<Cell> cells;
    for (int column = 0; column < static_cast<int>(sheet.columns.size()); ++column) {
      const auto value = rows.get(row, column);
      cells.push_back(value ? Cell(std::string(*value)) : Cell());
    }
    sheet.rows.push_back(std::move(cells));
  }
  return sheet;
}

/// No password is asked for: commands are for scripts, too.
Error with_advice(Error error, const protocol::NodeDocument& member) {
  if (error.code == Errc::denied && error.hint.empty())
    error.hint =
        "--username says as whom; PGPASSWORD or ~/.pgpass with which password; on the node itself, --pgdata of it "
        "needs "
        "none";
  return std::move(error).with_context(member.name);
}

Result<ExitCode> query(const QueryOptions& options) {
  const auto statements = statements_of(options);
  if (!statements) return fail(statements.error());
  const auto member = find_member(options);
  if (!member) return fail(member.error());
  auto sql = pg::Connection::open(conninfo_of(options, *member), call_timeout);
  if (!sql) return fail(with_advice(sql.error(), *member));
  const auto rows = sql->query_script(*statements, std::chrono::seconds(options.timeout_seconds));
  if (!rows) return fail(with_advice(rows.error(), *member));
  print(to_text(sheet_of(*rows), parse_sheet_format(options.format).value_or(SheetFormat::tsv), options.delimiter));
  return ExitCode::ok;
}

void declare(Verb command, QueryOptions& options) {
  declare_member(command, options);
  auto text =
      command.add_option("-c,--command", options.command, "the statements; the rows of the last one are printed")
          .type_name("SQL");
  command.add_option("-f,--file", options.file, "the file with them; -: stdin").type_name("FILE").excludes(text);
  command.add_option("-U,--username", options.username, "role to log in as; default: libpq's").type_name("ROLE");
  command.add_option("-d,--dbname", options.dbname, "database; default: libpq's").type_name("NAME");
  command.add_option("--format", options.format, "how to print the rows; default: tsv")
      .one_of({"pretty", "tsv", "csv", "json"})
      .type_name("FORMAT");
  command.add_option("--delimiter", options.delimiter, "what stands between the cells of tsv; default: a tab")
      .type_name("TEXT");
  command.add_option("--timeout", options.timeout_seconds, "end the statements after this many seconds; default: 60")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_query(Verb root, Invocation& invocation) {
  add_command<QueryOptions>(root, invocation, "query", "run SQL on the primary, on a standby, or on a node by name",
                            "autoctl query --pgdata /srv/pg --role standby --dbname app --command 'select now()'",
                            declare, query);
}

}  // namespace autoctl::cli
