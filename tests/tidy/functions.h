// The functions that a C++ file defines.
#pragma once

#include <string>
#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

struct Function {
  std::string name;  // without its class
  int line = 0;      // where it begins, from 1
  int lines = 0;
  std::string code;  // its body, without comments and literals
};

/// In their order. What is inside a function (lambdas, local classes) belongs to it.
std::vector<Function> functions_of(const SourceFile& file);

}  // namespace autoctl::tidy
