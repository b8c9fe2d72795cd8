// Each check of the tidy test finds what is violated on purpose, and nothing in what is right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "cpp_text.h"
#include "formatting.h"
#include "imports.h"
#include "includes.h"
#include "lengths.h"
#include "references.h"
#include "tool.h"
#include "waits.h"

namespace autoctl::tidy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string lines(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += "  go();\n";
  return text;
}

std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> all;
  for (const auto& finding : findings) {
    all.push_back(finding.path + ":" + std::to_string(finding.line) + ": " + finding.what);
  }
  return all;
}

// A directory of this test's own, gone afterwards.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "autoctl-tidy-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Waits, of_a_function_without_a_row_and_of_a_row_without_a_function_are_found) {
  const SourceFile table{"docs/waits.md", "| `a.cpp` `told` | x |\n| `a.cpp` `gone` | x |\n"};
  const SourceFile code{
      "src/a.cpp",
      "void X::told() {\n  sleep_for(1s);\n}\n\nint untold(int a) {\n  thing.wait(a);\n  return [&] { go(); }();\n}\n"
      "void busy() {\n  go();\n}\n"};
  EXPECT_THAT(texts(undocumented_waits({table, code}, table.path)),
              ElementsAre("src/a.cpp:5: untold waits, and has no row in docs/waits.md",
                          "docs/waits.md:2: gone of src/a.cpp does not wait"));
}

TEST(CppText, comments_and_literals_are_told_from_code) {
  const std::string text = "a(\"{ // no\"); // {\nb('{', 1'000'000); /* { */ c(R\"x({\" )x\");";
  EXPECT_EQ(code_of(text), "a(         );     \nb(   , 1'000'000);         c(          );");
  EXPECT_THAT(comments_of(text), HasSubstr("// {\n"));
  EXPECT_THAT(comments_of(text), HasSubstr("/* { */"));
  EXPECT_THAT(comments_of(text), testing::Not(HasSubstr("no")));
}

TEST(TidyLengths, a_function_of_61_lines_is_found_where_it_begins) {
  const SourceFile file{"src/a.cpp", "namespace x {\n\nvoid f(int a) {\n" + lines(59) + "}\n}\n"};
  EXPECT_THAT(texts(too_long({file})), ElementsAre("src/a.cpp:3: a function of 61 lines"));
}

TEST(TidyLengths, methods_and_tests_count_and_so_does_what_they_contain) {
  const std::string inside = "  if (a) {\n" + lines(60) + "  }\n";
  const SourceFile file{"src/a.h", "class A {\n public:\n  A() : a_{1} {\n" + inside +
                                       "  }\n};\n"
                                       "TEST(A, b) {\n" +
                                       inside + "}\n"};
  EXPECT_THAT(too_long({file}), testing::SizeIs(2));
}

TEST(TidyLengths, sixty_lines_tables_and_classes_are_fine) {
  const SourceFile file{"src/a.cpp", "void f() {\n" + lines(58) + "}\nconst Rows rows = {\n" + lines(70) +
                                         "};\nclass A {\n  void g() {\n" + lines(50) + "  }\n  void h() {\n" +
                                         lines(50) + "  }\n};\n"};
  EXPECT_THAT(texts(too_long({file})), IsEmpty());
}

TEST(TidyLengths, a_file_of_501_lines_is_found) {
  EXPECT_THAT(texts(too_long({{"src/a.h", std::string(501, '\n')}, {"src/b.h", std::string(500, '\n')}})),
              ElementsAre("src/a.h:0: a file of 501 lines"));
}

TEST(TidyIncludes, a_direction_that_is_not_allowed_is_found) {
  const Directions allowed = {{"low", {}}, {"high", {"low"}}, {"top", {"l*", "low/*"}}};
  EXPECT_THAT(texts(wrong_includes({{"src/high/a.cpp", "#include \"low/b.h\"\n#include \"high/a.h\"\n"}}, allowed)),
              IsEmpty());
  EXPECT_THAT(texts(wrong_includes({{"src/low/b.cpp", "#include <x>\n#include \"high/a.h\"\n"}}, allowed)),
              ElementsAre("src/low/b.cpp:2: src/low may not include high/a.h"));
}

TEST(TidyIncludes, a_new_directory_and_test_code_are_found) {
  EXPECT_THAT(texts(wrong_includes({{"src/new/a.cpp", "#include \"low/b.h\"\n"}}, {{"low", {}}})),
              ElementsAre(HasSubstr("src/new is not in the table")));
  EXPECT_THAT(texts(wrong_includes({{"src/low/a.cpp", "#include \"tests/support/x.h\"\n"}}, {{"low", {"tests/*"}}})),
              ElementsAre(HasSubstr("test code")));
}

TEST(TidyIncludes, circles_are_found) {
  const std::vector<SourceFile> headers = {{"src/low/a.h", "#include \"low/b.h\"\n"},
                                           {"src/low/b.h", "#include \"low/a.h\"\n"}};
  EXPECT_THAT(texts(wrong_includes(headers, {{"low", {}}})),
              ElementsAre("src:0: headers in a circle: low/a.h > low/b.h > low/a.h"));
  EXPECT_THAT(texts(wrong_includes({}, {{"a", {"b"}}, {"b", {"a"}}})),
              ElementsAre("src:0: directions in a circle: a > b > a"));
}

TEST(TidyReferences, links_and_anchors_that_lead_nowhere_are_found) {
  const SourceFile page{"docs/page.md",
                        "# One thing: `b`\n[a](other.md) [b](#one-thing-b) [c](../README.md#two)\n"
                        "[d](gone.md)\n[e](#nowhere) [f](https://x.invalid/y)\n```\n[g](gone.md)\n```\n"};
  const std::vector<SourceFile> files = {page, {"docs/other.md", ""}, {"README.md", "## Two\n"}};
  EXPECT_THAT(texts(dead_references(files)),
              ElementsAre("docs/page.md:3: a link to docs/gone.md, which is not there",
                          "docs/page.md:4: a link to a heading that docs/page.md does not have: #nowhere"));
}

TEST(TidyReferences, files_named_in_comments_are_looked_for) {
  const std::vector<SourceFile> files = {
      {"src/a/b.h", "// As src/a/b.h says, see c.cpp; tests/x_*.cpp, a/src/none, src/a/.\n#include \"gone.h\"\n"},
      {"src/a/c.cpp", "int a;  // src/a/gone.h\n// gone.md says why\nf(\"src/a/literal.h\");\n"},
      {"tests/x_1.cpp", ""},
      {"sql/1.sql", "-- see docs/none.md\nselect 'docs/literal.md';\n"},
      {"scripts/x", "# tests/gone\necho tests/literal\n"},
  };
  EXPECT_THAT(texts(dead_references(files)),
              ElementsAre("src/a/c.cpp:1: there is no src/a/gone.h", "src/a/c.cpp:2: there is no gone.md",
                          "sql/1.sql:1: there is no docs/none.md", "scripts/x:1: there is no tests/gone"));
}

TEST(TidyFormatting, what_the_formatter_would_write_differently_is_found) {
  if (installed_formatter() == 0) FAIL() << "there is no clang-format: ./scripts/setup installs it";
  const Scratch scratch;
  scratch.write(".clang-format", "BasedOnStyle: Google\n");
  scratch.write("good.cpp", "int a = 1;\n");
  scratch.write("bad file.cpp", "int b = 1;\nint  c=1;\n");
  const auto findings = badly_formatted(scratch.path(), {"good.cpp", "bad file.cpp"});
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings.front().path, "bad file.cpp");
  EXPECT_EQ(findings.front().line, 2);
}

// The compiler that builds the tests builds a library that does what is not allowed.
class TidyImports : public testing::Test {
 protected:
  std::filesystem::path library(const std::string& name, const std::string& source) {
    scratch.write(name + ".cpp", source);
    const auto directory = quoted(scratch.path().string());
    lines_of("cd " + directory + " && " + quoted(CXX_COMPILER) + " -std=c++20 -c " + name + ".cpp -o " + name +
             ".o && ar rc " + name + ".a " + name + ".o");
    return scratch.path() / (name + ".a");
  }

  Scratch scratch;
};

TEST_F(TidyImports, clocks_sockets_files_and_threads_are_found) {
  const auto bad = library("bad", R"(
    #include <chrono>
    #include <cstdlib>
    #include <fstream>
    #include <random>
    #include <thread>
    #include <sys/socket.h>
    long now() { return std::chrono::system_clock::now().time_since_epoch().count(); }
    int open() { return socket(1, 1, 0); }
    void write() { std::ofstream("x") << 1; }
    void run() { std::thread([] {}).join(); }
    unsigned chance() { return std::random_device()(); }
    const char* told() { return std::getenv("X"); }
  )");
  const auto findings = texts(forbidden_imports(bad, {}));
  for (const auto* symbol : {"system_clock::now", "socket", "ofstream", "std::thread", "random_device", "getenv"}) {
    EXPECT_THAT(findings, testing::Contains(HasSubstr(symbol))) << symbol;
  }
}

TEST_F(TidyImports, containers_and_friends_are_fine) {
  const auto friendly = library("friendly", "int f() { return 1; }\n");
  const auto good = library("good", R"(
    #include <map>
    #include <stdexcept>
    #include <string>
    int f();
    std::map<std::string, int> values() { return {{std::to_string(f()), 1}}; }
    void no() { throw std::logic_error("no"); }
  )");
  EXPECT_THAT(texts(forbidden_imports(good, {friendly})), IsEmpty());
  EXPECT_THAT(texts(forbidden_imports(good, {})), ElementsAre(HasSubstr("uses f()")));
}

TEST_F(TidyImports, a_library_that_is_not_there_is_a_finding) {
  EXPECT_THAT(forbidden_imports(scratch.path() / "none.a", {}), testing::SizeIs(1));
}

}  // namespace
}  // namespace autoctl::tidy
