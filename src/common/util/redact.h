// Text without the secrets in it, before it gets into a log, a message, a file or the list of processes.
#pragma once

#include <string>

namespace autoctl {

/// A connection URI with "***" for its passwords. Any other text is returned as it is.
std::string redact(const std::string& uri);

/// A connection URI that is good for the same, but for who has to know the password; what is left out is in no place of
/// it. Any other text is returned as it is.
std::string without_password(const std::string& uri);

/// A libpq URI with this password in its query.
std::string with_password(const std::string& uri, const std::string& password);

/// `message`, which quotes `uri` or parts of it, with "***" for the passwords of the URI.
std::string redact_in(std::string message, const std::string& uri);

/// What the printed form of a join token begins with.
inline constexpr const char* join_token_prefix = "autoctl-join.";

/// A word of a command line that is not understood, fit to be quoted: of an option its name only, of a join token its
/// beginning, of a URI what redact() leaves.
std::string redact_word(const std::string& word);

/// Overwrites the secrets among the words that the process was started with, so that they are not in the list of
/// processes any more: the values of options that take a secret, and the passwords of URIs. To be called once they have been copied.
void hide_secrets(int argc, char** argv);

}  // namespace autoctl
