#include "common/tls/pair_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "common/config/files.h"
#include "common/tls/trust.h"
#include "common/util/sync_directory.h"

namespace autoctl::tls {

namespace {

std::string next(const std::string& key_file) {
  return key_file + ".next";
}

Result<> take_next(const std::string& key_file) {
  if (std::rename(next(key_file).c_str(), key_file.c_str()) != 0)
    return fail(Errc::system, "cannot replace " + key_file + ": " + std::generic_category().message(errno));
  return sync_directory(key_file.substr(0, key_file.rfind('/')));
}

}  // namespace

Result<PidFile> lock_pair(const std::string& key_file) {
  auto lock = PidFile::acquire(key_file + ".lock");
  if (!lock && lock.error().code == Errc::conflict)
    return fail(Errc::conflict, "another process is replacing " + key_file, "try again in a moment");
  return lock;
}

Result<> replace_pair(const std::string& certificate_file, const std::string& key_file, const KeyPair& pair) {
  AUTOCTL_TRY(settle_pair(certificate_file, key_file));
  AUTOCTL_TRY(config::write_file(next(key_file), pair.key_pem, 0600));
  AUTOCTL_TRY(config::write_file(certificate_file, pair.certificate_pem, 0644));
  return take_next(key_file);
}

Result<> settle_pair(const std::string& certificate_file, const std::string& key_file) {
  const auto key = config::read_file(next(key_file));
  if (!key) return {};
  const auto certificate = config::read_file(certificate_file);
  if (certificate && belong_together(*certificate, *key)) return take_next(key_file);
  ::unlink(next(key_file).c_str());
  return {};
}

}  // namespace autoctl::tls
