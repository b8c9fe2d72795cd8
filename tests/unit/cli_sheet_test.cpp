// Rows in the formats that patronictl's users know.
#include <gtest/gtest.h>

#include "cli/output/sheet.h"

namespace autoctl::cli {
namespace {

Sheet sample() {
  Sheet sheet;
  sheet.title = "Cluster: demo";
  sheet.columns = {"Member", "TL", "Note"};
  sheet.rows = {{std::string("node one"), std::int64_t{2}, std::string("a, \"b\"")},
                {std::string("müller"), std::int64_t{12}, std::monostate{}}};
  return sheet;
}

TEST(Sheet, IsFramedForPeople) {
  EXPECT_EQ(to_text(sample(), SheetFormat::pretty),
            "+ Cluster: demo +--------+\n"
            "| Member   | TL | Note   |\n"
            "+----------+----+--------+\n"
            "| node one |  2 | a, \"b\" |\n"
            "| müller   | 12 |        |\n"
            "+----------+----+--------+\n");
}

TEST(Sheet, ATextOfSeveralLinesStaysInItsCell) {
  Sheet sheet;
  sheet.columns = {"a", "b"};
  sheet.rows = {{std::string("1\n22"), std::string("x")}};
  EXPECT_EQ(to_text(sheet, SheetFormat::pretty),
            "+----+---+\n| a  | b |\n+----+---+\n| 1  | x |\n| 22 |   |\n+----+---+\n");
}

TEST(Sheet, ForScripts) {
  EXPECT_EQ(to_text(sample(), SheetFormat::tsv), "Member\tTL\tNote\nnode one\t2\ta, \"b\"\nmüller\t12\t\n");
  EXPECT_EQ(to_text(sample(), SheetFormat::tsv, "|"), "Member|TL|Note\nnode one|2|a, \"b\"\nmüller|12|\n");
  EXPECT_EQ(to_text(sample(), SheetFormat::csv), "Member,TL,Note\nnode one,2,\"a, \"\"b\"\"\"\nmüller,12,\n");
}

TEST(Sheet, JsonHasNullWhereNothingIsOrNoKey) {
  Sheet sheet;
  sheet.columns = {"a", "b"};
  sheet.rows = {{std::int64_t{1}, std::monostate{}}};
  EXPECT_EQ(to_text(sheet, SheetFormat::json), "[\n  {\n    \"a\": 1,\n    \"b\": null\n  }\n]\n");
  sheet.omits_empty = true;
  EXPECT_EQ(to_text(sheet, SheetFormat::json), "[\n  {\n    \"a\": 1\n  }\n]\n");
  sheet.rows = {{std::string("\xff"), std::string("latin")}};
  EXPECT_NE(to_text(sheet, SheetFormat::json).find("latin"), std::string::npos) << "what is no UTF-8 does not throw";
}

TEST(Sheet, AStatementWithoutRowsPrintsNothing) {
  for (const SheetFormat format : {SheetFormat::pretty, SheetFormat::tsv, SheetFormat::csv, SheetFormat::json})
    EXPECT_EQ(to_text({}, format), "");
}

}  // namespace
}  // namespace autoctl::cli
