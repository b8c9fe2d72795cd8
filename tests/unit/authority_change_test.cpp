// One authority after the other, and what is left when the monitor dies at any step.
#include "monitor/service/authority_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/tls/authority.h"
#include "common/tls/describe.h"
#include "common/tls/trust.h"
#include "monitor/service/authority.h"
#include "tests/support/scratch.h"

namespace autoctl::monitor {
namespace {

using Phase = AuthorityChange::Phase;
using testing::HasSubstr;

constexpr const char* host = "monitor1";

class ChangeOfAuthority : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(files_.directory);
    ASSERT_TRUE(authority_.create());
    ASSERT_TRUE(authority_.ensure_own(host));
    first_ = text(files_.authority_certificate());
  }
  static std::string text(const std::string& file) { return config::read_file(file).value_or(""); }
  std::size_t believed() const { return tls::describe_certificates(text(files_.ca()))->size(); }
  std::string own() const { return text(files_.certificate()); }
  bool is_believed(const std::string& certificate) const {
    return tls::check_believed(certificate, text(files_.ca()), host).has_value();
  }

  const test::ScratchDirectory scratch_;
  const config::Files files_{scratch_.path() + "/m"};
  const Authority authority_{files_};
  const AuthorityChange change_{files_};
  std::string first_;
};

TEST_F(ChangeOfAuthority, BothAreBelievedUntilItIsOver) {
  EXPECT_EQ(change_.phase(), Phase::none);
  const std::string old = own();
  const auto before = authority_.goal();
  ASSERT_TRUE(change_.begin());
  EXPECT_EQ(change_.phase(), Phase::introducing);
  EXPECT_EQ(believed(), 2U);
  EXPECT_EQ(authority_.goal()->issuer, before->issuer) << "the old one issues until all believe the new one";
  EXPECT_NE(authority_.goal()->bundle, before->bundle);
  EXPECT_EQ(change_.begin().error().code, Errc::conflict);

  ASSERT_TRUE(change_.switch_over());
  EXPECT_EQ(change_.phase(), Phase::reissuing);
  EXPECT_EQ(believed(), 2U);
  EXPECT_NE(authority_.goal()->issuer, before->issuer);
  ASSERT_TRUE(authority_.ensure_own(host));
  EXPECT_NE(own(), old) << "it is of the old one";
  EXPECT_TRUE(is_believed(old));
  EXPECT_TRUE(is_believed(own()));

  ASSERT_TRUE(change_.finish());
  EXPECT_EQ(change_.phase(), Phase::none);
  EXPECT_EQ(believed(), 1U);
  EXPECT_FALSE(is_believed(old));
  EXPECT_TRUE(is_believed(own()));
  EXPECT_FALSE(std::filesystem::exists(files_.former_authority_key()));
  EXPECT_FALSE(std::filesystem::exists(files_.next_authority_key()));
}

/// Whatever file was the last that was written.
TEST_F(ChangeOfAuthority, ItGoesOnFromWhereItWasCutShort) {
  ASSERT_TRUE(change_.begin());
  const std::string next = text(files_.next_authority_certificate()), next_key = text(files_.next_authority_key());
  const std::string both = text(files_.ca());
  ASSERT_TRUE(config::write_file(files_.ca(), first_));  // before who is believed was written down
  ASSERT_TRUE(change_.settle());
  EXPECT_EQ(text(files_.ca()), both);

  ASSERT_TRUE(config::write_file(files_.former_authority_certificate(), first_));  // before the switch
  EXPECT_EQ(change_.phase(), Phase::introducing);
  ASSERT_TRUE(config::write_file(files_.authority_key() + ".next", next_key));
  ASSERT_TRUE(config::write_file(files_.authority_certificate(), next));  // and in its middle
  ASSERT_TRUE(change_.settle());
  EXPECT_EQ(text(files_.authority_key()), next_key);
  EXPECT_EQ(change_.phase(), Phase::reissuing);
  EXPECT_FALSE(std::filesystem::exists(files_.next_authority_certificate()));
  EXPECT_EQ(believed(), 2U);

  std::filesystem::remove(files_.former_authority_certificate());  // in the middle of the end
  ASSERT_TRUE(change_.settle());
  EXPECT_EQ(change_.phase(), Phase::none);
  EXPECT_EQ(text(files_.ca()), next);
}

TEST_F(ChangeOfAuthority, WithTheKeyElsewhereItSaysWhatToDo) {
  std::filesystem::remove(files_.authority_key());
  const auto refused = change_.begin();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().hint, HasSubstr("put it back as " + files_.authority_key()));
  EXPECT_EQ(change_.phase(), Phase::none);
}

/// An authority issues nothing from before its own time: so it is the end that comes near.
TEST_F(ChangeOfAuthority, TheMonitorsOwnIsRenewedWhenItsEndIsNear) {
  using namespace std::chrono_literals;
  using std::chrono::system_clock;
  const auto asked = tls::request_certificate(host);
  const tls::KeyPair signer{first_, text(files_.authority_key())};
  const auto ended = tls::issue_certificate(signer, asked->csr_pem, host, "autoctl_monitor", system_clock::now(), -1s);
  ASSERT_TRUE(ended);
  ASSERT_TRUE(config::write_file(files_.key(), asked->key_pem));
  ASSERT_TRUE(config::write_file(files_.certificate(), *ended));
  ASSERT_TRUE(authority_.ensure_own(host));
  EXPECT_NE(own(), *ended);
  EXPECT_TRUE(is_believed(own()));
}

}  // namespace
}  // namespace autoctl::monitor
