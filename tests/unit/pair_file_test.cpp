#include "common/tls/pair_file.h"

#include <gtest/gtest.h>

#include "common/config/files.h"
#include "common/tls/trust.h"
#include "tests/support/scratch.h"

namespace autoctl::tls {
namespace {

class PairFile : public testing::Test {
 protected:
  bool fits() const {
    return belong_together(config::read_file(certificate_).value_or(""), config::read_file(key_).value_or(""));
  }
  bool is_settled() const { return !config::read_file(key_ + ".next"); }

  const test::ScratchDirectory scratch_;
  const std::string certificate_ = scratch_.path() + "/server.crt", key_ = scratch_.path() + "/server.key";
  const KeyPair old_ = make_self_signed({"a.example"}).value(), new_ = make_self_signed({"a.example"}).value();
};

TEST_F(PairFile, IsReplaced) {
  ASSERT_TRUE(replace_pair(certificate_, key_, old_));
  ASSERT_TRUE(replace_pair(certificate_, key_, new_));
  EXPECT_EQ(config::read_file(certificate_).value_or(""), new_.certificate_pem);
  EXPECT_TRUE(fits());
  EXPECT_TRUE(is_settled());
}

TEST_F(PairFile, CutShortBeforeTheCertificateItIsTheOldOne) {
  ASSERT_TRUE(replace_pair(certificate_, key_, old_));
  ASSERT_TRUE(config::write_file(key_ + ".next", new_.key_pem, 0600));
  ASSERT_TRUE(settle_pair(certificate_, key_));
  EXPECT_EQ(config::read_file(certificate_).value_or(""), old_.certificate_pem);
  EXPECT_TRUE(fits());
  EXPECT_TRUE(is_settled());
}

TEST_F(PairFile, CutShortBeforeTheKeyItIsTheNewOne) {
  ASSERT_TRUE(replace_pair(certificate_, key_, old_));
  ASSERT_TRUE(config::write_file(key_ + ".next", new_.key_pem, 0600));
  ASSERT_TRUE(config::write_file(certificate_, new_.certificate_pem, 0644));
  EXPECT_FALSE(fits());
  ASSERT_TRUE(settle_pair(certificate_, key_));
  EXPECT_TRUE(fits());
  EXPECT_TRUE(is_settled());
}

}  // namespace
}  // namespace autoctl::tls
