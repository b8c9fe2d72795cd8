#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output/certificates.h"
#include "common/tls/certificate.h"

namespace autoctl::cli {
namespace {

using std::chrono::hours;

class CertificatesShownTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = tls::make_self_signed({"db1.example", "10.0.0.5", "fd00::5"});
    ASSERT_TRUE(made) << made.error().message;
    pem_ = made->certificate_pem;
    auto found = tls::describe_certificates("noise before\n" + pem_ + pem_);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 2U);
    one_ = found->front();
  }
  CertificatesShown shown() const {
    return {.servers = {{"node_1", "Postgres", "db1.example:5432", true, one_},
                        {"node_2", "Postgres", "db2.example:5432", true, {}},
                        {"node_3", "keeper", "db3.example:7432", false, {}}},
            .trusted = {}};
  }

  std::string pem_;
  tls::CertificateDescription one_;
  const std::chrono::system_clock::time_point now_ = std::chrono::system_clock::now();
};

TEST_F(CertificatesShownTest, WhatItSays) {
  EXPECT_EQ(one_.subject, "db1.example");
  EXPECT_EQ(one_.issuer, "db1.example");
  EXPECT_TRUE(one_.self_signed);
  for (const char* name : {"db1.example", "10.0.0.5", "fd00::5", "localhost", "127.0.0.1", "::1"})
    EXPECT_NE(std::ranges::find(one_.names, name), one_.names.end()) << name;
  EXPECT_EQ(one_.sha256, tls::inspect_certificate(pem_)->sha256);
  EXPECT_EQ(one_.ends, tls::inspect_certificate(pem_)->expires);
  EXPECT_LE(one_.begins, now_);
  EXPECT_FALSE(one_.serial.empty());
  EXPECT_FALSE(tls::describe_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

TEST_F(CertificatesShownTest, TellsAnEndThatIsNear) {
  EXPECT_FALSE(is_in_trouble(shown(), now_));
  EXPECT_NE(certificates_table(shown(), now_).find("good"), std::string::npos);
  EXPECT_NE(certificates_table(shown(), now_).find("no TLS"), std::string::npos);
  EXPECT_NE(certificates_table(shown(), now_).find("not reached"), std::string::npos);
  const auto sixth = (one_.ends - one_.begins) / 6;
  EXPECT_FALSE(is_in_trouble(shown(), one_.ends - sixth - hours(1)));
  EXPECT_TRUE(is_in_trouble(shown(), one_.ends - sixth + hours(1)));
  EXPECT_NE(certificates_table(shown(), one_.ends - hours(49)).find("ends soon"), std::string::npos);
  EXPECT_NE(certificates_table(shown(), one_.ends + hours(1)).find("has ended"), std::string::npos);
  const auto json = certificates_json(shown(), one_.ends - hours(49));
  EXPECT_EQ(json["servers"][0]["certificate"]["days_left"], 2);
  EXPECT_EQ(json["servers"][0]["state"], "ends soon");
  EXPECT_TRUE(json["servers"][1]["certificate"].is_null());
}

}  // namespace
}  // namespace autoctl::cli
