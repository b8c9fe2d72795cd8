#include "common/tls/server_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config/files.h"
#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

using Revocations = Owned<X509_CRL, X509_CRL_free>;

Result<std::string> read(const std::string& path) {
  auto text = config::read_file(path);
  if (!text) return fail(Errc::bad_usage, text.error().message, "give a file that this user can read");
  return text;
}

Result<Certificate> first_certificate(const std::string& path) {
  const auto text = read(path);
  if (!text) return fail(text.error());
  Certificate found(PEM_read_bio_X509(reading(*text).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!found) return fail(Errc::bad_usage, path + " has no certificate in PEM format");
  return found;
}

int no_passphrase(char*, int, int, void*) {
  return 0;
}

/// What Postgres itself insists on.
Result<> check_key_mode(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(Errc::bad_usage, path + " does not exist");
  const bool of_root = info.st_uid == 0;
  if (!of_root && info.st_uid != ::geteuid())
    return fail(Errc::bad_usage, path + " belongs to another user",
                "Postgres takes a key of its own user, or root's that its group can read");
  const mode_t forbidden = of_root ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((info.st_mode & forbidden) == 0) return {};
  return fail(Errc::bad_usage, path + " can be read by others, and Postgres refuses such a key", "chmod 600 " + path);
}

Result<> check_pair(const std::string& certificate_path, const std::string& key_path) {
  const auto certificate = first_certificate(certificate_path);
  if (!certificate) return fail(certificate.error());
  if (X509_cmp_current_time(X509_get0_notAfter(certificate->get())) < 0)
    return fail(Errc::bad_usage, certificate_path + " has expired", "give one that is good now");
  if (X509_cmp_current_time(X509_get0_notBefore(certificate->get())) > 0)
    return fail(Errc::bad_usage, certificate_path + " is not good yet", "give one that is, and look at the clock");
  const auto text = read(key_path);
  if (!text) return fail(text.error());
  const Key key(PEM_read_bio_PrivateKey(reading(*text).get(), nullptr, no_passphrase, nullptr));
  const bool fits = key && X509_check_private_key(certificate->get(), key.get()) == 1;
  ERR_clear_error();
  if (!key) return fail(Errc::bad_usage, key_path + " has no key in PEM format that needs no passphrase");
  if (!fits) return fail(Errc::bad_usage, key_path + " is not the key of " + certificate_path);
  return check_key_mode(key_path);
}

Result<> check_revocations(const std::string& path) {
  const auto text = read(path);
  if (!text) return fail(text.error());
  const Revocations found(PEM_read_bio_X509_CRL(reading(*text).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return found ? Result<>{} : fail(Errc::bad_usage, path + " has no revocation list in PEM format");
}

}  // namespace

Result<> check_server_files(const ServerFiles& files) {
  if (!files.certificate.empty()) AUTOCTL_TRY(check_pair(files.certificate, files.key));
  if (!files.ca.empty())
    if (const auto found = first_certificate(files.ca); !found) return fail(found.error());
  return files.crl.empty() ? Result<>{} : check_revocations(files.crl);
}

}  // namespace autoctl::tls
