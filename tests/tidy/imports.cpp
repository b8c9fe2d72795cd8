#include "imports.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "tool.h"

namespace autoctl::tidy {
namespace {

// Whole names of C's and the compiler's.
constexpr std::array<std::string_view, 25> names = {"_GLOBAL_OFFSET_TABLE_",
                                                    "_Unwind_Resume",
                                                    "__dso_handle",
                                                    "__gxx_personality_v0",
                                                    "__stack_chk_fail",
                                                    "isalnum",
                                                    "isalpha",
                                                    "isdigit",
                                                    "isspace",
                                                    "isxdigit",
                                                    "memchr",
                                                    "memcmp",
                                                    "memcpy",
                                                    "memmove",
                                                    "memset",
                                                    "strlen",
                                                    "strcmp",
                                                    "tolower",
                                                    "toupper",
                                                    "strtol",
                                                    "strtoull",
                                                    "__errno_location",
                                                    "snprintf",
                                                    "vsnprintf",
                                                    "_ZSt7nothrow"};

// What begins like this: memory, exceptions, strings, containers. Each is named; std:: as a whole would let clocks in.
constexpr std::array<std::string_view, 31> beginnings = {"operator new",
                                                         "operator delete",
                                                         "__cxa_",
                                                         "__asan_",
                                                         "__ubsan_",
                                                         "std::__throw_",
                                                         "std::_Rb_tree_",
                                                         "std::__detail::_List_node_base::",
                                                         "std::__detail::_Prime_rehash_policy::",
                                                         "std::_Hash_bytes",
                                                         "std::nothrow",
                                                         "std::terminate()",
                                                         "std::allocator<char>::",
                                                         "std::__cxx11::basic_string<char,",
                                                         "std::basic_string_view<char,",
                                                         "std::exception::",
                                                         "std::bad_alloc::",
                                                         "std::bad_variant_access::",
                                                         "std::bad_optional_access::",
                                                         "std::logic_error::",
                                                         "std::runtime_error::",
                                                         "std::invalid_argument::",
                                                         "std::out_of_range::",
                                                         "std::length_error::",
                                                         "typeinfo for std::",
                                                         "vtable for std::",
                                                         "vtable for __cxxabiv1::",
                                                         "typeinfo for char",
                                                         "typeinfo for int",
                                                         "std::from_chars",
                                                         "std::to_chars"};

std::vector<std::string> symbols(const std::filesystem::path& library, const std::string& which) {
  return lines_of("nm --demangle --format=just-symbols " + which + " " + quoted(library.string()) + " 2>/dev/null");
}

}  // namespace

bool may_import(const std::string& symbol) {
  return std::ranges::find(names, symbol) != names.end() ||
         std::ranges::any_of(beginnings, [&](std::string_view beginning) { return symbol.starts_with(beginning); });
}

std::vector<Finding> forbidden_imports(const std::filesystem::path& library,
                                       const std::vector<std::filesystem::path>& others) {
  std::set<std::string> defined;
  for (const auto& line : symbols(library, "--defined-only")) defined.insert(line);
  if (defined.empty()) return {{library.string(), 0, "nm finds nothing in it"}};
  for (const auto& other : others) {
    for (const auto& line : symbols(other, "--defined-only")) defined.insert(line);
  }
  std::set<std::string> forbidden;
  for (const auto& line : symbols(library, "--undefined-only")) {
    const bool member = line.empty() || line.ends_with(".o:");  // which object of the archive comes next
    if (!member && !defined.contains(line) && !may_import(line)) forbidden.insert(line);
  }
  std::vector<Finding> findings;
  for (const auto& symbol : forbidden) findings.push_back({library.filename().string(), 0, "uses " + symbol});
  return findings;
}

}  // namespace autoctl::tidy
