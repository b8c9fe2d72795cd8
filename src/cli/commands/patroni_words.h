// Words of patronictl's for which there is no command here.
#pragma once

#include <optional>
#include <string>

#include "common/util/result.h"

namespace autoctl::cli {

/// Why `word`, which `path` ("autoctl") does not know, has no place here, and what to type instead; nullopt for any other
/// word.
std::optional<Error> patroni_answer(const std::string& path, const std::string& word);

}  // namespace autoctl::cli
