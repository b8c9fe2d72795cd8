#include "common/tls/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <vector>

#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

void free_stack(STACK_OF(X509) * stack) {
  sk_X509_free(stack);  // not what is in it
}

}  // namespace

Result<> check_believed(const std::string& chain_pem, const std::string& trusted_pem, const std::string& host) {
  const auto chain = read_certificates(chain_pem), trusted = read_certificates(trusted_pem);
  if (chain.empty()) return fail(Errc::denied, "there is no certificate in PEM format");
  X509* leaf = chain.front().get();
  if (std::ranges::any_of(trusted, [&](const auto& each) { return X509_cmp(each.get(), leaf) == 0; })) return {};

  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Owned<STACK_OF(X509), free_stack> others(sk_X509_new_null());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!store || !others || !context) return fail(Errc::internal, "out of memory");
  for (const auto& each : trusted) X509_STORE_add_cert(store.get(), each.get());
  for (const auto& each : chain) sk_X509_push(others.get(), each.get());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf, others.get()) != 1)
    return fail(Errc::internal, "the certificate cannot be checked");
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) != 1)
    X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  return fail(Errc::denied, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

bool belong_together(const std::string& certificate_pem, const std::string& key_pem) {
  const auto found = read_certificates(certificate_pem);
  const Key key = read_key(key_pem);
  const bool good = !found.empty() && key && X509_check_private_key(found.front().get(), key.get()) == 1;
  ERR_clear_error();
  return good;
}

std::string without(const std::string& pem, const std::string& others) {
  auto known = read_certificates(others);
  std::string rest;
  for (auto& each : read_certificates(pem)) {
    if (std::ranges::any_of(known, [&](const auto& other) { return X509_cmp(other.get(), each.get()) == 0; })) continue;
    rest += to_pem(each.get()).value_or("");
    known.push_back(std::move(each));
  }
  return rest;
}

}  // namespace autoctl::tls
