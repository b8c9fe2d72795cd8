// Errors as values. Nothing throws across a module boundary: adapters catch at their edge and return a Result.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace autoctl {

/// What kind of thing went wrong; the CLI derives its exit code from it (docs/exit-codes.md).
enum class Errc {
  bad_usage,   // the caller's options or request are wrong; nothing was changed
  bad_config,  // a configuration or state file is missing, unreadable or contradicts itself
  conflict,  // the request is well-formed but the present state forbids it (name taken, foreign data, wrong system id)
  unavailable,   // a peer did not answer or refused: worth another try
  twin,          // another instance is the node that this one says to be: this one stops
  timeout,       // it did not happen within its deadline
  denied,        // missing or wrong credential, certificate or file permission
  not_found,     // no such node, group, formation or file
  incompatible,  // other version of the protocol, or an unsupported Postgres major
  system,        // the operating system said no (errno is in the message)
  postgres,      // Postgres or one of its tools failed (its own words are in the message)
  internal,      // our mistake
};

struct Error {
  Errc code = Errc::internal;
  std::string message;  // what happened, one sentence, no trailing full stop
  std::string hint;     // what to do next; may be empty

  Error with_context(const std::string& prefix) && {
    message = prefix + ": " + message;
    return std::move(*this);
  }
};

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace autoctl

/// Evaluates a Result<void> expression and returns its error to the caller.
#define AUTOCTL_TRY(expression)                                      \
  do {                                                               \
    if (auto autoctl_try_result = (expression); !autoctl_try_result) \
      return ::autoctl::fail(std::move(autoctl_try_result.error())); \
  } while (false)
