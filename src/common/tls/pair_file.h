// A certificate and its key in two files, replaced together.
#pragma once

#include <string>

#include "common/tls/certificate.h"
#include "common/util/pid_file.h"

namespace autoctl::tls {

/// Whoever replaces a pair holds this from its request on. Errors: conflict (another one does), system.
Result<PidFile> lock_pair(const std::string& key_file);

/// The certificate goes first, its key waits beside the old one (`key_file`.next) until then: whatever moment this is cut
/// short at, settle_pair() completes it or takes it back. Not by two at once. Errors: system.
Result<> replace_pair(const std::string& certificate_file, const std::string& key_file, const KeyPair& pair);

/// Before the files are used: the two go together again. Errors: system.
Result<> settle_pair(const std::string& certificate_file, const std::string& key_file);

}  // namespace autoctl::tls
