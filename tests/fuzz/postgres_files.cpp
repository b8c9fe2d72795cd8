// Files of a data directory, which others write, too.
#include "common/fsm/standby_names.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/hba_file.h"
#include "common/postgres/lock_file.h"
#include "fuzz.h"
#include "keeper/postgres/control_data.h"
#include "keeper/postgres/hba_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  const std::string text = fuzz::text_of(data, size);

  static_cast<void>(postgres::parse_conf(text));
  const std::string included = postgres::with_include_at_end(text, "postgresql-autoctl.conf");
  fuzz::require(postgres::includes(included, "postgresql-autoctl.conf"));
  fuzz::require(postgres::with_include_at_end(included, "postgresql-autoctl.conf") == included);
  static_cast<void>(postgres::without_settings(text, {"port", "ssl"}));

  const std::string block = "host all all 10.0.0.1/32 trust\n";
  const std::string with = postgres::with_hba_block(text, block);
  fuzz::require(postgres::with_hba_block(with, block) == with);
  static_cast<void>(postgres::without_hba_block(with));
  static_cast<void>(keeper::addresses_in_block(text, NodeId{1}));
  static_cast<void>(keeper::local_user_is_let_in(text, "postgres"));

  static_cast<void>(postgres::parse_lock_file(text));
  static_cast<void>(keeper::parse_control_data(text));
  static_cast<void>(keeper::parse_history(text));
  if (const auto quorum = parse_sync_names(text)) {
    const auto again = parse_sync_names(sync_names(*quorum));
    fuzz::require(again && *again == *quorum);
  }
  return 0;
}
