#include <gtest/gtest.h>

#include "common/pg/connection.h"

namespace autoctl::pg {
namespace {

using namespace std::chrono_literals;

TEST(PgQuote, Identifiers) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
}

TEST(PgQuote, Literals) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\'b"), "E'a\\\\''b'");
}

TEST(PgQuote, ConninfoValues) {
  EXPECT_EQ(quote_conninfo(""), "''");
  EXPECT_EQ(quote_conninfo("it's a \\ path"), "'it\\'s a \\\\ path'");
}

TEST(PgConnection, ANonsenseStringIsBadUsage) {
  const auto connection = Connection::open("host=x nonsense=1", 1s);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, Errc::bad_usage);
}

TEST(PgConnection, NobodyThereIsUnavailable) {
  const auto connection = Connection::open("host=/nonexistent port=5432", 1s);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace autoctl::pg
