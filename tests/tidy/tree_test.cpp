// This tree keeps its own rules.
#include <gtest/gtest.h>

#include <algorithm>

#include "formatting.h"
#include "imports.h"
#include "includes.h"
#include "lengths.h"
#include "references.h"
#include "waits.h"

namespace autoctl::tidy {
namespace {

const std::vector<SourceFile>& tree() {
  static const auto files = read_tree(AUTOCTL_SOURCE_DIR);
  return files;
}

void expect_none(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) ADD_FAILURE() << finding;
}

TEST(Tidy, everything_that_people_write_is_read) {
  EXPECT_GT(tree().size(), 600u);
  for (const auto* path : {"README.md", "src/cli/main.cpp", "tests/tidy/tree_test.cpp", "docs/architecture.md"}) {
    EXPECT_TRUE(std::ranges::any_of(tree(), [&](const SourceFile& file) { return file.path == path; })) << path;
  }
}

TEST(Tidy, code_is_formatted) {
  if (installed_formatter() != 0 && installed_formatter() != formatter_version) {
    GTEST_SKIP() << "clang-format " << installed_formatter() << " lays out differently than " << formatter_version;
  }
  ASSERT_NE(installed_formatter(), 0) << "there is no clang-format: ./scripts/setup installs it";
  std::vector<std::string> paths;
  for (const auto& file : tree()) {
    if (file.is_cpp()) paths.push_back(file.path);
  }
  expect_none(badly_formatted(AUTOCTL_SOURCE_DIR, paths));
}

TEST(Tidy, functions_fit_a_screen_and_files_hold_one_idea) {
  expect_none(too_long(tree()));
}

TEST(Tidy, includes_go_one_way) {
  expect_none(wrong_includes(tree(), directions()));
}

TEST(Tidy, each_wait_has_a_bound_and_says_what_happens_then) {
  expect_none(undocumented_waits(tree(), "docs/waits.md"));
}

TEST(Tidy, links_and_names_of_files_lead_somewhere) {
  expect_none(dead_references(tree()));
}

TEST(Tidy, what_decides_uses_no_clock_socket_file_or_thread) {
  const std::vector<std::filesystem::path> libraries = {FSM_LIBRARY, KEEPER_CORE_LIBRARY, ENGINE_LIBRARY};
  for (const auto& library : libraries) {
    auto others = libraries;
    others.emplace_back(BASE_LIBRARY);
    expect_none(forbidden_imports(library, others));
  }
}

}  // namespace
}  // namespace autoctl::tidy
